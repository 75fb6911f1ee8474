package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
)

// Of several cookies, a step reads the half sign-in, and other guards the session, also of
// another subject: a cookie that another site has planted keeps no one out.
func TestStepAmongSeveralCookies(t *testing.T) {
	m := manager(t, &session.Options{Domain: "example.com"})
	_, half := pending(t, m)
	_, full := create(t, m, "bob")
	unknown := &http.Cookie{Name: half.Name, Value: strings.Repeat("A", 43)}
	require, totp, webauthn := m.Wrap, guard.Require(m.Step("totp")), guard.Require(m.Step("webauthn"))
	for i, tt := range []struct {
		step    guard.Middleware
		cookies []*http.Cookie
		want    string
	}{
		{require, []*http.Cookie{half, full}, "bob"},
		{require, []*http.Cookie{full, half}, "bob"},
		{totp, []*http.Cookie{half, full}, "alice"},
		{totp, []*http.Cookie{full, half}, "alice"},
		{require, []*http.Cookie{unknown, half}, e401("Not authenticated")},
		{totp, []*http.Cookie{unknown, full}, e401("Not authenticated")},
		{webauthn, []*http.Cookie{half, full}, e401("Not authenticated")},
	} {
		w, reached := serve(t, tt.step, request("GET", all(tt.cookies...)))
		got := w.Body.String()
		if reached {
			got, _, _ = strings.Cut(got, " ")
		}
		if got != tt.want || len(cookies(w)) > 0 {
			t.Errorf("%d: %d %s, %v", i, w.Code, got, cookies(w))
		}
	}
	// The step's Create ends the others.
	harness.Serve(t, totp, func(w http.ResponseWriter, r *http.Request) {
		if _, err := m.Create(w, r, "alice", profile{}); err != nil {
			t.Error(err)
		}
	}, request("POST", all(full, half)))
	alive(t, m, full, invalid)
	if list, err := m.List(t.Context(), "alice"); len(list) != 1 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// A half sign-in is no session for the methods that take one, and is not listed. It ends
// like one.
func TestHalfSignInIsNoSession(t *testing.T) {
	m := manager(t, nil)
	half, c := pending(t, m)
	_, err := m.Update(t.Context(), half, func(*profile) error { t.Error("called"); return nil })
	refused(t, err, 401, "Not authenticated")
	_, err = m.Rotate(recorder(), request("POST", with(c)), half)
	refused(t, err, 401, "Not authenticated")
	if list, err := m.List(t.Context(), "alice"); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	ends := map[string]func() error{
		"Destroy":    func() error { return m.Destroy(recorder(), request("POST", with(c))) },
		"DestroyAll": func() error { _, err := m.DestroyAll(t.Context(), "alice"); return err },
		"DestroyRef": func() error { _, err := m.DestroyRef(t.Context(), "sid", ""); return err },
		"a login": func() error {
			_, err := m.Create(recorder(), request("POST", with(c)), "bob", profile{})
			return err
		},
	}
	for _, name := range []string{"Destroy", "DestroyAll", "a login", "DestroyRef"} {
		_, c = pending(t, m, session.Ref("sid"))
		if w, reached := serve(t, guard.Require(m.Step("totp")), request("POST", with(c))); !reached {
			t.Fatalf("before %s: %d %s", name, w.Code, w.Body)
		}
		if err := ends[name](); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, reached := serve(t, guard.Require(m.Step("totp")), request("POST", with(c))); reached {
			t.Errorf("after %s it is alive", name)
		}
	}
}

// A half sign-in that another manager's Step has accepted completes no login.
func TestStepOfAnotherManager(t *testing.T) {
	m, other := manager(t, nil), manager(t, nil)
	_, c := pending(t, other)
	harness.Serve(t, guard.Require(other.Step("totp")), func(w http.ResponseWriter, r *http.Request) {
		_, err := m.Create(w, r, "alice", profile{})
		refused(t, err, 500, "")
	}, request("POST", with(c)))
	if _, full, err := complete(t, other, c, "alice"); err != nil {
		t.Error(err)
	} else {
		alive(t, other, full, "alice")
	}
}

// Middleware of the application may make a guest a principal. No sign-in is recent then.
func TestRecentGuest(t *testing.T) {
	m := manager(t, nil)
	s, _ := guest(t, m)
	step := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), s)))
		})
	}
	if w, reached := serve(t, guard.Chain(step, stepup.Require(stepup.Within(time.Hour))), request("POST")); w.Code != 401 || reached {
		t.Errorf("%d, reached %t", w.Code, reached)
	}
}

// TestHalfSignInsPushOutNoSession: someone who knows the password alone cannot sign the
// person out by signing in halfway, again and again.
func TestHalfSignInsPushOutNoSession(t *testing.T) {
	store := guard.Must(session.NewMemory(&session.MemoryOptions{MaxPerSubject: 3}))
	m := guard.Must(session.New[profile](&session.Options{Store: store}))
	w := recorder()
	if _, err := m.Create(w, request("POST"), "alice", profile{}); err != nil {
		t.Fatal(err)
	}
	person := w.Result().Cookies()[0]
	var last *http.Cookie
	for range 10 {
		_, last = pending(t, m)
	}
	if _, err := m.Authenticate(request("GET", with(person))); err != nil {
		t.Errorf("the person's session: %v", err)
	}
	if list, err := m.List(t.Context(), "alice"); err != nil || len(list) != 1 {
		t.Errorf("listed: %v, %v", list, err)
	}
	if _, err := m.Step("totp").Authenticate(request("POST", with(last))); err != nil {
		t.Errorf("the last half sign-in: %v", err)
	}
	if _, err := m.DestroyAll(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Step("totp").Authenticate(request("POST", with(last))); err == nil {
		t.Error("a half sign-in after all were ended")
	}
	if _, err := m.Create(recorder(), request("POST"), strings.Repeat("x", 255), profile{}, session.Pending("totp", time.Minute)); err == nil {
		t.Error("a half sign-in of a subject of 255 bytes")
	}
	for _, subject := range []string{"\x00a", "\x01a"} {
		if _, err := m.Create(recorder(), request("POST"), subject, profile{}); err == nil {
			t.Errorf("a subject %q", subject)
		}
	}
}
