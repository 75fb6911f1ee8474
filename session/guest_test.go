package session_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
)

// guest begins a guest's session.
func guest(t testing.TB, m *profiles, header ...string) (*login, *http.Cookie) {
	t.Helper()
	w := recorder()
	s, err := m.Guest(w, request("POST", header...), profile{"", "cart"})
	if err != nil {
		t.Fatal(err)
	}
	return s, cookieOf(t, w)
}

// wantGuest checks what GuestFrom returns for a request with these fields.
func wantGuest(t testing.TB, m *profiles, want bool, header ...string) *login {
	t.Helper()
	s, found, err := m.GuestFrom(request("GET", header...))
	if found != want || found != (s != nil) || err != nil {
		t.Errorf("a guest: %t, %v; want %t", found, err, want)
	}
	return s
}

func TestGuest(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	wantGuest(t, m, false)
	s, c := guest(t, m)
	if s.Sub()[0] != 0 || c.MaxAge != 0 || s.Data().Role != "cart" {
		t.Errorf("%q, Max-Age %d, %+v", s.Sub(), c.MaxAge, s.Data())
	}
	now.Advance(20 * time.Minute)
	same := wantGuest(t, m, true, with(c)) // extends the idle timeout
	if same.ID() != s.ID() || same.Data() != s.Data() {
		t.Errorf("%v, %+v", same, same.Data())
	}
	same, err := m.Update(t.Context(), same, func(p *profile) error { p.Role = "full"; return nil })
	if err != nil || same.Data().Role != "full" {
		t.Fatalf("%v, %v", same, err)
	}
	stale := s // two tabs
	if _, err := m.Update(t.Context(), stale, func(p *profile) error { p.Email = "x"; return nil }); err != nil {
		t.Fatal(err)
	}
	now.Advance(20 * time.Minute)
	if got := wantGuest(t, m, true, with(c)).Data(); got != (profile{"x", "full"}) {
		t.Errorf("%+v", got)
	}
	now.Advance(30 * time.Minute)
	wantGuest(t, m, false, with(c))
	w := recorder()
	s, err = m.Guest(w, request("POST", with(c)), profile{}, session.For(7*24*time.Hour))
	if err != nil || cookieOf(t, w).MaxAge != 7*86400 {
		t.Errorf("%v, %v", s, err)
	}
	now.Advance(6 * 24 * time.Hour)
	wantGuest(t, m, true, with(cookieOf(t, w)))
}

// A guest's cookie authenticates no one. It is not cleared.
func TestGuestIsAnonymous(t *testing.T) {
	m := manager(t, nil)
	_, c := guest(t, m)
	for _, tt := range []struct {
		name string
		step guard.Middleware
		want int
	}{
		{"Wrap", m.Wrap, 401},
		{"Step", guard.Require(m.Step("totp")), 401},
		{"Optional", guard.Optional(m), 200},
		{"Lenient", guard.Lenient(m), 200},
		{"Recent", func(h http.Handler) http.Handler {
			return guard.Optional(m)(stepup.Require(stepup.Within(time.Hour))(h))
		}, 401},
	} {
		w, reached := harness.Serve(t, tt.step, func(w http.ResponseWriter, r *http.Request) {
			if s, ok := guard.PrincipalFrom[*login](r.Context()); ok {
				t.Errorf("%s: %v is signed in", tt.name, s)
			}
			if _, ok := guard.CredentialFrom[*login](r.Context()); ok {
				t.Errorf("%s: a credential", tt.name)
			}
		}, request("GET", with(c)))
		if w.Code != tt.want || reached != (tt.want == 200) || len(cookies(w)) != 0 {
			t.Errorf("%s: %d, reached %t, %v", tt.name, w.Code, reached, w.Header())
		}
		if tt.want == 401 && !strings.Contains(w.Body.String(), "Not authenticated") && tt.name != "Recent" {
			t.Errorf("%s: %s", tt.name, w.Body)
		}
	}
	if s, err := m.Authenticate(request("GET", with(c))); s != nil || err == nil {
		t.Errorf("%v, %v", s, err)
	}
	wantGuest(t, m, true, with(c))
}

// A login ends the guest, and no subject of a user is a guest's.
func TestGuestSignsIn(t *testing.T) {
	m := manager(t, nil)
	g, c := guest(t, m)
	s, full := create(t, m, "alice", with(c))
	wantGuest(t, m, false, with(c))
	alive(t, m, c, invalid)
	alive(t, m, full, "alice")
	if s.Data().Role != "user" {
		t.Errorf("the guest's data was taken over: %+v", s.Data())
	}
	wantGuest(t, m, false, with(full))
	if _, err := m.Create(recorder(), request("POST"), g.Sub(), profile{}); err == nil {
		t.Error("signed in as a guest's subject")
	}
	if _, err := m.Update(t.Context(), g, func(*profile) error { return nil }); err == nil {
		t.Error("a guest outlives the login")
	}
}

// Beside a session or half sign-in there is no guest.
func TestGuestOfSignedIn(t *testing.T) {
	m := manager(t, &session.Options{Domain: "example.com"})
	_, g := guest(t, m)
	_, c := create(t, m, "alice")
	_, half := pending(t, m)
	const signedIn, pending = "Already signed in", "Complete the sign-in first"
	for header, message := range map[string]string{with(c): signedIn, with(half): pending, all(g, c): signedIn, all(c, g): signedIn, all(half, g): pending} {
		w := recorder()
		_, err := m.Guest(w, request("POST", header), profile{})
		refused(t, err, 409, message)
		if len(w.Header()) != 0 {
			t.Errorf("%v", w.Header())
		}
		wantGuest(t, m, false, header)
	}
	alive(t, m, c, "alice")
	wantGuest(t, m, true, with(g))
	if _, reached := serve(t, guard.Require(m.Step("totp")), request("GET", with(half))); !reached {
		t.Error("the half sign-in has ended")
	}
}

// Of several cookies, a guest's is no reason to refuse the live session.
func TestGuestAmongCookies(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Domain: "example.com", Now: now.Now})
	_, g := guest(t, m)
	now.Advance(time.Second)
	_, newer := guest(t, m)
	_, c := create(t, m, "alice")
	dead := &http.Cookie{Name: c.Name, Value: strings.Repeat("A", 43)}
	for _, list := range [][]*http.Cookie{{g, c}, {c, g}, {g, newer, c}, {dead, g, c}} {
		w, reached := serve(t, m.Wrap, request("GET", all(list...)))
		if !reached || w.Body.String() != "alice alice@example.com" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		wantGuest(t, m, false, all(list...))
	}
	for _, list := range [][]*http.Cookie{{g, newer}, {newer, dead, g}} {
		if s := wantGuest(t, m, true, all(list...)); !s.AuthTime().IsZero() || !s.LastSeen().Equal(now.Time) {
			t.Error("an older guest")
		}
		w, reached := serve(t, m.Wrap, request("GET", all(list...)))
		if w.Code != 401 || reached || len(cookies(w)) != 0 {
			t.Errorf("%d, %v", w.Code, w.Header())
		}
	}
	wantGuest(t, m, false, all(g, g, g, g, g))
	host := manager(t, nil) // a browser has one such cookie
	_, g1 := guest(t, host)
	_, g2 := guest(t, host)
	wantGuest(t, host, false, all(g1, g2))
	wantGuest(t, host, true, with(g1))
	if w := recorder(); m.Destroy(w, request("POST", all(g, newer))) != nil || len(cookies(w)) != 1 {
		t.Errorf("%v", w.Header())
	}
	wantGuest(t, m, false, all(g, newer))
}

func TestGuestErrors(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods)})
	_, c := guest(t, m)
	for _, opt := range []session.CreateOption{session.Ref("x"), session.Factors("pwd"), session.Pending("x", time.Minute), session.AtEpoch(0), nil} {
		_, err := m.Guest(recorder(), request("POST", with(c)), profile{}, opt)
		refused(t, err, 500, "")
	}
	_, err := m.Guest(recorder(), request("POST", with(c)), profile{Email: strings.Repeat("x", 5000)})
	refused(t, err, 500, "")
	cross := []string{with(c), "Sec-Fetch-Site: cross-site"}
	_, err = m.Guest(recorder(), request("POST", cross...), profile{})
	refused(t, err, 403, "Cross-origin")
	_, _, err = m.GuestFrom(request("POST", cross...))
	refused(t, err, 403, "Cross-origin")
	wantGuest(t, m, true, with(c))
	for _, methods = range []string{"Load", "Delete", "Insert"} {
		w := recorder()
		_, err := m.Guest(w, request("POST", with(c)), profile{})
		refused(t, err, 503, "")
		if len(w.Header()) != 0 {
			t.Errorf("%s: %v", methods, w.Header())
		}
	}
	methods = "Load"
	s, found, err := m.GuestFrom(request("GET", with(c)))
	refused(t, err, 503, "")
	if s != nil || found {
		t.Error("a guest while the store is down")
	}
}

// Audit logs name no guest or half sign-in as a subject.
func TestGuestHasNoSubjectInDecisions(t *testing.T) {
	m := manager(t, nil)
	g, c := guest(t, m)
	half, _ := pending(t, m)
	var seen []string
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) {
		seen = append(seen, fmt.Sprintf("%s %q", d.Action, d.Subject))
	})
	harness.Serve(t, observe, func(w http.ResponseWriter, r *http.Request) {
		if _, err := m.Update(r.Context(), half, func(*profile) error { return nil }); err == nil {
			t.Error("a half sign-in was updated")
		}
		if _, err := m.Rotate(w, r, g); err != nil {
			t.Error(err)
		}
		if err := m.Destroy(w, r); err != nil {
			t.Error(err)
		}
		if _, err := m.Reload(r.Context(), g); err == nil {
			t.Error("a guest outlives Destroy")
		}
	}, request("POST", with(c)))
	if want := []string{` ""`, `rotate ""`, `sign-out ""`, ` ""`}; !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
}

// Every store bounds guests by its bound of a subject.
func TestGuestSubjects(t *testing.T) {
	m := manager(t, nil)
	subjects := map[string]int{}
	for range 2000 {
		s, _ := guest(t, m)
		subjects[s.Sub()]++
	}
	if n := len(subjects); n < 1400 || n > 2000 { // 1,582 are expected
		t.Errorf("%d subjects", n)
	}
}

// TestGuestsHaveNoList: by the subject of a guest, List returned the sessions of other
// visitors with their data, and DestroyID ended them, as guests share their subjects.
func TestGuestsHaveNoList(t *testing.T) {
	m := manager(t, nil)
	first := map[string]*http.Cookie{} // of the guests of a subject
	var mine, other *login
	for other == nil {
		s, c := guest(t, m)
		if first[s.Sub()] == nil {
			first[s.Sub()] = c
			continue
		}
		mine, other = s, wantGuest(t, m, true, with(first[s.Sub()]))
	}
	if list, err := m.List(t.Context(), mine.Sub()); len(list) != 0 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	if found, err := m.DestroyID(t.Context(), mine.Sub(), other.ID()); found || err != nil {
		t.Errorf("another visitor's session was ended: %t, %v", found, err)
	}
	wantGuest(t, m, true, with(first[mine.Sub()]))
}
