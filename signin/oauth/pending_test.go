package oauth_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

func TestCookie(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts oauth.Options
		want string
	}{
		{"default", oauth.Options{}, "__Host-oauth-ID=VALUE; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax"},
		{"named", oauth.Options{CookieName: "idp"}, "__Host-idp-ID=VALUE; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax"},
		{"form_post", oauth.Options{FormPost: true}, "__Host-oauth-ID=VALUE; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=None"},
		{"insecure", oauth.Options{InsecureCookie: true}, "oauth-ID=VALUE; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"},
	} {
		a := newApp(t, newProvider(), tt.opts)
		w := a.do(httptest.NewRequest("GET", "/login?next=/"+strings.Repeat("a", 2047), nil))
		line := w.Header().Get("Set-Cookie")
		c := w.Result().Cookies()[0]
		id := c.Name[strings.LastIndexByte(c.Name, '-')+1:]
		if len(line) >= 4096 || len(line) < 2048 {
			t.Errorf("%s: %d bytes", tt.name, len(line))
		}
		if got := strings.Replace(strings.Replace(line, c.Value, "VALUE", 1), id, "ID", 1); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
		state := guard.Must(url.Parse(w.Header().Get("Location"))).Query().Get("state")
		if !strings.HasPrefix(state, id) || strings.Contains(line, state) {
			t.Errorf("%s: the cookie's name shows the state", tt.name)
		}
		cleared := a.complete(url.Values{"state": {state}, "iss": {issuer}, "error": {"access_denied"}}) // refused with 405 for form_post
		if !tt.opts.FormPost {
			want := strings.Replace(strings.Replace(tt.want, "VALUE", "", 1), "Max-Age=600", "Max-Age=0", 1)
			if got := strings.Replace(cleared.Header().Get("Set-Cookie"), id, "ID", 1); got != want {
				t.Errorf("%s: cleared by %s", tt.name, got)
			}
		}
	}
}

// Three tabs, completed in any order.
func TestThreeTabs(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		p := newProvider()
		a := newApp(t, p, oauth.Options{})
		var tabs []url.Values
		for i := range 3 {
			tabs = append(tabs, p.authorize(t, a.begin(fmt.Sprintf("?next=/tab/%d", i))))
		}
		for _, i := range order {
			if w := a.complete(tabs[i]); w.Code != 303 || w.Header().Get("Location") != fmt.Sprintf("/tab/%d", i) {
				t.Errorf("%v: tab %d: %d %q %s", order, i, w.Code, w.Header().Get("Location"), a.reason())
			}
		}
		if a.pending() != 0 {
			t.Errorf("%d pending", a.pending())
		}
	}
}

// The ninth sign-in ends the first, and the cookies of all stay small.
func TestNinePending(t *testing.T) {
	for _, next := range []string{"/", "/" + strings.Repeat("a", 2047)} {
		synctest.Test(t, func(t *testing.T) {
			p := newProvider()
			a := newApp(t, p, oauth.Options{})
			var tabs []url.Values
			for range 9 {
				tabs = append(tabs, p.authorize(t, a.begin("?next="+next)))
				time.Sleep(time.Second)
			}
			size := 0
			for name, value := range a.cookies {
				size += len(name) + len(value) + 3
			}
			if a.pending() != 8 || size > 6<<10 {
				t.Errorf("%d pending, %d bytes", a.pending(), size)
			}
			for i, tab := range tabs {
				if w := a.complete(tab); (w.Code == 400) != (i == 0) || i > 0 && w.Code != 303 {
					t.Errorf("tab %d: %d %s", i, w.Code, a.reason())
				}
			}
		})
	}
}

// cookieBytes is the size of the pending sign-ins in a browser.
func (a *app) cookieBytes() (size int) {
	for name, value := range a.cookies {
		size += len(name) + len(value) + len("=; ")
	}
	return size
}

// The ninth sign-in keeps its next where the one that it ends had a long one.
func TestNinthKeepsItsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		a := newApp(t, p, oauth.Options{})
		a.begin("?next=/" + strings.Repeat("a", 2047))
		for range 7 {
			time.Sleep(time.Second)
			a.begin("")
		}
		time.Sleep(time.Second)
		next := "/" + strings.Repeat("b", 1500)
		if w := a.signIn("?next=" + next); w.Code != 303 || w.Header().Get("Location") != next {
			t.Errorf("%d %.20q, %d bytes", w.Code, w.Header().Get("Location"), a.cookieBytes())
		}
	})
}

// Requests with long ACRValues end the oldest sign-ins before the cookies are too large.
func TestManyLongRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		a := newApp(t, p, withRequest(oauth.AuthRequest{ACRValues: []string{strings.Repeat("a", 1500), "silver"}}))
		var tabs []url.Values
		for range 6 {
			tabs = append(tabs, p.authorize(t, a.begin("")))
			time.Sleep(time.Second)
			if size := a.cookieBytes(); size > 6<<10 {
				t.Errorf("%d bytes", size)
			}
		}
		if w := a.complete(tabs[5]); w.Code != 303 || a.pending() == 0 {
			t.Errorf("the last: %d, %d others", w.Code, a.pending())
		}
		if w := a.complete(tabs[0]); w.Code != 400 {
			t.Errorf("the first: %d", w.Code)
		}
	})
}

// A browser may have cookies that begin like ours, and many of them.
func TestForeignCookies(t *testing.T) {
	a := newApp(t, newProvider(), oauth.Options{InsecureCookie: true})
	r := httptest.NewRequest("GET", "/login", nil)
	r.Header.Set("Cookie", "xoauth-"+strings.Repeat("0", 24)+"=1; oauth-=2; oauth-zz=3; oauth-"+strings.Repeat("z", 24)+"=4; oauth-"+strings.Repeat("0", 23)+"; oauth-"+strings.Repeat("0", 25)+"=5")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	if n := len(w.Header()["Set-Cookie"]); n != 1 {
		t.Errorf("%d cookies set", n)
	}
	r = httptest.NewRequest("GET", "/login", nil)
	for i := range 5000 {
		r.Header.Add("Cookie", fmt.Sprintf("oauth-%024x=1", i))
	}
	w = httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	if n := len(w.Header()["Set-Cookie"]); w.Code != 303 || n > 64 {
		t.Errorf("%d, %d cookies set", w.Code, n)
	}
}

// A stolen callback URL is of no use in another browser, and a planted one neither.
func TestAnotherBrowser(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	v := p.authorize(t, a.begin(""))
	mine := a.cookies
	a.cookies = map[string]string{}
	if w := a.complete(v); w.Code != 400 || a.calls != 0 || p.count("/token") != 0 {
		t.Errorf("without cookies: %d", w.Code)
	}
	other := p.authorize(t, a.begin(""))
	if w := a.complete(v); w.Code != 400 || a.calls != 0 {
		t.Errorf("with another sign-in: %d", w.Code)
	}
	for name := range a.cookies { // the value of the one under the name of the other
		for _, value := range mine {
			a.cookies[name] = value
		}
	}
	if w := a.complete(other); w.Code != 400 || a.calls != 0 || !strings.Contains(a.reason(), "of another") {
		t.Errorf("with the cookie of another: %d %s", w.Code, a.reason())
	}
	a.cookies = mine
	if w := a.complete(v); w.Code != 303 {
		t.Errorf("in its browser: %d", w.Code)
	}
}

func TestTwoCookiesOfOneName(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{InsecureCookie: true})
	v := p.authorize(t, a.begin(""))
	r := httptest.NewRequest("GET", "/callback?"+v.Encode(), nil)
	for name := range a.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: "planted"})
	}
	if w := a.do(r); w.Code != 400 || !strings.Contains(a.reason(), "two cookies") {
		t.Errorf("%d %s", w.Code, a.reason())
	}
}

func TestExpired(t *testing.T) {
	for after, want := range map[time.Duration]int{10*time.Minute - time.Second: 303, 10 * time.Minute: 400} {
		synctest.Test(t, func(t *testing.T) {
			p := newProvider()
			a := newApp(t, p, oauth.Options{})
			v := p.authorize(t, a.begin(""))
			time.Sleep(after)
			if w := a.complete(v); w.Code != want {
				t.Errorf("after %v: %d %s", after, w.Code, a.reason())
			}
		})
	}
}

// A sign-in of the future is none: the clock was set back, by more than clocks of
// several processes differ.
func TestClockSetBack(t *testing.T) {
	for back, want := range map[time.Duration]int{4 * time.Second: 303, time.Minute: 400} {
		now := time.Now()
		p := newProvider()
		a := newApp(t, p, oauth.Options{Now: func() time.Time { return now }})
		v := p.authorize(t, a.begin(""))
		now = now.Add(-back)
		if w := a.complete(v); w.Code != want {
			t.Errorf("%v: %d %s", back, w.Code, a.reason())
		}
	}
}

// The cookie of a provider, client, callback or key is none of another's.
func TestSealedForOneLogin(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	v := p.authorize(t, a.begin(""))
	opts := oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: p}}
	newKey := opts
	newKey.Key, newKey.OldKeys = guard.Secret(strings.Repeat("n", 32)), []guard.Secret{sealKey}
	forgotten := newKey
	forgotten.OldKeys = nil
	client := oauth.Client{ID: clientID, Secret: guard.Secret(secret)}
	another := client
	another.ID = "another"
	for _, tt := range []struct {
		name     string
		from     oauth.Provider
		client   oauth.Client
		callback string
		opts     *oauth.Options
		want     int
	}{
		{"issuer", oauth.Discover("https://other.example"), client, callback, &opts, 400},
		{"client", oauth.Discover(issuer), another, callback, &opts, 400},
		{"callback", oauth.Discover(issuer), client, callback + "2", &opts, 400},
		{"key", oauth.Discover(issuer), client, callback, &forgotten, 400},
		{"old key", oauth.Discover(issuer), client, callback, &newKey, 303},
	} {
		other := guard.Must(oauth.New[claims](tt.from, tt.client, tt.callback, tt.opts))
		cookies := maps.Clone(a.cookies)
		a.handler = other.Complete(func(http.ResponseWriter, *http.Request, *oauth.Identity[claims]) error { return nil })
		if w := a.complete(v); w.Code != tt.want {
			t.Errorf("another %s: %d", tt.name, w.Code)
		}
		a.cookies = cookies
	}
}
