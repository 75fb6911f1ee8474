package guard_test

import (
	"fmt"
	"testing"

	"github.com/go-guard/guard"
)

// TestFailureThatWrapsNoCredentials: only a 401 abstains; a failure of ours
// whose cause says ErrNoCredentials is not anonymity.
func TestFailureThatWrapsNoCredentials(t *testing.T) {
	for _, status := range []int{0, 400, 403, 500, 503} {
		a := answers[string]{err: &guard.Error{Status: status, Err: fmt.Errorf("cache: %w", guard.ErrNoCredentials)}}
		w, reached := serve(t, guard.Optional(a), nil)
		if want := max(status, 400); reached || w.Code < want {
			t.Errorf("%d: status %d, reached %t", status, w.Code, reached)
		}
	}
}
