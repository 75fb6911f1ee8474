package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

// flash sets a message and returns the cookie that the response sets, or nil.
func flash(t testing.TB, m *profiles, text string, header ...string) *http.Cookie {
	t.Helper()
	w := recorder()
	if err := m.Flash(w, request("POST", header...), text); err != nil {
		t.Fatal(err)
	}
	if len(cookies(w)) == 0 {
		return nil
	}
	return cookieOf(t, w)
}

func wantFlashes(t testing.TB, m *profiles, header string, want ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := recorder()
	got, err := m.Flashes(w, request("GET", header))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	return w
}

func TestFlash(t *testing.T) {
	m := manager(t, nil)
	s, c := create(t, m, "alice")
	if set := flash(t, m, "Saved <b>", with(c)); set != nil {
		t.Errorf("a cookie for a session: %v", set)
	}
	flash(t, m, "\"\\\u2028\x00é", with(c))
	s, err := m.Update(t.Context(), s, func(p *profile) error { p.Role = "admin"; return nil })
	if err != nil {
		t.Fatal(err)
	}
	w := wantFlashes(t, m, with(c), "Saved <b>", "\"\\\u2028\x00é")
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Vary") != "Cookie" || len(cookies(w)) != 0 {
		t.Errorf("%v", w.Header())
	}
	w = wantFlashes(t, m, with(c))
	if w.Header().Get("Cache-Control") != "" || w.Header().Get("Vary") != "Cookie" {
		t.Errorf("%v", w.Header())
	}
	got, err := m.Authenticate(request("GET", with(c)))
	if err != nil || got.Data() != (profile{"alice@example.com", "admin"}) || got.ID() != s.ID() {
		t.Errorf("%+v, %v", got.Data(), err)
	}
	if list, err := m.List(t.Context(), "alice"); len(list) != 1 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// A visitor without a session becomes a guest.
func TestFlashOfGuest(t *testing.T) {
	m := manager(t, nil)
	c := flash(t, m, "Sent")
	if c == nil || flash(t, m, "Again", with(c)) != nil {
		t.Fatal("not one cookie")
	}
	if got := wantGuest(t, m, true, with(c)).Data(); got != (profile{}) {
		t.Errorf("%+v", got)
	}
	alive(t, m, c, e401("Not authenticated"))
	w := recorder() // the guest's messages stay when a cart begins
	if _, err := m.Guest(w, request("POST", with(c)), profile{Role: "cart"}); err != nil {
		t.Fatal(err)
	}
	wantFlashes(t, m, with(c))
	cart := cookieOf(t, w)
	wantFlashes(t, m, with(cart), "Sent", "Again")
	wantFlashes(t, m, with(cart))
	if got := wantGuest(t, m, true, with(cart)).Data(); got.Role != "cart" {
		t.Errorf("%+v", got)
	}
	wantFlashes(t, m, "Cookie: __Host-session=unknown")
	wantFlashes(t, m, "X-Nothing: none")
}

// Within one response, the cookie that it sets counts.
func TestFlashInOneResponse(t *testing.T) {
	m := manager(t, nil)
	_, old := create(t, m, "alice")
	w, r := recorder(), request("POST", with(old))
	if _, err := m.Create(w, r, "alice", profile{}); err != nil {
		t.Fatal(err)
	}
	if err := m.Flash(w, r, "Welcome"); err != nil {
		t.Fatal(err)
	}
	c := cookieOf(t, w)
	alive(t, m, c, "alice")
	wantFlashes(t, m, with(c), "Welcome")

	w, r = recorder(), request("POST", with(c)) // "signed out" for the next page
	if err := m.Destroy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := m.Flash(w, r, "Goodbye"); err != nil {
		t.Fatal(err)
	}
	bye := cookieOf(t, w)
	if got, err := m.Flashes(w, r); err != nil || !slices.Equal(got, []string{"Goodbye"}) {
		t.Errorf("%q, %v", got, err)
	}
	alive(t, m, c, invalid)
	alive(t, m, bye, e401("Not authenticated"))

	_, live := create(t, m, "alice") // a cookie that the response has cleared does not count
	flash(t, m, "Of Alice", with(live))
	w = recorder()
	w.Header().Set("Set-Cookie", live.Name+"=; Max-Age=0")
	if got, err := m.Flashes(w, request("GET", with(live))); got != nil || err != nil {
		t.Errorf("%q, %v", got, err)
	}

	w, r = recorder(), request("POST") // the handler renders the form again, or it signs in after all
	if err := m.Flash(w, r, "Try"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Create(w, r, "alice", profile{}); err != nil {
		t.Fatal(err)
	}
	wantFlashes(t, m, with(cookieOf(t, w)), "Try")
}

// A login takes over the messages of the guest and of the half sign-in, and none of
// another user's session.
func TestCreateTakesFlashesOver(t *testing.T) {
	m := manager(t, &session.Options{Domain: "example.com"})
	g := flash(t, m, "You have to sign in")
	w := recorder()
	if _, err := m.Create(w, request("POST", with(g)), "alice", profile{}, session.Pending("totp", time.Minute)); err != nil {
		t.Fatal(err)
	}
	half := cookieOf(t, w)
	if flash(t, m, "Wrong code", with(half)) != nil {
		t.Error("a half sign-in becomes a guest")
	}
	_, c, err := complete(t, m, half, "alice")
	if err != nil {
		t.Fatal(err)
	}
	wantFlashes(t, m, with(half))
	wantFlashes(t, m, with(g))
	flash(t, m, "Of Alice", with(c))
	other := flash(t, m, "Of a guest")
	_, bob := create(t, m, "bob", all(c, other))
	wantFlashes(t, m, with(bob), "Of a guest")
}

// The messages of another subject's half sign-in may name that one.
func TestCreateTakesNoFlashesOfAnotherSubject(t *testing.T) {
	m := manager(t, nil)
	_, half := pending(t, m) // alice leaves the browser
	flash(t, m, "A code was sent to alice@example.com", with(half))
	_, bob := create(t, m, "bob", with(half))
	wantFlashes(t, m, with(bob))
	alive(t, m, bob, "bob")
}

// A cookie whose record another version wrote kept the person from signing in: 500.
func TestCreateDespiteUnreadableRecord(t *testing.T) {
	memory := newMemory(t, nil)
	for _, m := range []*profiles{manager(t, &session.Options{Store: memory}), manager(t, &session.Options{Store: memory, Domain: "example.com"})} {
		rec := sessiontest.Record("alice")
		rec.Login = "z"
		_, c := create(t, m, "alice")
		list, err := memory.List(t.Context(), "alice")
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		rec.Key = list[0].Key
		if ok, err := memory.Delete(t.Context(), rec.Key); !ok || err != nil {
			t.Fatal(err)
		}
		if err := memory.Insert(t.Context(), rec, session.AnyEpoch); err != nil {
			t.Fatal(err)
		}
		_, err = m.Authenticate(request("GET", with(c)))
		refused(t, err, 500, "")
		_, fresh := create(t, m, "alice", with(c))
		alive(t, m, fresh, "alice")
		alive(t, m, c, invalid)
		if n, err := m.DestroyAll(t.Context(), "alice"); n != 1 || err != nil {
			t.Error(n, err)
		}
	}
}

func TestFlashesAreTakenOver(t *testing.T) {
	m := manager(t, nil)
	g := flash(t, m, "You have to sign in")
	_, c := create(t, m, "alice", with(g))
	wantFlashes(t, m, with(c), "You have to sign in")
	alive(t, m, g, invalid)
}

func TestFlashIsBounded(t *testing.T) {
	m := manager(t, &session.Options{MaxData: 100})
	_, c := create(t, m, "alice")
	var want []string
	for i := range 15 {
		want = append(want, strings.Repeat("<", 1020)+fmt.Sprint(i))
		flash(t, m, want[i], with(c))
	}
	refused(t, m.Flash(recorder(), request("POST", with(c)), strings.Repeat("x", 1025)), 500, "")
	wantFlashes(t, m, with(c), want[5:]...)
	alive(t, m, c, "alice")
}
