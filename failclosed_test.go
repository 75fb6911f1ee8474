package guard_test

import (
	"context"

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

// TestAbsentWithoutRefusal: a lookup that finds nobody is refused even where
// no refusal was named for it.
func TestAbsentWithoutRefusal(t *testing.T) {
	if _, err := guard.Resolve(User{}, false, nil, nil); err == nil {
		t.Error("Resolve found nobody, and no error")
	}
	m := guard.BySubject(gone{bearer(), nil}, users)
	if w, reached := serve(t, m.Wrap, nil, "Authorization", "ok:gone"); reached || w.Code != 500 {
		t.Errorf("status %d, reached %t", w.Code, reached)
	}
}

// TestEmptySubject: a credential without a subject proves nobody, whatever the
// lookup would find under "".
func TestEmptySubject(t *testing.T) {
	a := answers[*token]{p: &token{""}}
	m := guard.BySubject(a, func(context.Context, string) (User, bool, error) {
		t.Error("looked up the empty subject")
		return User{"1", "Alice"}, true, nil
	})
	if w, reached := serve(t, m.Wrap, nil); reached || w.Code != 401 {
		t.Errorf("status %d, reached %t", w.Code, reached)
	}
}
