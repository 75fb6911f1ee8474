package session_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
)

func TestRef(t *testing.T) {
	m := manager(t, nil)
	_, a, _ := createWith(t, m, session.Ref("sid-1"))
	_, b, _ := createWith(t, m, session.Ref("sid-1"), session.For(time.Hour))
	_, c, _ := createWith(t, m, session.Ref("sid-2"))
	_, d, _ := createWith(t, m, session.Ref(""))
	for _, ref := range []string{"", strings.Repeat("x", 256)} {
		_, err := m.DestroyRef(t.Context(), ref, "")
		refused(t, err, 500, "")
	}
	for _, want := range []int{2, 0} {
		if n, err := m.DestroyRef(t.Context(), "sid-1", ""); n != want || err != nil {
			t.Errorf("%d, %v; want %d", n, err, want)
		}
	}
	for cookie, want := range map[string]bool{a: false, b: false, c: true, d: true} {
		if _, err := m.Authenticate(request("GET", cookie)); (err == nil) != want {
			t.Errorf("%v, want %t", err, want)
		}
	}
	for cookie, want := range map[string]string{c: "sid-2", d: ""} {
		if s, err := m.Authenticate(request("GET", cookie)); err != nil || s.Ref() != want {
			t.Errorf("Ref of %v, want %q; %v", s, want, err)
		}
	}
	// A login that was under way is refused.
	_, err := m.Create(recorder(), request("POST"), "alice", profile{}, session.Ref("sid-1"))
	refused(t, err, 401, "Sign in again")
}

// TestRefOfSubject: a logout token names a session and a subject. It ends nothing of
// another subject, and a half sign-in as well as a session.
func TestRefOfSubject(t *testing.T) {
	methods := ""
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods)})
	signIn := func(subject string, opts ...session.CreateOption) (*http.Cookie, error) {
		w := recorder()
		if _, err := m.Create(w, request("POST"), subject, profile{}, opts...); err != nil {
			return nil, err
		}
		return cookieOf(t, w), nil
	}
	sid, half := session.Ref("sid"), session.Pending("totp", time.Hour)
	alice, err := signIn("alice", sid)
	aliceHalf, err2 := signIn("alice", sid, half)
	bob, err3 := signIn("bob", sid)
	bobHalf, err4 := signIn("bob", sid, half)
	other, err5 := signIn("alice", session.Ref("sid-2"))
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"\x00alice", "\x01alice", strings.Repeat("x", 256)} {
		_, err := m.DestroyRef(t.Context(), "sid", subject)
		refused(t, err, 500, "")
	}
	methods = "DeleteRef"
	_, err = m.DestroyRef(t.Context(), "sid", "alice")
	refused(t, err, 503, "")
	methods = ""
	alive(t, m, alice, "alice")
	for _, want := range []int{2, 0} { // with the half sign-in
		if n, err := m.DestroyRef(t.Context(), "sid", "alice"); n != want || err != nil {
			t.Errorf("%d, %v; want %d", n, err, want)
		}
	}
	alive(t, m, alice, invalid)
	alive(t, m, bob, "bob")
	alive(t, m, other, "alice")
	if _, _, err := complete(t, m, aliceHalf, "alice"); err == nil {
		t.Error("a half sign-in with an ended Ref was completed")
	}
	for _, opts := range [][]session.CreateOption{{sid}, {sid, half}} {
		_, err := signIn("alice", opts...)
		refused(t, err, 401, "Sign in again")
		if _, err := signIn("bob", opts...); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := complete(t, m, bobHalf, "bob"); err != nil {
		t.Error(err)
	}
	long := strings.Repeat("x", 255) // which can have no half sign-in
	if _, err := signIn(long, sid); err != nil {
		t.Fatal(err)
	}
	if n, err := m.DestroyRef(t.Context(), "sid", long); n != 1 || err != nil {
		t.Errorf("%d, %v; want 1", n, err)
	}
}
