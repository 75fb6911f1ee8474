package interop_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/httprate"
	chijwtauth "github.com/go-chi/jwtauth/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
)

// Tokens.

var tokenSecret = []byte("of 32 bytes, of the environment.")

func guardTokens() guard.Middleware {
	return guard.Must(jwtauth.NewVerifier[struct{}](jwtauth.HMAC("HS256", tokenSecret), nil)).Wrap
}

func jwtauthTokens() guard.Middleware {
	auth := chijwtauth.New("HS256", tokenSecret, nil)
	return guard.Chain(chijwtauth.Verifier(auth), chijwtauth.Authenticator(auth))
}

// tokenWith returns a signed token with these claims.
func tokenWith(claims map[string]any) string {
	_, token, err := chijwtauth.New("HS256", tokenSecret, nil).Encode(claims)
	return guard.Must(token, err)
}

// validToken is one that both accept.
func validToken() string {
	return tokenWith(map[string]any{"sub": "1", "exp": time.Now().Add(time.Hour).Unix()})
}

func challenges(t *testing.T, mw guard.Middleware) bool {
	var d door
	res, _ := answerTo(t, mw(&d), "GET", nil)
	if !d.refused(res, is(401)) {
		t.Fatalf("%d, entered %d times", res.StatusCode, d.entered)
	}
	return res.Header.Get("WWW-Authenticate") != ""
}

func guardChallenges(t *testing.T) bool   { return challenges(t, guardTokens()) }
func jwtauthChallenges(t *testing.T) bool { return challenges(t, jwtauthTokens()) }

func needsExp(t *testing.T, mw guard.Middleware) bool {
	t.Helper()
	var d door
	if res, _ := answerTo(t, mw(&d), "GET", map[string]string{"Authorization": "Bearer " + validToken()}); res.StatusCode != 200 {
		t.Fatalf("with exp: %d", res.StatusCode)
	}
	d.entered = 0
	res, _ := answerTo(t, mw(&d), "GET", map[string]string{"Authorization": "Bearer " + tokenWith(map[string]any{"sub": "1"})})
	return d.refused(res, is(401))
}

func guardNeedsExp(t *testing.T) bool   { return needsExp(t, guardTokens()) }
func jwtauthNeedsExp(t *testing.T) bool { return needsExp(t, jwtauthTokens()) }

// Sessions.

// A sessionSite is an application with sessions: its login, and its pages around a
// handler that gets what saves the session and what ends it.
type sessionSite struct {
	login http.Handler
	page  func(inside func(save, end func())) http.Handler
}

func guardSite(t *testing.T, store session.Store) sessionSite {
	check := checker(t)
	m := guard.Must(session.New[string](&session.Options{Store: store}))
	return sessionSite{
		login: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := m.Create(w, r, "1", "")
			check(err)
		}),
		page: func(inside func(save, end func())) http.Handler {
			return m.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session[string]) {
				inside(func() {
					_, _ = m.Update(r.Context(), s, func(data *string) error { *data += "x"; return nil })
				}, func() { check(m.Destroy(w, r)) })
			}))
		},
	}
}

func scsSite(t *testing.T, store scs.Store) sessionSite {
	check := checker(t)
	m := newSCS()
	if store != nil {
		m.Store = store
	}
	return sessionSite{
		login: m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			check(m.RenewToken(r.Context()))
			m.Put(r.Context(), "userID", "1")
		})),
		page: func(inside func(save, end func())) http.Handler {
			return m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if m.GetString(r.Context(), "userID") == "" {
					http.Error(w, "not signed in", http.StatusUnauthorized)
					return
				}
				inside(func() { m.Put(r.Context(), "seen", "x") }, func() { check(m.Destroy(r.Context())) })
			}))
		},
	}
}

func checker(t *testing.T) func(error) {
	return func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
}

// signIn returns the cookie of a new session.
func (s sessionSite) signIn(t *testing.T) *http.Cookie {
	t.Helper()
	res, _ := answerTo(t, s.login, "POST", map[string]string{"Sec-Fetch-Site": "same-origin"})
	if len(res.Cookies()) != 1 {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	return res.Cookies()[0]
}

// strict reports whether a cookie has what browsers protect it by.
func strict(c *http.Cookie) bool {
	return c.Secure && c.HttpOnly && (c.SameSite == http.SameSiteLaxMode || c.SameSite == http.SameSiteStrictMode)
}

func guardCookie(t *testing.T) bool { return strict(guardSite(t, nil).signIn(t)) }
func scsCookie(t *testing.T) bool   { return strict(scsSite(t, nil).signIn(t)) }

// checksOrigin sends what a form of another site sends.
func checksOrigin(t *testing.T, page func(http.Handler) http.Handler, cookie *http.Cookie) bool {
	t.Helper()
	var d door
	header := map[string]string{"Cookie": cookie.Name + "=" + cookie.Value, "Sec-Fetch-Site": "same-origin"}
	if res, _ := answerTo(t, page(&d), "POST", header); res.StatusCode != 200 || d.entered != 1 {
		t.Fatalf("from its own site: %d", res.StatusCode)
	}
	d.entered = 0
	header["Sec-Fetch-Site"], header["Origin"] = "cross-site", "https://evil.example"
	res, _ := answerTo(t, page(&d), "POST", header)
	return d.refused(res, is(403))
}

func (s sessionSite) checksOrigin(t *testing.T) bool {
	return checksOrigin(t, func(h http.Handler) http.Handler {
		return s.page(func(_, _ func()) { h.ServeHTTP(nil, nil) })
	}, s.signIn(t))
}

func guardChecksOrigin(t *testing.T) bool { return guardSite(t, nil).checksOrigin(t) }
func scsChecksOrigin(t *testing.T) bool   { return scsSite(t, nil).checksOrigin(t) }
func jwtauthChecksOrigin(t *testing.T) bool {
	return checksOrigin(t, jwtauthTokens(), &http.Cookie{Name: "jwt", Value: validToken()})
}

// ends: while one request is under way, another signs out; then the first saves.
func (s sessionSite) ends(t *testing.T) bool {
	cookie := s.signIn(t)
	header := map[string]string{"Cookie": cookie.Name + "=" + cookie.Value}
	answerTo(t, s.page(func(save, _ func()) {
		if res, _ := answerTo(t, s.page(func(_, end func()) { end() }), "GET", header); res.StatusCode != 200 {
			t.Errorf("sign-out: %d", res.StatusCode)
		}
		save()
	}), "GET", header)
	var d door
	res, _ := answerTo(t, s.page(func(_, _ func()) { d.entered++ }), "GET", header)
	return d.refused(res, is(401))
}

func guardEnds(t *testing.T) bool { return guardSite(t, nil).ends(t) }
func scsEnds(t *testing.T) bool   { return scsSite(t, nil).ends(t) }

// Outages.

var errStoreDown = errors.New("the store is down")

type downSessions struct{ session.Store }

func (downSessions) Load(context.Context, session.Key) (rec session.Record, found bool, err error) {
	return rec, false, errStoreDown
}

type downLimits struct{ ratelimit.Store }

func (downLimits) Take(context.Context, []ratelimit.Take) ([]ratelimit.State, error) {
	return nil, errStoreDown
}

func (s sessionSite) outage(t *testing.T, cookie *http.Cookie) bool {
	var d door
	res, _ := answerTo(t, s.page(func(_, _ func()) { d.entered++ }), "GET", map[string]string{"Cookie": cookie.Name + "=" + cookie.Value})
	return d.refused(res, is5xx)
}

func guardOutage(t *testing.T) bool {
	memory := guard.Must(session.NewMemory(nil))
	cookie := guardSite(t, memory).signIn(t)
	var d door
	limit := guard.Must(ratelimit.New(ratelimit.Limit{Name: "all", Quota: 1, Window: time.Hour}, ratelimit.ByIP(clientip.Direct()),
		&ratelimit.Options{Store: downLimits{}}))
	res, _ := answerTo(t, limit.Wrap(&d), "GET", nil)
	return guardSite(t, downSessions{memory}).outage(t, cookie) && d.refused(res, is5xx)
}

type downSCS struct{ scs.Store }

func (downSCS) Find(string) ([]byte, bool, error) { return nil, false, errStoreDown }

func scsOutage(t *testing.T) bool {
	return scsSite(t, downSCS{}).outage(t, &http.Cookie{Name: "session", Value: strings.Repeat("x", 43)})
}

type downCounter struct{ httprate.LimitCounter }

func (downCounter) Config(int, time.Duration) {}

func (downCounter) Get(string, time.Time, time.Time) (int, int, error) { return 0, 0, errStoreDown }

func httprateOutage(t *testing.T) bool {
	var d door
	res, _ := answerTo(t, httprateLimit(httprate.WithLimitCounter(downCounter{}))(&d), "GET", nil)
	return d.refused(res, is5xx)
}
