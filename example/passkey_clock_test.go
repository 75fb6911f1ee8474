package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

const (
	passkeyOrigin = "http://localhost:8080"
	badPasskey    = `{"error":"Unauthorized","message":"Invalid passkey"}`
)

// respond begins a ceremony as someone with a cookie, and returns the response of a device and
// the cookies of the browser.
func respond(t *testing.T, h http.Handler, ceremony, cookie string, device *passkeytest.Authenticator) (body, cookies string) {
	t.Helper()
	w := send(h, "POST /passkey/"+ceremony+"/options", "", "Cookie", cookie)
	expect(t, ceremony+" options", w, 200, "")
	answer := device.Get
	if ceremony == "register" {
		answer = device.Create
	}
	credential, err := answer(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return string(credential), strings.TrimPrefix(cookie+"; "+cookieOf(w), "; ")
}

// signedInBy is the cookie of a session by passkey.
func signedInBy(t *testing.T, h http.Handler, device *passkeytest.Authenticator) string {
	t.Helper()
	body, cookies := respond(t, h, "login", "", device)
	w := send(h, "POST /passkey/login", body, "Cookie", cookies)
	expect(t, "login", w, 200, "")
	return sessionOf(w)
}

// sessionOf is the session's cookie, which an answer sets beside that of the challenge.
func sessionOf(w *httptest.ResponseRecorder) string {
	for _, c := range w.Result().Cookies() {
		if c.Name == "session" {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}

// TestPasskeysExpire: a challenge lives five minutes, and a sign-in is recent as long, at the
// finish of a registration, too.
func TestPasskeysExpire(t *testing.T) {
	withMails(t, func(t *testing.T, h http.Handler, _ func() []string) {
		device := passkeytest.NewAuthenticator(passkeyOrigin)
		session := cookieOf(send(h, "POST /totp/login", alice))
		time.Sleep(5*time.Minute - time.Second)
		body, cookies := respond(t, h, "register", session, device)
		time.Sleep(time.Second)
		expect(t, "registered too late", send(h, "POST /passkey/register", body, "Cookie", cookies), 401, notRecent)
		expect(t, "too late for options", send(h, "POST /passkey/register/options", "", "Cookie", session), 401, notRecent)

		session = cookieOf(send(h, "POST /totp/login", alice))
		body, cookies = respond(t, h, "register", session, device)
		expect(t, "registered in time", send(h, "POST /passkey/register", body, "Cookie", cookies), 200, "")

		body, cookies = respond(t, h, "login", "", device)
		time.Sleep(5*time.Minute - time.Second)
		expect(t, "in time", send(h, "POST /passkey/login", body, "Cookie", cookies), 200, "")
		body, cookies = respond(t, h, "login", "", device)
		time.Sleep(5 * time.Minute)
		expect(t, "an old challenge", send(h, "POST /passkey/login", body, "Cookie", cookies), 401, badPasskey)

		session = signedInBy(t, h, device)
		time.Sleep(5*time.Minute - time.Second)
		list := send(h, "GET /passkey/credentials", "", "Cookie", session)
		expect(t, "in time", list, 200, "")
		time.Sleep(time.Second)
		for _, do := range []string{"GET /passkey/credentials", "PATCH /passkey/credentials/x", "DELETE /passkey/credentials/x"} {
			expect(t, do+" too late", send(h, do, "{}", "Cookie", session), 401, notRecent)
		}
		expect(t, "the page then", send(h, "GET /passkey/", "", "Cookie", session), 401, "")

		half := cookieOf(send(h, "POST /totp/login", alice))
		time.Sleep(5*time.Minute + time.Second)
		expect(t, "a half sign-in too late", send(h, "POST /totp/verify", `{"code":"AAAA-AAAA-AAAA-AAAA"}`, "Cookie", half), 401, "")
	})
}

// TestPasskeyKeeps: with ?keep=1 the cookie outlives the browser.
func TestPasskeyKeeps(t *testing.T) {
	withMails(t, func(t *testing.T, h http.Handler, _ func() []string) {
		device := passkeytest.NewAuthenticator(passkeyOrigin)
		body, cookies := respond(t, h, "register", cookieOf(send(h, "POST /totp/login", alice)), device)
		expect(t, "register", send(h, "POST /passkey/register", body, "Cookie", cookies), 200, "")
		for query, want := range map[string]bool{"": false, "?keep=1": true, "?keep=0": false} {
			body, cookies := respond(t, h, "login", "", device)
			w := send(h, "POST /passkey/login"+query, body, "Cookie", cookies)
			expect(t, query, w, 200, "")
			if got := strings.Contains(strings.Join(w.Header()["Set-Cookie"], "\n"), "Max-Age=604800"); got != want {
				t.Errorf("%q keeps: %t: %q", query, got, w.Header()["Set-Cookie"])
			}
		}
	})
}

// TestPasskeyUnlocks: after 100 wrong codes, a passkey signs in, and codes are good again.
func TestPasskeyUnlocks(t *testing.T) {
	withMails(t, func(t *testing.T, h http.Handler, _ func() []string) {
		secret, _ := enrolled(t, h)
		time.Sleep(time.Minute)
		half := cookieOf(send(h, "POST /totp/login", alice))
		full := send(h, "POST /totp/verify", code(secret), "Cookie", half)
		expect(t, "a code", full, 200, "")
		device := passkeytest.NewAuthenticator(passkeyOrigin)
		body, cookies := respond(t, h, "register", cookieOf(full), device)
		registered := send(h, "POST /passkey/register", body, "Cookie", cookies)
		expect(t, "register", registered, 200, "")
		if strings.Contains(registered.Body.String(), "recovery_codes") {
			t.Error("there are recovery codes already")
		}
		for i := range 100 {
			half = cookieOf(send(h, "POST /totp/login", alice))
			expect(t, fmt.Sprint("wrong code ", i+1), send(h, "POST /totp/verify", wrongCode(secret), "Cookie", half), 401, badCode)
			if i%5 == 4 {
				time.Sleep(15 * time.Minute)
			}
		}
		half = cookieOf(send(h, "POST /totp/login", alice))
		expect(t, "a right code", send(h, "POST /totp/verify", code(secret), "Cookie", half), 429, "")
		body, cookies = respond(t, h, "login", half, device)
		expect(t, "the passkey completes it", send(h, "POST /passkey/login", body, "Cookie", cookies), 200, "")
		half = cookieOf(send(h, "POST /totp/login", alice))
		expect(t, "then", send(h, "POST /totp/verify", code(secret), "Cookie", half), 200, "")
	})
}
