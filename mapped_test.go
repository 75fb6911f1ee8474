package guard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

func TestMapped(t *testing.T) {
	byName := func(_ context.Context, tok *token) (User, bool, error) {
		switch tok.sub {
		case "gone":
			return User{}, false, nil
		case "down":
			return User{}, false, io.ErrUnexpectedEOF
		case "abstain":
			return User{}, false, guard.ErrNoCredentials
		case "teapot":
			return User{}, true, &guard.Error{Status: 418}
		}
		return User{ID: tok.sub}, true, nil
	}
	m := guard.Map(bearer(), byName)
	if m.Scheme().Challenge != bearer().challenge {
		t.Errorf("challenge %q", m.Scheme().Challenge)
	}
	toID := guard.Map(m, func(_ context.Context, u User) (string, bool, error) { return u.ID, u.ID != "2", nil })
	tests := []struct {
		name, header string
		user, id     int
	}{
		{"known", "ok:1", 200, 200},
		{"unknown to the outer map", "ok:2", 200, 401},
		{"no principal", "ok:gone", 401, 401},
		{"failure", "ok:down", 500, 500},
		{"a lookup that abstains", "ok:abstain", 500, 500},
		{"a refusal of the lookup's own", "ok:teapot", 418, 418},
		{"bad", "bad", 401, 401},
		{"none", "", 401, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, reached := serve(t, m.Wrap, guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
				if c, ok := guard.CredentialFrom[*token](r.Context()); !ok || c.sub != u.ID {
					t.Errorf("credential %v, %t", c, ok)
				}
			}), "Authorization", tt.header)
			if w.Code != tt.user || reached != (tt.user == 200) {
				t.Errorf("status %d, reached %t, want %d", w.Code, reached, tt.user)
			}
			w, reached = serve(t, toID.Wrap, guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, id string) {
				tok, ok := guard.CredentialFrom[*token](r.Context())
				u, ok2 := guard.CredentialFrom[User](r.Context())
				if _, ok3 := guard.CredentialFrom[int](r.Context()); !ok || !ok2 || ok3 || tok.sub != id || u.ID != id {
					t.Errorf("credentials %v %t, %v %t, %t", tok, ok, u, ok2, ok3)
				}
			}), "Authorization", tt.header)
			if w.Code != tt.id || reached != (tt.id == 200) {
				t.Errorf("mapped twice: status %d, reached %t, want %d", w.Code, reached, tt.id)
			}
		})
	}
}

// TestEmptySubject: a credential without a subject is refused, and "" is not
// looked up.
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

func users2(_ context.Context, u User) (User, bool, error) { return u, true, nil }

// TestRefusalsAreCopies: what a caller changes of a refusal changes no other
// answer.
func TestRefusalsAreCopies(t *testing.T) {
	unknown := guard.BySubject(withUnknown{bearer(), guard.Unauthorized("Invalid token")}, users)
	r := harness.Request("/", "Authorization", "ok:gone")
	anonymous := func() (err error) {
		serve(t, guard.Optional(bearer()), func(_ http.ResponseWriter, r *http.Request) {
			_, err = guard.Authenticated[*token](r.Context())
		})
		return err
	}
	for name, refuse := range map[string]func() error{
		"Mapped":        func() error { _, err := unknown.Authenticate(r); return err },
		"Authenticated": anonymous,
	} {
		e, ok := errors.AsType[*guard.Error](refuse())
		if !ok {
			t.Errorf("%s: no refusal", name)
			continue
		}
		before := fmt.Sprint(e.Message, e.Challenges)
		e.Message = "changed"
		for i := range e.Challenges {
			e.Challenges[i] = "changed"
		}
		again, _ := errors.AsType[*guard.Error](refuse())
		if after := fmt.Sprint(again.Message, again.Challenges); after != before {
			t.Errorf("%s: %s after a change, %s before", name, after, before)
		}
	}
}

type byValue struct{ scopes []string }

func (b *byValue) ScopeLimit() ([]string, bool) { return b.scopes, true }

type embeds struct {
	*guard.Mapped[scopeLimited, account]
}

// TestLostLimitsPanic: a chain in which a credential's scope limit would not be seen
// is a mistake in the wiring.
func TestLostLimitsPanic(t *testing.T) {
	toAccount := func(context.Context, scopeLimited) (account, bool, error) { return account{"1"}, true, nil }
	toGrant := func(context.Context, account) (grant, bool, error) { return "x", true, nil }
	key := authenticates[scopeLimited]{scopeLimited{[]string{"read"}}, true}
	for name, f := range map[string]func(){
		"a value whose pointer is a limiter": func() {
			guard.Map(authenticates[byValue]{byValue{}, true}, func(context.Context, byValue) (account, bool, error) { return account{}, true, nil })
		},
		"an authenticator that embeds a Mapped":         func() { guard.Require[account](embeds{guard.Map(key, toAccount)}) },
		"an authenticator that embeds a Mapped, mapped": func() { guard.Map(embeds{guard.Map(key, toAccount)}, toGrant) },
		"a Mapped of a Mapped, embedded": func() {
			type embedsTwice struct{ *guard.Mapped[account, grant] }
			guard.Require[grant](embedsTwice{guard.Map(guard.Map(key, toAccount), toGrant)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
