package refresh_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

func tokenBody(token any) string {
	b, _ := json.Marshal(map[string]any{"refresh_token": token})
	return string(b)
}

func request(method, body string) *http.Request {
	return httptest.NewRequest(method, "/refresh", strings.NewReader(body))
}

type answer struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
}

func pairOf(t *testing.T, w *httptest.ResponseRecorder) (p answer) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Errorf("%s: %v", w.Body, err)
	}
	return p
}

func (g *rig) serve(h http.Handler, method, access, body string) *httptest.ResponseRecorder {
	r := request(method, body)
	if access != "" {
		r.Header.Set("Authorization", "Bearer "+access)
	}
	w := httptest.NewRecorder()
	g.observe()(h).ServeHTTP(w, r)
	return w
}

// guardedLogout is the LogoutHandler behind a guard for access tokens.
func (g *rig) guardedLogout() http.Handler {
	return g.issuer.Verifier().Wrap(g.refresher.LogoutHandler())
}

const (
	badRefreshBody = `{"error":"Unauthorized","message":"Invalid refresh token"}`
	badLogoutBody  = `{"error":"Bad Request","message":"Invalid token"}`
)

func TestRefreshHandler(t *testing.T) {
	g := newRig(t, nil)
	h := g.refresher.RefreshHandler()
	first := g.start("1")
	bad := map[string]string{
		"an access token": tokenBody(first.AccessToken),
		"garbage":         tokenBody("garbage"),
		"empty":           tokenBody(""),
		"missing":         `{}`,
		"null":            tokenBody(nil),
		"a number":        tokenBody(1),
		"a list":          tokenBody([]string{first.RefreshToken}),
		"an object":       tokenBody(map[string]any{"refresh_token": first.RefreshToken}),
		"another case":    `{"Refresh_Token":"` + first.RefreshToken + `"}`,
		"twice":           `{"refresh_token":"` + first.RefreshToken + `","refresh_token":"` + first.RefreshToken + `"}`,
		"an array":        `["` + first.RefreshToken + `"]`,
		"a string":        `"` + first.RefreshToken + `"`,
		"not UTF-8":       "{\"refresh_token\":\"\xff\"}",
		"8 KiB":           `{"refresh_token":"` + first.RefreshToken + `","x":"` + strings.Repeat("x", 8<<10) + `"}`,
	}
	for name, body := range bad {
		w := g.serve(h, "POST", "", body)
		if w.Code != 401 || w.Body.String() != badRefreshBody {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if !reflect.DeepEqual(w.Header(), http.Header{
			"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "Www-Authenticate": {"Bearer"},
		}) {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
	w := g.serve(h, "POST", "", tokenBody(first.RefreshToken)) // none of that hurt it
	p := pairOf(t, w)
	if w.Code != 200 || p.Type != "bearer" || p.Expires != 3600 || p.Refresh == "" || p.Access == "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %+v", w.Code, w.Header(), p)
	}
	if w := g.serve(h, "POST", "", `{"refresh_token":"`+strings.Repeat("x", 1<<20)+`"}`); w.Code != 413 {
		t.Errorf("1 MiB: %d", w.Code)
	}
	if w := g.serve(h, "GET", "", tokenBody(p.Refresh)); w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d", w.Code)
	}
	g.store.err = errors.New("secret address")
	if w := g.serve(h, "POST", "", tokenBody(p.Refresh)); w.Code != 503 || strings.Contains(w.Body.String(), "secret") ||
		!strings.HasPrefix(w.Body.String(), `{"error":"Service Unavailable"`) {
		t.Errorf("outage: %d %s", w.Code, w.Body)
	}
	g.reloadErr = guard.Forbidden("Account locked")
	if w := g.serve(h, "POST", "", tokenBody(p.Refresh)); w.Code != 403 || !strings.Contains(w.Body.String(), "Account locked") {
		t.Errorf("reload's refusal: %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("{"), brokenBody{}))
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("a broken body: %d", w.Code)
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestRefreshIsObserved(t *testing.T) {
	g := newRig(t, &refresh.Options{NoGrace: true})
	h := g.refresher.RefreshHandler()
	first := g.start("1")
	for range 2 {
		g.serve(h, "POST", "", tokenBody(first.RefreshToken))
	}
	g.serve(h, "POST", "", tokenBody("x"))
	g.deny.err = errors.New("down")
	g.serve(h, "POST", "", tokenBody(first.RefreshToken))
	var got []string
	for _, d := range g.seen {
		if strings.Contains(d.Reason, first.RefreshToken) || d.Package != "refresh" {
			t.Errorf("%+v", d)
		}
		got = append(got, d.Action+" "+string(d.Outcome))
	}
	if s := strings.Join(got, "|"); s != "refresh allowed|refresh refused|refresh refused|refresh failed" {
		t.Errorf("%s", s)
	}
	var reuse *refresh.ReuseError
	if len(g.seen) < 2 || !errors.As(g.seen[1].Err, &reuse) || reuse.Subject != "1" || strings.Contains(g.seen[1].Reason, `"1"`) {
		t.Errorf("%+v", g.seen)
	}
}

// TestGuardedLogoutHandler: a guard of one's own in front requires the access token.
func TestGuardedLogoutHandler(t *testing.T) {
	g := newRig(t, nil)
	h := g.guardedLogout()
	mine, elsewhere, theirs := g.start("1"), g.start("1"), g.start("2")
	for _, tt := range []struct {
		name, access, body string
		status             int
		want               string
	}{
		{"anonymous", "", tokenBody(mine.RefreshToken), 401, `{"error":"Unauthorized","message":"JWT token required"}`},
		{"a refresh token as access token", mine.RefreshToken, tokenBody(mine.RefreshToken), 401, `{"error":"Unauthorized","message":"Invalid token"}`},
		{"garbage", mine.AccessToken, tokenBody("garbage"), 400, badLogoutBody},
		{"an access token", mine.AccessToken, tokenBody(mine.AccessToken), 400, badLogoutBody},
		{"missing", mine.AccessToken, `{}`, 400, badLogoutBody},
		{"no body", mine.AccessToken, ``, 400, badLogoutBody},
		{"not a string", mine.AccessToken, tokenBody(7), 400, badLogoutBody},
		{"someone else's", mine.AccessToken, tokenBody(theirs.RefreshToken), 400, badLogoutBody},
	} {
		w := g.serve(h, "POST", tt.access, tt.body)
		if w.Code != tt.status || w.Body.String() != tt.want || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %v", tt.name, w.Code, w.Body, w.Header())
		}
		if (w.Header().Get("WWW-Authenticate") != "") != (tt.status == 401) {
			t.Errorf("%s: %v", tt.name, w.Header())
		}
	}
	if w := g.serve(h, "GET", mine.AccessToken, tokenBody(mine.RefreshToken)); w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
	if w := g.serve(h, "POST", mine.AccessToken, strings.Repeat(" ", 1<<20+1)); w.Code != 413 {
		t.Errorf("1 MiB: %d", w.Code)
	}
	g.alive(true, mine, theirs)
	theirs = g.refresh(theirs.RefreshToken)

	w := g.serve(h, "POST", mine.AccessToken, tokenBody(mine.RefreshToken))
	if w.Code != 200 || w.Body.String() != `{"message":"Logged out successfully"}` || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	g.alive(false, mine)
	g.refused(mine.RefreshToken, 401, "has ended")
	g.alive(true, elsewhere, theirs)

	// With the tokens of two logins, both tokens are dead; the other login's
	// refresh token lives.
	third := g.start("1")
	if w := g.serve(h, "POST", elsewhere.AccessToken, tokenBody(third.RefreshToken)); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	g.alive(false, elsewhere, third)
	g.refused(third.RefreshToken, 401, "has ended")
	g.refresh(elsewhere.RefreshToken)
}

// TestLogoutAfterRefresh: any token of the login ends it, used or not.
func TestLogoutAfterRefresh(t *testing.T) {
	g := newRig(t, nil)
	first := g.start("1")
	second := g.refresh(first.RefreshToken)
	g.clock.Advance(time.Minute)
	if w := g.serve(g.refresher.LogoutHandler(), "POST", first.AccessToken, tokenBody(first.RefreshToken)); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	g.alive(false, first, second)
	g.refused(second.RefreshToken, 401, "has ended")
}

// TestLogoutCanBeTriedAgain: if the denylist fails, the access token stays valid
// for the next attempt.
func TestLogoutCanBeTriedAgain(t *testing.T) {
	g := newRig(t, nil)
	mine := g.start("1")
	for _, h := range []http.Handler{g.guardedLogout(), g.refresher.LogoutAllHandler()} {
		g.deny.err = errors.New("down")
		if w := g.serve(h, "POST", mine.AccessToken, tokenBody(mine.RefreshToken)); w.Code != 503 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		g.deny.err = nil
		g.alive(true, mine)
	}
	if w := g.serve(g.refresher.LogoutHandler(), "POST", mine.AccessToken, tokenBody(mine.RefreshToken)); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	g.alive(false, mine)
}

func TestLogoutAllHandler(t *testing.T) {
	g := newRig(t, nil)
	h := g.refresher.LogoutAllHandler()
	one, two, theirs := g.start("1"), g.start("1"), g.start("2")
	if w := g.serve(h, "POST", "", ""); w.Code != 401 || w.Body.String() != `{"error":"Unauthorized","message":"JWT token required"}` {
		t.Errorf("anonymous: %d %s", w.Code, w.Body)
	}
	if w := g.serve(h, "GET", one.AccessToken, ""); w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
	w := g.serve(h, "POST", one.AccessToken, "")
	if w.Code != 200 || w.Body.String() != `{"message":"Logged out everywhere"}` || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	g.alive(false, one, two)
	for _, tk := range []*jwtauth.Tokens{one, two} {
		g.refused(tk.RefreshToken, 401, "has ended")
	}
	g.alive(true, theirs, g.start("1"))
	g.refresh(theirs.RefreshToken)

	// A token of no login is dead afterwards, too.
	single := guard.Must(g.issuer.Issue("2", claims{}))
	if w := g.serve(h, "POST", single.AccessToken, ""); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	g.alive(false, single, theirs)
}
