package session_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// observed runs do with a request inside Observe, refuses its error, and returns
// the decisions.
func observed(t *testing.T, r *http.Request, do func(w http.ResponseWriter, r *http.Request) error) (decisions []guard.Decision) {
	t.Helper()
	observe := guard.Observe(func(r *http.Request, d guard.Decision) {
		if r == nil {
			t.Error("a decision without a request")
		}
		decisions = append(decisions, d)
	})
	observe(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := do(w, r); err != nil {
			guard.Refuse(w, r, err)
		}
	})).ServeHTTP(recorder(), r)
	return decisions
}

// TestActionsAreDecisions: a login was no Decision, a logout's had no subject, and
// refusals were those of package "handler".
func TestActionsAreDecisions(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods), MaxData: 100})
	create := func(subject string) (*login, *http.Cookie) { return create(t, m, subject) }
	signIn := func(w http.ResponseWriter, r *http.Request) error {
		_, err := m.Create(w, r, "alice", profile{})
		return err
	}
	s, c := create("alice")
	bobs, bob := create("bob")
	destroyed, dead := create("carol")
	if err := m.Destroy(recorder(), request("POST", with(dead))); err != nil {
		t.Fatal(err)
	}
	rotate := func(s *login) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, r *http.Request) error { _, err := m.Rotate(w, r, s); return err }
	}
	update := func(s *login, change func(*profile) error) func(http.ResponseWriter, *http.Request) error {
		return func(_ http.ResponseWriter, r *http.Request) error {
			_, err := m.Update(r.Context(), s, change)
			return err
		}
	}
	id := func(subject, id string) func(http.ResponseWriter, *http.Request) error {
		return func(_ http.ResponseWriter, r *http.Request) error {
			_, err := m.DestroyID(r.Context(), subject, id)
			return err
		}
	}
	all := func(_ http.ResponseWriter, r *http.Request) error {
		_, err := m.DestroyAll(r.Context(), "bob")
		return err
	}
	list := func(_ http.ResponseWriter, r *http.Request) error { _, err := m.List(r.Context(), "bob"); return err }
	same := func(*profile) error { return nil }
	half := func(w http.ResponseWriter, r *http.Request) error {
		_, err := m.Create(w, r, "alice", profile{}, session.Pending("totp", time.Minute))
		return err
	}
	_, spent := pending(t, m)
	_, ended := pending(t, m)
	completes := func(c *http.Cookie) func(w http.ResponseWriter, r *http.Request) error {
		s, err := m.Step("totp").Authenticate(request("POST", with(c)))
		if err != nil {
			t.Fatal(err)
		}
		return func(w http.ResponseWriter, r *http.Request) error {
			return signIn(w, r.WithContext(guard.WithPrincipal(r.Context(), s)))
		}
	}
	completing := completes(spent)
	epoch := func(_ http.ResponseWriter, r *http.Request) error {
		_, err := m.Epoch(r.Context(), "alice")
		return err
	}
	ref := func(_ http.ResponseWriter, r *http.Request) error {
		_, err := m.DestroyRef(r.Context(), "sid", "")
		return err
	}
	refOfAlice := func(_ http.ResponseWriter, r *http.Request) error {
		_, err := m.DestroyRef(r.Context(), "sid", "alice")
		return err
	}
	const foreign = "Sec-Fetch-Site: cross-site"
	for _, tt := range []struct {
		name   string
		do     func(http.ResponseWriter, *http.Request) error
		header []string
		down   string
		want   string // guard, action, outcome, subject; "" for no decision
		status int
	}{
		{"Create", signIn, nil, "", "|sign-in|allowed|alice", 0},
		{"Create from another origin", signIn, []string{foreign}, "", "|sign-in|refused|alice", 403},
		{"Create with more cookies than a browser has", signIn, slices.Repeat([]string{with(c)}, 181), "", "|sign-in|refused|alice", 431},
		{"Create while the store is down", signIn, nil, "Insert", "|sign-in|failed|alice", 503},
		{"Create of an ended epoch", func(w http.ResponseWriter, r *http.Request) error {
			_, err := m.Create(w, r, "alice", profile{}, session.AtEpoch(1000))
			return err
		}, nil, "", "|sign-in|refused|alice", 401},
		{"half a sign-in", half, nil, "", "step totp|pending|allowed|alice", 0},
		{"half a sign-in while the store is down", half, nil, "Insert", "step totp|pending|failed|alice", 503},
		{"the other half", completing, nil, "", "step totp|sign-in|allowed|alice", 0},
		{"the other half again", completing, nil, "", "step totp|sign-in|refused|alice", 401},
		{"Destroy of half a sign-in", m.Destroy, []string{with(ended)}, "", "|sign-out|allowed|", 0},
		{"Epoch", epoch, nil, "", "", 0},
		{"Epoch while the store is down", epoch, nil, "Epoch", "epoch||failed|alice", 503},
		{"DestroyRef", ref, nil, "", "sessions of a ref|sign-out|allowed|", 0},
		{"DestroyRef while the store is down", ref, nil, "DeleteRef", "sessions of a ref|sign-out|failed|", 503},
		{"DestroyRef of a subject", refOfAlice, nil, "", "sessions of a ref|sign-out|allowed|alice", 0},
		{"DestroyRef of a subject while the store is down", refOfAlice, nil, "DeleteRef", "sessions of a ref|sign-out|failed|alice", 503},
		{"CheckOrigin", func(_ http.ResponseWriter, r *http.Request) error { return m.CheckOrigin(r) }, []string{foreign}, "", "origin||refused|", 403},
		{"CheckOrigin, allowed", func(_ http.ResponseWriter, r *http.Request) error { return m.CheckOrigin(r) }, nil, "", "", 0},
		{"Update", update(s, same), nil, "", "", 0},
		{"Update with much data", update(s, func(p *profile) error { p.Email = strings.Repeat("x", 100); return nil }), nil, "", "update||failed|alice", 500},
		{"Update whose change refuses", update(s, func(*profile) error { return guard.Forbidden("") }), nil, "", "handler||refused|", 403},
		{"Update after Destroy", update(destroyed, same), nil, "", "update||refused|carol", 401},
		{"Update without a session", update(nil, same), nil, "", "update||refused|", 401},
		{"List while the store is down", list, nil, "List", "list||failed|bob", 503},
		{"List", list, nil, "", "", 0},
		{"Rotate of another session", rotate(s), []string{with(bob)}, "", "|rotate|failed|alice", 500},
		{"Rotate without a session", rotate(nil), []string{with(c)}, "", "|rotate|refused|", 401},
		{"Rotate", rotate(s), []string{with(c)}, "", "|rotate|allowed|alice", 0},
		{"Rotate again", rotate(s), []string{with(c)}, "", "|rotate|refused|alice", 401},
		{"Destroy without a cookie", m.Destroy, nil, "", "|sign-out|refused|", 401},
		{"Destroy from another origin", m.Destroy, []string{with(bob), foreign}, "", "|sign-out|refused|", 403},
		{"Destroy while the store is down", m.Destroy, []string{with(bob)}, "Delete", "|sign-out|failed|bob", 503},
		{"Destroy while the store is down, Load too", m.Destroy, []string{with(bob)}, "Load Delete", "|sign-out|failed|", 503},
		{"Destroy", m.Destroy, []string{with(bob)}, "", "|sign-out|allowed|bob", 0},
		{"Destroy again", m.Destroy, []string{with(bob)}, "", "|sign-out|allowed|", 0},
		{"DestroyID of none", id("bob", bobs.ID()), nil, "", "", 0},
		{"DestroyID of no ID", id("alice", "x"), nil, "", "", 0},
		{"DestroyID while the store is down", id("alice", s.ID()), nil, "Delete", "|sign-out|failed|alice", 503},
		{"DestroyID", id("alice", s.ID()), nil, "", "|sign-out|allowed|alice", 0},
		{"DestroyAll", all, nil, "", "all sessions|sign-out|allowed|bob", 0},
		{"DestroyAll while the store is down", all, nil, "DeleteAll", "all sessions|sign-out|failed|bob", 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			methods = tt.down
			got := observed(t, request("POST", tt.header...), tt.do)
			methods = ""
			if tt.want == "" {
				if len(got) != 0 {
					t.Fatalf("%+v", got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatalf("%d decisions: %+v", len(got), got)
			}
			d := got[0]
			if d.Package != "session" {
				d.Guard = d.Package
			}
			if text := strings.Join([]string{d.Guard, d.Action, string(d.Outcome), d.Subject}, "|"); text != tt.want || d.Status != tt.status {
				t.Errorf("%s with %d, want %s with %d", text, d.Status, tt.want, tt.status)
			}
			if tt.status == 0 && (d.Reason != "" || d.Err != nil) {
				t.Errorf("%+v", d)
			}
		})
	}
}

// A logout behind authentication needs no further call of the store for its
// subject, and neither does one outside of Observe.
func TestSubjectOfALogout(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods)})
	_, c := create(t, m, "alice")
	got := observed(t, request("POST", with(c)), func(w http.ResponseWriter, r *http.Request) error {
		m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			methods = "Load"
			if err := m.Destroy(w, r); err != nil {
				t.Error(err)
			}
		})).ServeHTTP(w, r)
		return nil
	})
	if len(got) != 2 || got[1].Action != "sign-out" || got[1].Subject != "alice" {
		t.Errorf("%+v", got)
	}
	// The decision is about the session, not about the user who authenticated.
	methods = ""
	_, c = create(t, m, "alice")
	got = observed(t, request("POST", with(c)), func(w http.ResponseWriter, r *http.Request) error {
		s, _ := create(t, m, "bob")
		return m.Destroy(w, r.WithContext(guard.WithPrincipal(r.Context(), s)))
	})
	if len(got) != 1 || got[0].Subject != "alice" {
		t.Errorf("%+v", got)
	}
}

// The cost of reporting an action that nothing observes is nothing.
func TestUnobservedActionsReadNothing(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods)})
	_, c := create(t, m, "alice")
	methods = "Load"
	if err := m.Destroy(recorder(), request("POST", with(c))); err != nil {
		t.Error(err)
	}
}
