package oauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

// link sends the POST that begins to link.
func (a *app) link(query string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/link"+query, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	return a.do(r)
}

func TestLink(t *testing.T) {
	sameOrigin := http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"https://example.com"}}
	for _, tt := range []struct {
		name    string
		header  http.Header
		account string
		refuse  error
		want    int
		reason  string
	}{
		{name: "same origin", header: sameOrigin, account: "account-7", want: 303},
		{name: "no browser", account: "account-7", want: 303},
		{name: "an old browser", header: http.Header{"Origin": {"http://example.com"}}, account: "account-7", want: 303},
		{name: "the longest account", header: sameOrigin, account: strings.Repeat("é", 127), want: 303},
		{name: "an account of bytes", header: sameOrigin, account: "\xff\x00\x01\ufffd<", want: 303}, // LinkTo was another account
		{name: "cross-site", header: http.Header{"Sec-Fetch-Site": {"cross-site"}}, account: "account-7", want: 403, reason: "another site"},
		{name: "same site, another origin", header: http.Header{"Sec-Fetch-Site": {"same-site"}}, account: "account-7", want: 403, reason: "another site"},
		{name: "cross-site in an old browser", header: http.Header{"Origin": {"https://evil.example"}}, account: "account-7", want: 403, reason: "another site"},
		{name: "a sandboxed page", header: http.Header{"Origin": {"null"}}, account: "account-7", want: 403, reason: "another site"},
		{name: "cross-site, and no one is signed in", header: http.Header{"Sec-Fetch-Site": {"cross-site"}}, refuse: guard.Unauthorized(""), want: 403},
		{name: "no one is signed in", header: sameOrigin, refuse: guard.Unauthorized("Sign in first"), want: 401},
		{name: "the sign-in is not recent", header: sameOrigin, account: "account-7", refuse: guard.Forbidden("Sign in again"), want: 403},
		{name: "the store is down", header: sameOrigin, account: "account-7", refuse: errors.New("down"), want: 500},
		{name: "an empty account", header: sameOrigin, want: 500, reason: "empty or longer"},
		{name: "an account that is too long", header: sameOrigin, account: strings.Repeat("a", 256), want: 500, reason: "empty or longer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider()
			a := newApp(t, p, oauth.Options{})
			a.account, a.refuseLink = tt.account, tt.refuse
			w := a.link("?next=/settings", tt.header)
			if w.Code != tt.want || !strings.Contains(a.reason(), tt.reason) || (a.pending() == 1) != (tt.want == 303) {
				t.Fatalf("%d, %d pending, %s", w.Code, a.pending(), a.reason())
			}
			a.checkNoSecrets(w)
			if tt.want != 303 {
				if d := a.decisions[0]; d.Action != "link" || w.Header().Get("Location") != "" {
					t.Errorf("%+v", d)
				}
				return
			}
			location := w.Header().Get("Location")
			if strings.Contains(location, "account") {
				t.Error(location)
			}
			if w := a.complete(p.authorize(t, location)); w.Code != 303 || w.Header().Get("Location") != "/settings" || a.who.LinkTo != tt.account || a.who.Subject != "user-1" {
				t.Errorf("%d %q %q %s", w.Code, w.Header().Get("Location"), a.who.LinkTo, a.reason())
			}
		})
	}
}

func TestLinkMethod(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "PUT", "OPTIONS"} {
		a := newApp(t, newProvider(), oauth.Options{})
		a.account = "account-7"
		if w := a.do(httptest.NewRequest(method, "/link", nil)); w.Code != 405 || w.Header().Get("Allow") != "POST" || a.pending() != 0 {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// An ordinary sign-in links to no account, whatever its request has.
func TestNoLink(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	a.account = "account-7"
	if w := a.signIn("?link_to=account-7&linkto=account-7&l=account-7"); w.Code != 303 || a.who.LinkTo != "" {
		t.Errorf("%d %q", w.Code, a.who.LinkTo)
	}
}

// What was begun in one browser links nothing in another: neither the victim's account
// to the attacker's identity, nor the victim's identity to the attacker's account.
func TestLinkOfAnotherBrowser(t *testing.T) {
	p := newProvider()
	attacker, victim := newApp(t, p, oauth.Options{}), newApp(t, p, oauth.Options{})
	attacker.account, victim.account = "attacker", "victim"
	begun := p.authorize(t, attacker.link("", nil).Header().Get("Location"))
	victims := p.authorize(t, victim.link("", nil).Header().Get("Location"))
	if w := victim.complete(begun); w.Code != 400 || victim.calls != 0 {
		t.Errorf("the attacker's URL: %d, %d calls", w.Code, victim.calls)
	}
	mixed := url.Values{"state": victims["state"], "code": begun["code"]}
	if w := victim.complete(mixed); w.Code == 303 || victim.calls != 0 { // the verifier is that of the other
		t.Errorf("the attacker's code: %d, %d calls", w.Code, victim.calls)
	}
	// The attacker plants the cookie of the linking under the name of the victim's sign-in.
	for name := range victim.cookies {
		for _, value := range attacker.cookies {
			victim.cookies[name] = value
		}
	}
	if w := victim.complete(victims); w.Code != 400 || victim.calls != 0 {
		t.Errorf("a planted cookie: %d, %d calls", w.Code, victim.calls)
	}
}

// A refusal of the function of Complete ends a linking, whose decision says what it was.
func TestLinkRefused(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	a.account, a.refuse = "account-7", &guard.Error{Status: http.StatusConflict, Code: "taken", Message: "Another account has it"}
	v := p.authorize(t, a.link("", nil).Header().Get("Location"))
	if w := a.complete(v); w.Code != 409 || a.pending() != 0 || a.decisions[0].Action != "link" || a.decisions[0].Subject != "user-1" {
		t.Errorf("%d, %d pending, %+v", w.Code, a.pending(), a.decisions)
	}
	if w := a.complete(v); w.Code != 400 || a.calls != 1 {
		t.Errorf("again: %d, %d calls", w.Code, a.calls)
	}
}

func TestLinkWithoutProvider(t *testing.T) {
	p := newProvider()
	p.override["/.well-known/openid-configuration"] = down
	a := newApp(t, p, oauth.Options{})
	a.account = "account-7"
	if w := a.link("", nil); w.Code != 503 || a.pending() != 0 {
		t.Errorf("%d, %d pending", w.Code, a.pending())
	}
	defer func() {
		if recover() == nil {
			t.Error("Link(nil) does not panic")
		}
	}()
	a.login.Link(nil)
}

// TestLogoutEndsWhatLinkBegan: the next person who uses the browser cannot go back to the provider
// and link an identity to the account that was signed out.
func TestLogoutEndsWhatLinkBegan(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		ends bool
	}{
		"signed out":            {nil, true},
		"no session":            {guard.Unauthorized(""), true},
		"another site's POST":   {guard.Forbidden(""), false},
		"the store is down":     {errors.New("down"), false},
		"there is no principal": {guard.ErrNoCredentials, true},
	} {
		a := newApp(t, newProvider(), oauth.Options{})
		a.account = "account-7"
		links, signIns := a.p.authorize(t, a.link("", nil).Header().Get("Location")), a.p.authorize(t, a.begin(""))
		app := a.handler
		logOut(a, "", tt.err)
		if want := map[bool]int{true: 0, false: 2}[tt.ends]; a.pending() != want {
			t.Errorf("%s: %d pending", name, a.pending())
		}
		a.handler, a.calls = app, 0
		for _, v := range []url.Values{links, signIns} {
			if w := a.complete(v); (w.Code == 400) != tt.ends || (a.calls == 0) != tt.ends {
				t.Errorf("%s: %d, %d calls", name, w.Code, a.calls)
			}
		}
	}
}
