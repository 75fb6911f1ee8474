package main_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestPasskeys: an account gets a passkey, which signs in alone, and which every other sign-in
// asks for.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	p := start(t)
	challenge := []string{`WWW-Authenticate: Session error="insufficient_user_authentication", max_age="300"`, "Set-Cookie:"}
	var anonymous []row
	for _, do := range []string{"POST /passkey/register/options", "POST /passkey/register", "GET /passkey/credentials", "PATCH /passkey/credentials/x", "DELETE /passkey/credentials/x"} {
		anonymous = append(anonymous, row{do + ", anonymous", call{do: do}, 401, notRecent, challenge})
		if !strings.HasPrefix(do, "GET") {
			anonymous = append(anonymous, row{do + ", another site", call{do: do, header: []string{"Sec-Fetch-Site: cross-site"}}, 403, e(403, ""), []string{"Set-Cookie:"}})
		}
	}
	p.rows(t, append(anonymous,
		row{"login, another site", call{do: "POST /passkey/login", body: "{}", header: []string{"Sec-Fetch-Site: cross-site"}}, 403, e(403, ""), []string{"Set-Cookie:"}},
		row{"login options, another site", call{do: "POST /passkey/login/options", header: []string{"Origin: https://evil.example"}}, 403, e(403, ""), []string{"Set-Cookie:"}},
		row{"login without a response", call{do: "POST /passkey/login", body: "{}"}, 401, badPasskey, []string{"Set-Cookie:"}},
		row{"login by no JSON", call{do: "POST /passkey/login", body: "x"}, 400, e(400, ""), nil},
		row{"GET", call{do: "GET /passkey/login"}, 405, "", []string{"Allow: POST"}},
	))

	other := p.signIn(t, alice)
	v, device, first := withPasskey(t, p, alice)
	row{call: call{do: "other sessions"}, status: 401, body: e(401, "Invalid session")}.check(t, p.send(t, sessionProfile(cookie(other)...)))
	row{call: call{do: "this one"}, status: 200}.check(t, v.do(t, p, sessionProfile()))
	for _, do := range []string{"POST /passkey/register/options", "POST /totp/enroll", "GET /passkey/credentials", "DELETE /passkey/credentials/" + first.ID} {
		row{call: call{do: do + " without the factor"}, status: 401, body: notRecent}.check(t, v.do(t, p, call{do: do}))
	}

	for _, path := range []string{"/totp/login", "/session/login"} {
		h := halfByPassword(t, p, path, alice)
		row{call: call{do: "half"}, status: 401, body: noSession}.check(t, h.do(t, p, sessionProfile()))
		for _, do := range []string{"POST /passkey/register/options", "GET /passkey/credentials", "POST /stepup/transfer"} {
			row{call: call{do: "half to " + do}, status: 401, body: notRecent}.check(t, h.do(t, p, call{do: do}))
		}
		row{call: call{do: "the passkey"}, status: 200, body: loggedIn, header: []string{"Set-Cookie: ~session="}}.check(t, h.do(t, p, passkeyCall("login", h.asserted(t, p, device))))
		row{call: call{do: "to transfer"}, status: 200, body: transferred}.check(t, h.do(t, p, call{do: "POST /stepup/transfer"}))
	}
	link := newPerson()
	row{call: call{do: "a link"}, status: 200, body: passkeyNext}.check(t, link.post(t, p, "/link/login", map[string]string{"token": p.link(t, "/link/login", "alice@example.com")}))
	row{call: call{do: "a link and the passkey"}, status: 200, body: loggedIn}.check(t, link.do(t, p, passkeyCall("login", link.asserted(t, p, device))))

	alone := byPasskey(t, p, device)
	row{status: 200, body: `{"user":{"id":"1","email":"alice@example.com","role":"admin"}}`}.check(t, alone.do(t, p, sessionProfile()))
	row{call: call{do: "alone to transfer"}, status: 200, body: transferred}.check(t, alone.do(t, p, call{do: "POST /stepup/transfer"}))
	row{call: call{do: "alone to enroll"}, status: 200, body: newSecret}.check(t, alone.do(t, p, call{do: "POST /totp/enroll"}))
	if mails := p.mails(t, "alice@example.com", 2); !slices.Contains(mails, "Your account has a new passkey.") {
		t.Errorf("mails %q", mails)
	}
	for _, hidden := range append(first.Recovery, first.ID) {
		if hidden == first.ID { // in the path of a request
			continue
		}
		if strings.Contains(p.logs(), hidden) {
			t.Errorf("the log has %q", hidden)
		}
	}
}

// TestPasskeyCredentials: the owner lists, names and removes passkeys, and no one else does.
func TestPasskeyCredentials(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, phone, first := withPasskey(t, p, bob)
	v := byPasskey(t, p, phone)
	laptop := passkeytest.NewAuthenticator(p.site())
	laptop.Flags |= passkeytest.BackupEligible | passkeytest.BackedUp
	other := byPasskey(t, p, phone)
	second := v.register(t, p, laptop, "Läptop 2")
	if second.Name != "Läptop 2" || second.Recovery != nil || second.ID == first.ID {
		t.Errorf("%+v", second)
	}
	row{call: call{do: "sessions by a factor stay"}, status: 200}.check(t, other.do(t, p, sessionProfile()))
	if _, err := laptop.Create(v.options(t, p, "register")); err != passkeytest.ErrExcluded {
		t.Errorf("the same device again: %v", err)
	}
	list := func() answer { return v.do(t, p, call{do: "GET /passkey/credentials"}) }
	row{call: call{do: "list"}, status: 200, header: []string{"Cache-Control: no-store"},
		body: `~^{"accepted":{"rpId":"localhost","userId":"[\w-]{43}","allAcceptedCredentialIds":\["` + first.ID + `","` + second.ID + `"\]},"credentials":\[` +
			`{"id":"` + first.ID + `","name":"Passkey","synced":false,"created":"[^"]+Z","last_used":"[^"]+Z"},` +
			`{"id":"` + second.ID + `","name":"Läptop 2","synced":true,"created":"[^"]+Z","last_used":null}\]}$`}.check(t, list())

	_, _, theirs := withPasskey(t, p, alice)
	recent := newPerson() // no factor
	row{status: 200, body: loggedIn}.check(t, recent.do(t, p, call{do: "POST /totp/login", body: carol}))
	row{call: call{do: "none"}, status: 200, body: `~"allAcceptedCredentialIds":\[\]},"credentials":\[\]}$`}.check(t, recent.do(t, p, call{do: "GET /passkey/credentials"}))
	path := "/passkey/credentials/"
	rename := func(id, body string) answer { return v.do(t, p, call{do: "PATCH " + path + id, body: body}) }
	for name, tt := range map[string]struct {
		got    answer
		status int
	}{
		"rename another's":         {rename(theirs.ID, `{"name":"x"}`), 404},
		"remove another's":         {v.do(t, p, call{do: "DELETE " + path + theirs.ID}), 404},
		"rename mine by another":   {recent.do(t, p, call{do: "PATCH " + path + first.ID, body: `{"name":"x"}`}), 404},
		"remove mine by another":   {recent.do(t, p, call{do: "DELETE " + path + first.ID}), 404},
		"no name":                  {rename(first.ID, `{}`), 422},
		"blank":                    {rename(first.ID, `{"name":" "}`), 422},
		"a long name":              {rename(first.ID, `{"name":"`+strings.Repeat("x", 65)+`"}`), 422},
		"a line break":             {rename(first.ID, `{"name":"a\nb"}`), 422},
		"no text":                  {rename(first.ID, `{"name":1}`), 400},
		"no JSON":                  {rename(first.ID, `x`), 400},
		"none there":               {rename("x", `{"name":"x"}`), 404},
		"remove from another site": {v.do(t, p, call{do: "DELETE " + path + first.ID, header: []string{"Sec-Fetch-Site: cross-site"}}), 403},
		"rename":                   {rename(first.ID, `{"name":"Phone"}`), 200},
		"the same name":            {rename(first.ID, `{"name":"Phone"}`), 200},
	} {
		row{call: call{do: name}, status: tt.status}.check(t, tt.got)
	}
	row{call: call{do: "renamed"}, status: 200, body: `~"name":"Phone".*"name":"Läptop 2"`}.check(t, list())

	row{call: call{do: "remove"}, status: 200, body: `{"message":"Passkey removed"}`}.check(t, v.do(t, p, call{do: "DELETE " + path + second.ID}))
	row{call: call{do: "again"}, status: 404}.check(t, v.do(t, p, call{do: "DELETE " + path + second.ID}))
	row{call: call{do: "other sessions"}, status: 401}.check(t, other.do(t, p, sessionProfile()))
	row{call: call{do: "this one"}, status: 200}.check(t, v.do(t, p, sessionProfile()))
	removed := newPerson()
	row{call: call{do: "a removed passkey"}, status: 401, body: badPasskey, header: []string{"Passkey: unknown"}}.check(t, removed.do(t, p, passkeyCall("login", removed.asserted(t, p, laptop))))

	pending := halfByPassword(t, p, "/totp/login", bob)
	row{call: call{do: "remove the last"}, status: 200}.check(t, v.do(t, p, call{do: "DELETE " + path + first.ID}))
	row{call: call{do: "half sign-ins"}, status: 401}.check(t, pending.verify(t, p, first.Recovery[0]))
	row{call: call{do: "a password is enough"}, status: 200, body: loggedIn}.check(t, newPerson().do(t, p, call{do: "POST /session/login", body: bob}))
	if n := count(p.mails(t, "bob@example.com", 4), "A passkey of your account was removed."); n != 2 {
		t.Errorf("%d mails about removals", n)
	}
}

func count(list []string, text string) (n int) {
	for _, l := range list {
		if l == text {
			n++
		}
	}
	return n
}

// TestPasskeyLost: a recovery code replaces a lost passkey. A link by mail does not.
func TestPasskeyLost(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, device, first := withPasskey(t, p, alice)
	row{status: 200, body: changed}.check(t, p.send(t, reset(p.link(t, "/link/reset", "alice@example.com"), "battery staple")))
	alice := credentials("alice@example.com", "battery staple")
	h := halfByPassword(t, p, "/session/login", alice)
	row{call: call{do: "a code of no authenticator"}, status: 401, body: badCode}.check(t, h.verify(t, p, "000000"))
	row{call: call{do: "a recovery code"}, status: 200, body: loggedIn}.check(t, h.verify(t, p, strings.ToLower(first.Recovery[0])))
	row{call: call{do: "again"}, status: 401, body: badCode}.check(t, halfByPassword(t, p, "/totp/login", alice).verify(t, p, first.Recovery[0]))
	row{call: call{do: "to transfer"}, status: 200, body: transferred}.check(t, h.do(t, p, call{do: "POST /stepup/transfer"}))

	fresh := passkeytest.NewAuthenticator(p.site())
	if again := h.register(t, p, fresh, "New"); again.Recovery != nil {
		t.Errorf("new recovery codes: %q", again.Recovery)
	}
	row{call: call{do: "remove the lost one"}, status: 200}.check(t, h.do(t, p, call{do: "DELETE /passkey/credentials/" + first.ID}))
	lost := newPerson()
	row{call: call{do: "the lost one"}, status: 401, body: badPasskey}.check(t, lost.do(t, p, passkeyCall("login", lost.asserted(t, p, device))))
	byPasskey(t, p, fresh)

	h = halfByPassword(t, p, "/totp/login", alice)
	for range 5 {
		row{status: 401, body: badCode}.check(t, h.verify(t, p, "AAAA-AAAA-AAAA-AAAA"))
	}
	row{call: call{do: "too many wrong codes"}, status: 429, body: tooManyBad}.check(t, h.verify(t, p, first.Recovery[1]))
	byPasskey(t, p, fresh) // and forgives them
	row{call: call{do: "a recovery code then"}, status: 200, body: loggedIn}.check(t, h.verify(t, p, first.Recovery[1]))
}

// TestPasskeyAndCodes: an account with both is asked for a code, and either is good.
func TestPasskeyAndCodes(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, device, first := withPasskey(t, p, bob)
	v := byPasskey(t, p, device)
	a := v.do(t, p, call{do: "POST /totp/enroll"})
	row{status: 200, body: newSecret}.check(t, a)
	var enrolled struct {
		Secret   string
		Recovery []string `json:"recovery_codes"`
	}
	if err := json.Unmarshal([]byte(a.body), &enrolled); err != nil {
		t.Fatal(err)
	}
	_, a = early(enrolled.Secret, func(code string) answer {
		return v.post(t, p, "/totp/confirm", map[string]string{"code": code})
	})
	row{call: call{do: "confirm"}, status: 200}.check(t, a)
	row{call: call{do: "recovery codes of the passkey"}, status: 401, body: badCode}.check(t, half(t, p, "/session/login", bob).verify(t, p, first.Recovery[0]))
	row{call: call{do: "a code"}, status: 200, body: loggedIn}.check(t, half(t, p, "/session/login", bob).verify(t, p, codeAt(enrolled.Secret, 0)))
	h := half(t, p, "/totp/login", bob)
	stale := h.copy()
	row{call: call{do: "the passkey"}, status: 200, body: loggedIn}.check(t, h.do(t, p, passkeyCall("login", h.asserted(t, p, device))))
	row{call: call{do: "the half is spent"}, status: 401}.check(t, stale.verify(t, p, codeAt(enrolled.Secret, 1)))

	a = h.post(t, p, "/totp/disable", map[string]string{"code": codeAt(enrolled.Secret, 1)})
	row{call: call{do: "disable"}, status: 200, body: `~^{"message":"Second factor removed","recovery_codes":\[`, header: []string{"Cache-Control: no-store"}}.check(t, a)
	if err := json.Unmarshal([]byte(a.body), &enrolled); err != nil || len(enrolled.Recovery) != 10 {
		t.Fatal(err, a)
	}
	row{call: call{do: "a recovery code"}, status: 200, body: loggedIn}.check(t, halfByPassword(t, p, "/session/login", bob).verify(t, p, enrolled.Recovery[9]))
	p.mails(t, "bob@example.com", 4)
	if !strings.Contains(p.logs(), "its passkeys are the second factor") {
		t.Error("no mail about the passkeys that stay")
	}
}

// TestPasskeyAnswersAlike: the options of a login are the same for every address and browser.
func TestPasskeyAnswersAlike(t *testing.T) {
	t.Parallel()
	p := start(t)
	withPasskey(t, p, alice)
	random := regexp.MustCompile(`"challenge":"[\w-]{43}"`)
	want := `{,"timeout":300000,"rpId":"localhost","allowCredentials":[],"userVerification":"required"}`
	for _, body := range []string{"", "{}", alice, bob, `{"email":"mallory@example.com"}`, "x", strings.Repeat("x", 100_000)} {
		a := p.send(t, call{do: "POST /passkey/login/options", body: body})
		if got := random.ReplaceAllString(a.body, ""); a.status != 200 || got != want {
			t.Errorf("%.60s: %v", body, a)
		}
	}
	h := halfByPassword(t, p, "/session/login", alice)
	if got := random.ReplaceAllString(string(h.options(t, p, "login")), ""); got != want {
		t.Errorf("half signed in: %s", got)
	}
	v := newPerson()
	row{status: 200}.check(t, v.do(t, p, call{do: "POST /totp/login", body: carol}))
	got := random.ReplaceAllString(string(v.options(t, p, "register")), "")
	if !matches(got, `~^{"rp":{"id":"localhost","name":"Guard example"},"user":{"id":"[\w-]{43}","name":"carol@example.com","displayName":"carol@example.com"},,"pubKeyCredParams":\[.*\],"timeout":300000,`+
		`"excludeCredentials":\[\],"authenticatorSelection":{"residentKey":"required","requireResidentKey":true,"userVerification":"required"},"attestation":"none"}$`) {
		t.Errorf("of a registration: %s", got)
	}
}

// TestPasskeyPage: what a browser is shown, and the policy of its pages.
func TestPasskeyPage(t *testing.T) {
	t.Parallel()
	p := start(t)
	html := []string{"Accept: text/html"}
	private := []string{"Cache-Control: no-store", "X-Content-Type-Options: nosniff", "Referrer-Policy: same-origin",
		`Content-Security-Policy: ~^default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$`}
	page := call{do: "GET /passkey/?next=/apikey/", header: html}
	p.rows(t, []row{
		{"anonymous", page, 200, `~(?s)<body data-next="/apikey/" data-public="` + p.site() + `">.*data-passkey="sign-in".*action="/session/login".*value="/apikey/".*autocomplete="username webauthn"`, private},
		{"to another site", call{do: "GET /passkey/?next=//evil.example"}, 200, `~data-next="/passkey/"`, nil},
		{"the script", call{do: "GET /passkey/passkey.js"}, 200, `~data-passkey`, []string{"Content-Type: text/javascript; charset=utf-8", "X-Content-Type-Options: nosniff", "Cache-Control: no-cache", `ETag: ~^"sha256-`}},
		{"the list, a browser", call{do: "GET /passkey/credentials", header: html}, 303, "", []string{"Location: /passkey/?next=%2Fpasskey%2Fcredentials"}},
		{"a notice of one's own", call{do: "GET /passkey/?notice=hacked", header: html}, 200, `~<h1>Sign in</h1>`, nil},
	})
	script := p.send(t, call{do: "GET /passkey/passkey.js"})
	row{call: call{do: "unchanged"}, status: 304}.check(t, p.send(t, call{do: "GET /passkey/passkey.js", header: []string{"If-None-Match: " + script.header.Get("ETag")}}))

	v, device, _ := withPasskey(t, p, bob)
	row{call: call{do: "without the factor"}, status: 401, body: `~(?s)Confirm that it is you.*with a passkey\..*data-passkey="sign-in".*value="bob@example.com" readonly`, header: private}.check(t, v.do(t, p, page))
	v = byPasskey(t, p, device)
	v.register(t, p, passkeytest.NewAuthenticator(p.site()), `<b>"Key"</b>`)
	row{call: call{do: "the list"}, status: 200, body: `~(?s)<h1>Passkeys</h1>.*bob@example.com.*<h3>Passkey</h3>.*last used just now.*<h3>&lt;b&gt;&#34;Key&#34;&lt;/b&gt;</h3>.*never used.*data-passkey="register"`, header: private}.check(t, v.do(t, p, page))
	h := newPerson()
	login := url.Values{"email": {"bob@example.com"}, "password": {"secret"}, "next": {"/apikey/"}}
	row{call: call{do: "the password"}, status: 303, header: []string{"Location: /passkey/?next=%2Fapikey%2F"}}.check(t, h.do(t, p, form("POST /session/login", login)))
	row{call: call{do: "one more step"}, status: 200, body: `~(?s)data-next="/apikey/".*One more step.*bob@example.com.*href="/totp/\?next=%2fapikey%2f">Use a recovery code`, header: private}.check(t, h.do(t, p, page))
	row{call: call{do: "its other way"}, status: 200, body: `~(?s)action="/totp/verify".*href="/passkey/\?next=%2Fapikey%2F">Use a passkey`}.check(t, h.do(t, p, call{do: "GET /totp/?next=%2Fapikey%2F", header: html}))
	row{call: call{do: "as someone else"}, status: 303, header: []string{"Location: /session/?notice=signed-out"}}.check(t, h.do(t, p, form("POST /session/logout", nil)))
	row{call: call{do: "no half"}, status: 200, body: `~<h1>Sign in</h1>`}.check(t, h.do(t, p, page))
}
