package interop_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

// Headings of the providers' pages.
const (
	signInPage  = "Sign in at the provider"
	consentPage = "Allow access"
)

// TestSignIn signs in at each provider, with each way of a client to authenticate.
func TestSignIn(t *testing.T) {
	for _, each := range providers {
		t.Run(each.name, func(t *testing.T) {
			a := startApplication(t)
			p := each.start(t, a)
			a.signInAt(t, p.issuer, "/client_secret_basic/login", clients...)
			for _, c := range clients {
				t.Run(c.ID, func(t *testing.T) {
					v := newVisitor(t, a, p)
					to := v.begin(c.ID, "?next=/me")
					if q := guard.Must(url.Parse(to)).Query(); q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" {
						t.Errorf("the request: %v", q)
					}
					callback := v.visit(to, "yes")
					if iss := callback.Query().Get("iss"); iss != "" && iss != p.issuer || (iss != "") != p.announcesIss {
						t.Errorf("iss %q", iss)
					}
					if got := v.get(callback.String()); got.status != 303 || got.location != a.URL+"/me" {
						t.Fatalf("%d %q %s", got.status, got.location, a.reason())
					}
					me, _ := v.me()
					if me.Issuer != p.issuer || me.Subject != p.subject || me.Email != p.email || !me.EmailVerified || me.Name == "" || me.IDToken == "" {
						t.Errorf("%+v", me)
					}
					if got := v.get(callback.String()); got.status != 400 {
						t.Errorf("the callback again: %d %s", got.status, a.reason())
					}
					if _, signedIn := v.me(); !signedIn {
						t.Error("a repeated callback ended the session")
					}
				})
			}
		})
	}
}

// TestSignInWithPushedRequests: the provider requires them (RFC 9126), and that the
// client authenticates.
func TestSignInWithPushedRequests(t *testing.T) {
	a := startApplication(t)
	p := startOIDCProvider(t, a)
	a.signInAt(t, p.pushed, "/client_secret_basic/login", clients...)
	for _, c := range clients {
		t.Run(c.ID, func(t *testing.T) {
			v := newVisitor(t, a, p)
			to := v.begin(c.ID, "?next=/me")
			if names := slices.Sorted(maps.Keys(guard.Must(url.Parse(to)).Query())); !slices.Equal(names, []string{"client_id", "request_uri"}) {
				t.Errorf("the browser carries %v", names)
			}
			if got := v.get(v.visit(to, "yes").String()); got.status != 303 {
				t.Fatalf("%d %s", got.status, a.reason())
			}
			if me, _ := v.me(); me.Issuer != p.pushed || me.Subject != p.subject {
				t.Errorf("%+v", me)
			}
		})
	}
	// What the provider does without: it is what makes Begin push.
	query := url.Values{"client_id": {"none"}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {a.URL + "/none/callback"}}
	if got := newVisitor(t, a, p).get(p.pushed + "/auth?" + query.Encode()); !strings.Contains(got.location+got.body, "Pushed") {
		t.Errorf("a request that was not pushed: %d %s", got.status, got.location)
	}
}

// TestWhatASignInAsks: prompt and max_age, with a provider that remembers a person and
// with one that does not.
func TestWhatASignInAsks(t *testing.T) {
	for _, each := range providers {
		t.Run(each.name, func(t *testing.T) {
			a := startApplication(t)
			p := each.start(t, a)
			a.signInAt(t, p.issuer, "/client_secret_basic/login", clients[0])
			v := newVisitor(t, a, p)
			remembers, first := p.node != nil, time.Time{}
			for _, tt := range []struct {
				query     string
				new, then []string // pages of a provider that does not know the person, and of one that does
				status    int
			}{
				{"?prompt=none", nil, nil, 400}, // login_required: of both, as nobody signed in yet
				{"", []string{signInPage}, []string{signInPage, consentPage}, 303},
				{"?max_age=1h", []string{signInPage}, nil, 303},
				{"?prompt=login", []string{signInPage}, []string{signInPage}, 303},
				{"?prompt=login&max_age=1h", []string{signInPage}, []string{signInPage}, 303},
				{"?max_age=1ns", []string{signInPage}, []string{signInPage}, 303}, // 0 seconds
				{"?prompt=consent", []string{signInPage}, []string{consentPage}, 303},
			} {
				got := v.signIn(clients[0].ID, tt.query)
				if got.status != tt.status {
					t.Fatalf("%q: %d %s", tt.query, got.status, a.reason())
				}
				pages := tt.new
				if remembers {
					pages = tt.then
				}
				if !slices.Equal(v.pages, pages) {
					t.Errorf("%q: pages %q, want %q", tt.query, v.pages, pages)
				}
				if !strings.Contains(tt.query, "max_age") {
					continue
				}
				me, _ := v.me()
				if age := time.Since(me.AuthTime); age < -5*time.Second || age > harness.Patience {
					t.Errorf("%q: auth_time %v ago", tt.query, age)
				}
				if me.AuthTime.Before(first) {
					t.Errorf("%q: auth_time goes back", tt.query)
				}
				first = me.AuthTime
			}
			if remembers { // and so without a page
				if got := v.signIn(clients[0].ID, "?prompt=none"); got.status != 303 || v.pages != nil {
					t.Errorf("prompt=none: %d %q %s", got.status, v.pages, a.reason())
				}
			}
			if got := v.signIn(clients[0].ID, "?acr=gold"); got.status != 401 {
				t.Errorf("an acr that the provider does not have: %d %s", got.status, a.reason())
			}
		})
	}
}

// TestDeclined: who declines gets 403, a page with a way on, and can agree later.
func TestDeclined(t *testing.T) {
	for _, each := range providers {
		t.Run(each.name, func(t *testing.T) {
			a := startApplication(t)
			p := each.start(t, a)
			a.signInAt(t, p.issuer, "/client_secret_basic/login", clients[0])
			v := newVisitor(t, a, p)
			got := v.get(v.visit(v.begin(clients[0].ID, ""), "no").String())
			if got.status != http.StatusForbidden || !strings.Contains(got.body, "Sign-in was declined") || !strings.Contains(got.body, "<a href=") {
				t.Errorf("%d %s %s", got.status, got.body, a.reason())
			}
			if _, signedIn := v.me(); signedIn {
				t.Error("a session")
			}
			if got := v.signIn(clients[0].ID, ""); got.status != 303 {
				t.Errorf("then: %d %s", got.status, a.reason())
			}
		})
	}
}

// TestProviderIsDown: the answer is 503, and the same URL signs in when it is up again.
func TestProviderIsDown(t *testing.T) {
	a := startApplication(t)
	p := startOIDCProvider(t, a)
	a.signInAt(t, p.issuer, "/client_secret_basic/login", clients[0])
	v := newVisitor(t, a, p)
	callback := v.visit(v.begin(clients[0].ID, "?next=/me"), "yes").String()
	p.order(t, "down")
	if got := v.get(callback); got.status != 503 || !strings.Contains(got.body, "Try again") {
		t.Errorf("%d %s %s", got.status, got.body, a.reason())
	}
	p.order(t, "up")
	if got := v.get(callback); got.status != 303 || got.location != a.URL+"/me" {
		t.Errorf("then: %d %q %s", got.status, got.location, a.reason())
	}
}
