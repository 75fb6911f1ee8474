package main_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTOTP: an account gets a second factor, which every sign-in asks for.
func TestTOTP(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.rows(t, []row{
		{"enroll, anonymous", call{do: "POST /totp/enroll"}, 401, notRecent, []string{`WWW-Authenticate: Session error="insufficient_user_authentication", max_age="300"`}},
		{"confirm, anonymous", call{do: "POST /totp/confirm", body: `{"code":"000000"}`}, 401, notRecent, nil},
		{"disable, anonymous", call{do: "POST /totp/disable", body: `{"code":"000000"}`}, 401, noSession, nil},
		{"verify, anonymous", call{do: "POST /totp/verify", body: `{"code":"000000"}`}, 401, noSession, nil},
		{"a wrong password", call{do: "POST /totp/login", body: wrong}, 401, e(401, "Invalid credentials"), []string{"Set-Cookie:"}},
		{"another site", call{do: "POST /totp/login", body: alice, header: []string{"Sec-Fetch-Site: cross-site"}}, 403, e(403, ""), []string{"Set-Cookie:"}},
	})
	other := p.signIn(t, alice)
	v, secret, recovery := enroll(t, p, alice)
	row{call: call{do: "other sessions"}, status: 401, body: e(401, "Invalid session")}.check(t, p.send(t, sessionProfile(cookie(other)...)))
	row{call: call{do: "this one"}, status: 200}.check(t, v.do(t, p, sessionProfile()))
	row{call: call{do: "enroll without the factor"}, status: 401, body: notRecent}.check(t, v.do(t, p, call{do: "POST /totp/enroll"}))

	for _, path := range []string{"/totp/login", "/session/login"} {
		h := half(t, p, path, alice)
		for _, do := range []string{"GET /session/profile", "POST /totp/disable"} {
			row{call: call{do: do}, status: 401, body: noSession}.check(t, h.do(t, p, call{do: do}))
		}
		row{call: call{do: "half to transfer"}, status: 401, body: notRecent}.check(t, h.do(t, p, call{do: "POST /stepup/transfer"}))
		row{call: call{do: "half to enroll"}, status: 401, body: notRecent}.check(t, h.do(t, p, call{do: "POST /totp/enroll"}))
	}
	link := newPerson()
	row{call: call{do: "a link"}, status: 200, body: codeNext}.check(t, link.post(t, p, "/link/login", map[string]string{"token": p.link(t, "/link/login", "alice@example.com")}))
	row{call: call{do: "half by a link"}, status: 401, body: noSession}.check(t, link.do(t, p, sessionProfile()))

	h := half(t, p, "/totp/login", alice)
	now, next := codeAt(secret, 0), codeAt(secret, 1)
	row{call: call{do: "the code that confirmed"}, status: 401, body: badCode}.check(t, h.verify(t, p, v.confirmed))
	row{call: call{do: "no text"}, status: 400}.check(t, h.do(t, p, call{do: "POST /totp/verify", body: `{"code":123456}`}))
	stale := h.copy()
	row{call: call{do: "a right one, with spaces"}, status: 200, body: loggedIn, header: []string{"Set-Cookie: ~^session="}}.check(t, h.verify(t, p, now[:3]+" "+now[3:]))
	row{call: call{do: "signed in"}, status: 200}.check(t, h.do(t, p, sessionProfile()))
	row{call: call{do: "the half is spent"}, status: 401}.check(t, stale.verify(t, p, next))

	row{call: call{do: "a code again"}, status: 401, body: badCode}.check(t, half(t, p, "/totp/login", alice).verify(t, p, now))
	row{call: call{do: "a link and a code"}, status: 200, body: loggedIn}.check(t, link.verify(t, p, next))
	row{call: call{do: "an older code"}, status: 401, body: badCode}.check(t, half(t, p, "/totp/login", alice).verify(t, p, now))

	row{call: call{do: "a recovery code"}, status: 200, body: loggedIn}.check(t, half(t, p, "/session/login", alice).verify(t, p, strings.ToLower(recovery[0])))
	row{call: call{do: "again"}, status: 401, body: badCode}.check(t, half(t, p, "/session/login", alice).verify(t, p, recovery[0]))

	mails := p.mails(t, "alice@example.com", 3)
	for _, want := range []string{"Your account has a new second factor.", "A recovery code was used to sign in. You have 9 left."} {
		if !slices.Contains(mails, want) {
			t.Errorf("no mail %q: %q", want, mails)
		}
	}
	logs := regexp.MustCompile(`took=\S+`).ReplaceAllString(p.logs(), "") // 1.234567ms has six digits, too
	for _, hidden := range []string{secret, recovery[0], recovery[1], now} {
		if strings.Contains(logs, hidden) {
			t.Errorf("the log has %q", hidden)
		}
	}
}

// TestTOTPEnrollAgain: until the new factor is confirmed, the old one is asked for.
func TestTOTPEnrollAgain(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, secret, _ := enroll(t, p, bob)
	v := half(t, p, "/totp/login", bob)
	row{status: 200, body: loggedIn}.check(t, v.verify(t, p, codeAt(secret, 0)))
	row{call: call{do: "enroll again"}, status: 200, body: newSecret}.check(t, v.do(t, p, call{do: "POST /totp/enroll"}))
	row{call: call{do: "the old factor"}, status: 200, body: loggedIn}.check(t, half(t, p, "/session/login", bob).verify(t, p, codeAt(secret, 1)))
	row{call: call{do: "its code does not confirm"}, status: 401, body: badCode}.check(t, v.post(t, p, "/totp/confirm", map[string]string{"code": codeAt(secret, 1)}))
	fresh := newPerson()
	row{status: 200}.check(t, fresh.do(t, p, call{do: "POST /totp/login", body: carol}))
	row{call: call{do: "confirm what is not pending"}, status: 409}.check(t, fresh.post(t, p, "/totp/confirm", map[string]string{"code": "000000"}))
}

// TestTOTPDisable: a code removes the factor, and ends the other sessions.
func TestTOTPDisable(t *testing.T) {
	t.Parallel()
	p := start(t)
	v, secret, recovery := enroll(t, p, bob)
	other := half(t, p, "/totp/login", bob)
	used := codeAt(secret, 0)
	row{status: 200, body: loggedIn}.check(t, other.verify(t, p, used))
	pending := half(t, p, "/totp/login", bob)
	row{call: call{do: "a used code"}, status: 401, body: badCode}.check(t, v.post(t, p, "/totp/disable", map[string]string{"code": used}))
	row{call: call{do: "another site"}, status: 403}.check(t, v.do(t, p, call{do: "POST /totp/disable", body: `{"code":"` + codeAt(secret, 1) + `"}`, header: []string{"Sec-Fetch-Site: cross-site"}}))
	row{call: call{do: "disable"}, status: 200, body: `{"message":"Second factor removed"}`}.check(t, v.post(t, p, "/totp/disable", map[string]string{"code": codeAt(secret, 1)}))
	row{call: call{do: "other sessions"}, status: 401}.check(t, other.do(t, p, sessionProfile()))
	row{call: call{do: "half sign-ins"}, status: 401}.check(t, pending.verify(t, p, recovery[0]))
	row{call: call{do: "this one"}, status: 200}.check(t, v.do(t, p, sessionProfile()))
	row{call: call{do: "a login"}, status: 200, body: loggedIn}.check(t, newPerson().do(t, p, call{do: "POST /session/login", body: bob}))
	if mails := p.mails(t, "bob@example.com", 2); mails[1] != "Your account has no second factor anymore." {
		t.Errorf("mails %q", mails)
	}
}

// TestTOTPLimit: five wrong codes, and then right ones and recovery codes are refused until
// a reset, which leaves the factor.
func TestTOTPLimit(t *testing.T) {
	t.Parallel()
	p := start(t)
	v, secret, recovery := enroll(t, p, alice)
	h := half(t, p, "/totp/login", alice)
	for range 4 {
		row{status: 401, body: badCode}.check(t, h.verify(t, p, "x"))
	}
	row{call: call{do: "the count of disable is this one"}, status: 401, body: badCode}.check(t, v.post(t, p, "/totp/disable", map[string]string{"code": "x"}))
	h = half(t, p, "/totp/login", alice) // a right password does not clear it
	for name, code := range map[string]string{"a right code": codeAt(secret, 0), "a recovery code": recovery[0], "a wrong code": "x"} {
		row{call: call{do: name}, status: 429, body: tooManyBad}.check(t, h.verify(t, p, code))
	}
	row{call: call{do: "disable"}, status: 429}.check(t, v.post(t, p, "/totp/disable", map[string]string{"code": recovery[0]}))
	row{status: 200, body: changed}.check(t, p.send(t, reset(p.link(t, "/link/reset", "alice@example.com"), "battery staple")))
	row{call: call{do: "half sign-ins have ended"}, status: 401}.check(t, h.verify(t, p, codeAt(secret, 0)))
	row{call: call{do: "sessions have ended"}, status: 401}.check(t, v.do(t, p, sessionProfile()))
	h = half(t, p, "/session/login", credentials("alice@example.com", "battery staple"))
	row{call: call{do: "after a reset"}, status: 200, body: loggedIn}.check(t, h.verify(t, p, codeAt(secret, 0)))
}

// TestTOTPRace: of 64 half sign-ins with one code, one is signed in.
func TestTOTPRace(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, body := range []string{alice, bob} {
		_, secret, recovery := enroll(t, p, body)
		code := func() string { return recovery[0] }
		if body == bob {
			code = func() string { return codeAt(secret, 1) }
		}
		raceCode(t, "/session/login", body, code, p)
	}
}

// TestTOTPPage: a browser that signs in on the page of /session enters its code on a page.
func TestTOTPPage(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, secret, _ := enroll(t, p, bob)
	v := newPerson()
	login := url.Values{"email": {"bob@example.com"}, "password": {"secret"}, "next": {"/apikey/"}}
	row{call: call{do: "the password"}, status: 303, header: []string{"Location: /totp/?next=%2Fapikey%2F"}}.check(t, v.do(t, p, form("POST /session/login", login)))
	a := v.do(t, p, call{do: "GET /totp/?next=%2Fapikey%2F", header: []string{"Accept: text/html"}})
	row{call: call{do: "the page"}, status: 200, body: `~(?s)<h1>Enter your code</h1>.*action="/totp/verify".*name="next" value="/apikey/".*autocomplete="one-time-code"`}.check(t, a)
	row{call: call{do: "to another site"}, status: 200, body: `~name="next" value="/session/"`}.check(t, v.do(t, p, call{do: "GET /totp/?next=//evil.example"}))
	verify := func(code string) answer {
		return v.do(t, p, form("POST /totp/verify", url.Values{"code": {code}, "next": {"/apikey/"}}))
	}
	row{call: call{do: "a wrong code"}, status: 401, body: `~(?s)role="alert".*Invalid code.*name="next" value="/apikey/"`}.check(t, verify("x"))
	row{call: call{do: "a right code"}, status: 303, header: []string{"Location: /apikey/"}}.check(t, verify(codeAt(secret, 0)))
	row{status: 200}.check(t, v.do(t, p, sessionProfile()))
	row{call: call{do: "again"}, status: 401, body: `~/session/`}.check(t, verify(codeAt(secret, 1)))
}
