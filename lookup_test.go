package guard_test

import (
	"testing"

	"github.com/go-guard/guard"
)

// TestAbsentWithoutRefusal: a lookup that finds nothing is refused even where no
// refusal is given for it.
func TestAbsentWithoutRefusal(t *testing.T) {
	if _, err := guard.Resolve(User{}, false, nil, nil); err == nil {
		t.Error("Resolve returned no error")
	}
	m := guard.BySubject(withUnknown{bearer(), nil}, users)
	if w, reached := serve(t, m.Wrap, nil, "Authorization", "ok:gone"); reached || w.Code != 401 {
		t.Errorf("status %d, reached %t", w.Code, reached)
	}
}

// TestZeroUserWithFoundFalse: a lookup that returns a zero user with found false
// is a refusal, not a user.
func TestZeroUserWithFoundFalse(t *testing.T) {
	u, err := guard.Resolve(User{}, false, nil, guard.Unauthorized("no"))
	if err == nil {
		t.Errorf("resolved to %v", u)
	}
}
