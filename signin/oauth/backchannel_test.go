package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/oauth"
)

func TestBackChannel(t *testing.T) {
	header := func(typ string) object { return object{"alg": "ES256", "kid": "1", "typ": typ} }
	both := oauth.LogoutToken{Issuer: issuer, Subject: "user-1", SessionID: "session-1"}
	for _, tt := range []struct {
		name   string
		header object
		change func(object)
		want   oauth.LogoutToken
	}{
		{"sub and sid", logoutHeader, func(object) {}, both},
		{"sid alone", logoutHeader, func(c object) { delete(c, "sub") }, oauth.LogoutToken{Issuer: issuer, SessionID: "session-1"}},
		{"sub alone", logoutHeader, func(c object) { delete(c, "sid") }, oauth.LogoutToken{Issuer: issuer, Subject: "user-1"}},
		{"typ JWT", header("JWT"), func(object) {}, both},
		{"typ in another case, with application/", header("application/Logout+JWT"), func(object) {}, both},
		{"no typ", object{"alg": "ES256", "kid": "1"}, func(object) {}, both},
		{"no kid", object{"alg": "ES256"}, func(object) {}, both},
		{"aud is an array", logoutHeader, func(c object) { c["aud"] = []string{clientID} }, both},
		{"two aud, and azp", logoutHeader, func(c object) { c["aud"], c["azp"] = []string{"another", clientID}, clientID }, both},
		{"an event that says more", logoutHeader, func(c object) { c["events"] = object{eventName: object{"reason": "admin"}, "urn:x": 1} }, both},
		{"claims that are not known", logoutHeader, func(c object) { c["trace_id"], c["toe"] = "x", 1 }, both},
		{"iat nearly five minutes ago", logoutHeader, func(c object) { c["iat"] = ago(290e9) }, both},
		{"iat within the leeway", logoutHeader, func(c object) { c["iat"] = ago(-3e9) }, both},
		{"exp within the leeway", logoutHeader, func(c object) { c["exp"] = ago(3e9) }, both},
		{"dates with fractions", logoutHeader, func(c object) { c["iat"], c["exp"] = ago(0).half(), ago(-60e9).half() }, both},
		{"a sub that is the stand-in", logoutHeader, func(c object) { c["sub"] = "logout:without a sub" }, oauth.LogoutToken{Issuer: issuer, Subject: "logout:without a sub", SessionID: "session-1"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			rc := newReceiver(t, newProvider(), oauth.Options{})
			claims := logoutClaims()
			tt.change(claims)
			w := rc.deliver(signed(tt.header, claims, signingKey))
			if w.Code != 200 || w.Body.Len() != 0 || rc.count() != 1 {
				t.Fatalf("%s: %d %s, %d ended: %s", tt.name, w.Code, w.Body, rc.count(), rc.reason())
			}
			if rc.ended[0] != tt.want || (rc.ended[0].Ref() == "") != (tt.want.SessionID == "") {
				t.Errorf("%s: %+v, Ref %q; want %+v", tt.name, rc.ended[0], rc.ended[0].Ref(), tt.want)
			}
			d := rc.decisions[0]
			if len(rc.decisions) != 1 || d.Package != "oauth" || d.Action != "sign-out" || d.Outcome != guard.Allowed || d.Subject != tt.want.Subject || d.Guard != issuer {
				t.Errorf("%s: decisions %+v", tt.name, rc.decisions)
			}
		})
	}
}

// What is no form with one token is 400, before anything is fetched.
func TestBackChannelRequests(t *testing.T) {
	token := url.QueryEscape(logoutToken(nil))
	for name, tt := range map[string]struct {
		method, contentType, target, body string
		want                              int
		reason                            string
	}{
		"GET":                            {"GET", "", "/?logout_token=" + token, "", 405, "method_not_allowed"},
		"PUT":                            {"PUT", "", "/", "logout_token=" + token, 405, "method_not_allowed"},
		"HEAD":                           {"HEAD", "", "/", "", 405, "method_not_allowed"},
		"no token":                       {"POST", "", "/", "", 400, "logout_token is missing"},
		"an empty token":                 {"POST", "", "/", "logout_token=", 400, "logout_token is missing"},
		"another name":                   {"POST", "", "/", "token=" + token, 400, "logout_token is missing"},
		"a name in another case":         {"POST", "", "/", "Logout_Token=" + token, 400, "logout_token is missing"},
		"in the query":                   {"POST", "", "/?logout_token=" + token, "", 400, "logout_token is missing"},
		"two tokens":                     {"POST", "", "/", "logout_token=" + token + "&logout_token=" + token, 400, "occurs twice"},
		"JSON":                           {"POST", "application/json", "/", `{"logout_token":"` + token + `"}`, 400, "malformed"},
		"a form of another type":         {"POST", "multipart/form-data; boundary=x", "/", "logout_token=" + token, 400, "malformed"},
		"text/plain":                     {"POST", "text/plain", "/", "logout_token=" + token, 400, "malformed"},
		"a semicolon":                    {"POST", "", "/", "a=b;logout_token=" + token, 400, "malformed"},
		"a bad escape":                   {"POST", "", "/", "logout_token=%zz", 400, "malformed"},
		"a huge body":                    {"POST", "", "/", "logout_token=" + token + "&x=" + strings.Repeat("a", 1<<20), 400, "too long"},
		"a huge token":                   {"POST", "", "/", "logout_token=" + strings.Repeat("a", 17<<10), 400, "16 KiB"},
		"a token in quotes":              {"POST", "", "/", `logout_token="` + token + `"`, 400, "base64url"},
		"a token with a space before it": {"POST", "", "/", "logout_token=+" + token, 400, "base64url"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider()
			rc := newReceiver(t, p, oauth.Options{})
			r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			w := rc.send(r)
			if w.Code != tt.want || rc.count() != 0 || p.count("") != 0 {
				t.Errorf("%d, %d ended, %d requests", w.Code, rc.count(), p.count(""))
			}
			if !strings.Contains(rc.reason(), tt.reason) || len(rc.decisions) != 1 || rc.decisions[0].Action != "sign-out" || rc.decisions[0].Subject != "" {
				t.Errorf("reason %q, want %q", rc.reason(), tt.reason)
			}
			if allow := w.Header().Get("Allow"); (allow == "POST") != (tt.want == 405) {
				t.Errorf("Allow %q", allow)
			}
			if tt.want == 400 && w.Body.String() != `{"error":"Bad Request","message":"Invalid logout token"}` {
				t.Errorf("body %s", w.Body)
			}
		})
	}
}

// A connection that breaks in the middle of a form is no failure of ours.
func TestBodyBreaksOff(t *testing.T) {
	rc := newReceiver(t, newProvider(), oauth.Options{FormPost: true})
	for path, h := range map[string]http.Handler{"/backchannel": rc.h, "/callback": rc.handler} {
		r := httptest.NewRequest("POST", path, io.MultiReader(strings.NewReader("logout_token="), iotest.ErrReader(io.ErrUnexpectedEOF)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rc.decisions = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 400 || rc.count()+rc.calls != 0 || len(rc.decisions) != 1 || rc.decisions[0].Outcome != guard.Refused || !strings.Contains(rc.reason(), "malformed") {
			t.Errorf("%s: %d %s", path, w.Code, rc.reason())
		}
	}
}

// A token is spent after the sessions have ended, over all processes.
func TestLogoutTokenReplay(t *testing.T) {
	store, p := newOnce(), newProvider()
	first, second := newReceiver(t, p, oauth.Options{Once: store}), newReceiver(t, p, oauth.Options{Once: store})
	token := logoutToken(nil)
	for _, err := range []error{errors.New("bug"), guard.Unavailable(errDown), guard.NotFound(""), guard.ErrNoCredentials, context.Canceled} {
		first.fail = err
		if w := first.deliver(token); w.Code/100 != 5 {
			t.Errorf("%v: %d %s", err, w.Code, first.reason())
		}
		if d := first.decisions[len(first.decisions)-1]; d.Outcome != guard.Failed || d.Subject != "user-1" || d.Action != "sign-out" {
			t.Errorf("%v: decision %+v", err, d)
		}
	}
	first.fail = nil
	if w := first.deliver(token); w.Code != 200 || first.count() != 1 {
		t.Fatalf("after failures: %d %s", w.Code, first.reason())
	}
	for _, rc := range []*receiver{first, second} {
		if w := rc.deliver(token); w.Code != 400 || !strings.Contains(rc.reason(), "received before") {
			t.Errorf("replayed: %d %s", w.Code, rc.reason())
		}
	}
	if first.count() != 1 || second.count() != 0 {
		t.Errorf("%d and %d ended", first.count(), second.count())
	}
}

// The same jti of another client is another token.
func TestLogoutTokenOfTwoClients(t *testing.T) {
	store, p := newOnce(), newProvider()
	rc := newReceiver(t, p, oauth.Options{Once: store})
	other := appOf(t, p, oauth.Discover(issuer), oauth.Client{ID: "another"}, oauth.Options{Once: store})
	ended := 0
	h := other.login.BackChannel(func(context.Context, oauth.LogoutToken) error { ended++; return nil })
	if w := rc.deliver(logoutToken(func(c object) { c["jti"] = "1" })); w.Code != 200 {
		t.Fatal(w.Code, rc.reason())
	}
	rc.h = h
	if w := rc.deliver(logoutToken(func(c object) { c["jti"], c["aud"] = "1", "another" })); w.Code != 200 || ended != 1 {
		t.Error(w.Code, ended)
	}
	if w := rc.deliver(logoutToken(nil)); w.Code != 400 || ended != 1 {
		t.Errorf("a token of the first client: %d", w.Code)
	}
}

// Of 64 deliveries at once one ends the sessions, whatever the others are answered.
func TestLogoutTokenAtTheSameTime(t *testing.T) {
	rc := newReceiver(t, newProvider(), oauth.Options{})
	token, codes := logoutToken(nil), [64]int{}
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() { codes[i] = rc.deliver(token).Code })
	}
	wg.Wait()
	counts := map[int]int{}
	for _, code := range codes {
		counts[code]++
	}
	if rc.count() != 1 || counts[200] != 1 || counts[400]+counts[503] != 63 {
		t.Errorf("%d ended, %v", rc.count(), counts)
	}
}

// While a token is handled, another delivery of it is 503, and leaves it.
func TestLogoutTokenIsBeingHandled(t *testing.T) {
	store, p, token := newOnce(), newProvider(), logoutToken(nil)
	first, second := newReceiver(t, p, oauth.Options{Once: store}), newReceiver(t, p, oauth.Options{Once: store})
	arrived, proceed, done := make(chan bool), make(chan error), make(chan int)
	first.h = first.login.BackChannel(func(context.Context, oauth.LogoutToken) error { close(arrived); return <-proceed })
	go func() { done <- first.deliver(token).Code }()
	<-arrived
	if w := second.deliver(token); w.Code != 503 || !strings.Contains(second.reason(), "by another request") {
		t.Errorf("%d %s", w.Code, second.reason())
	}
	proceed <- errDown
	if code := <-done; code != 500 {
		t.Errorf("first: %d", code)
	}
	if w := second.deliver(token); w.Code != 200 || second.count() != 1 {
		t.Errorf("again: %d %s", w.Code, second.reason())
	}
}

// A panic of the function leaves the token usable.
func TestLogoutTokenAfterAPanic(t *testing.T) {
	rc, token := newReceiver(t, newProvider(), oauth.Options{}), logoutToken(nil)
	h := rc.h
	rc.h = rc.login.BackChannel(func(context.Context, oauth.LogoutToken) error { panic("bug") })
	func() {
		defer func() { _ = recover() }()
		rc.deliver(token)
		t.Error("no panic")
	}()
	rc.h = h
	if w := rc.deliver(token); w.Code != 200 {
		t.Errorf("%d %s", w.Code, rc.reason())
	}
}

func TestLogoutStoreFails(t *testing.T) {
	for name, tt := range map[string]struct {
		acquire, commit error
		want, ended     int
	}{
		"down":                  {errDown, nil, 503, 0},
		"full":                  {once.ErrFull, nil, 503, 0},
		"down at the commit":    {nil, errDown, 503, 1},
		"the lease was lost":    {nil, once.ErrLost, 200, 1},
		"the commit is ErrFull": {nil, once.ErrFull, 503, 1},
	} {
		rc := newReceiver(t, newProvider(), oauth.Options{Once: brokenStore{newOnce(), tt.acquire, tt.commit}})
		if w := rc.deliver(logoutToken(nil)); w.Code != tt.want || rc.count() != tt.ended {
			t.Errorf("%s: %d, %d ended: %s", name, w.Code, rc.count(), rc.reason())
		}
	}
}

// A provider that stops waiting wants the sessions to end all the same.
func TestProviderLeaves(t *testing.T) {
	rc := newReceiver(t, newProvider(), oauth.Options{Once: strictStore{newOnce()}})
	ctx, cancel := context.WithCancel(t.Context())
	token := logoutToken(nil)
	var seen error
	rc.h = rc.login.BackChannel(func(ctx context.Context, _ oauth.LogoutToken) error {
		cancel()
		seen = ctx.Err()
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("no deadline")
		}
		return errDown
	})
	rc.send(httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader("logout_token="+token)))
	if seen != nil {
		t.Errorf("the context of the function: %v", seen)
	}
	rc.h = rc.login.BackChannel(func(context.Context, oauth.LogoutToken) error { return nil })
	if w := rc.deliver(token); w.Code != 200 {
		t.Errorf("again: %d", w.Code)
	}
}

// Without keys the answer is 503, and the token is good once they are there.
func TestLogoutWithoutKeys(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", "/jwks"} {
		p, token := newProvider(), logoutToken(nil)
		p.override[path] = down
		rc := newReceiver(t, p, oauth.Options{Refetch: 1})
		if w := rc.deliver(token); w.Code != 503 || rc.count() != 0 || !strings.Contains(rc.reason(), "cannot be fetched") {
			t.Errorf("%s: %d %s", path, w.Code, rc.reason())
		}
		p.heal()
		if w := rc.deliver(token); w.Code != 200 || rc.count() != 1 {
			t.Errorf("%s: again %d %s", path, w.Code, rc.reason())
		}
	}
}

func TestBackChannelOfEndpoints(t *testing.T) {
	a := appOf(t, newProvider(), oauth.Endpoints{Authorize: issuer + "/authorize", Token: issuer + "/token", UserInfo: issuer + "/user"}, oauth.Client{ID: clientID}, oauth.Options{})
	rc := newReceiver(t, a.p, oauth.Options{})
	rc.h = a.login.BackChannel(func(context.Context, oauth.LogoutToken) error { t.Error("called"); return nil })
	if w := rc.deliver(logoutToken(nil)); w.Code != 400 || a.p.count("") != 0 {
		t.Errorf("%d", w.Code)
	}
}
