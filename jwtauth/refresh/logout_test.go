package refresh_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

const loggedOutBody = `{"message":"Logged out successfully"}`

// TestLogoutByTheRefreshTokenAlone: after the access token has expired, the refresh
// token ends the login, and denies the access tokens that a refresh issued.
func TestLogoutByTheRefreshTokenAlone(t *testing.T) {
	for _, form := range []string{"json", "token", "refresh_token"} {
		g := newRig(t, nil)
		h := g.refresher.LogoutHandler()
		first, elsewhere, theirs := g.start("1"), g.start("1"), g.start("2")
		g.clock.Advance(time.Hour + time.Minute)
		second := g.refresh(first.RefreshToken)
		elsewhere, theirs = g.refresh(elsewhere.RefreshToken), g.refresh(theirs.RefreshToken)
		body := tokenBody(second.RefreshToken)
		if form != "json" {
			body = form + "=" + second.RefreshToken + "&token_type_hint=refresh_token"
		}
		for i := range 2 { // logging out twice is no mistake
			if w := g.post(h, formType, body); w.Code != 200 || w.Body.String() != loggedOutBody || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %d: %d %s", form, i, w.Code, w.Body)
			}
		}
		g.alive(false, second)
		g.refused(second.RefreshToken, 401, "has ended")
		g.alive(true, elsewhere, theirs)
		g.clock.Advance(31 * 24 * time.Hour)
		if w := g.post(h, "", tokenBody(second.RefreshToken)); w.Code != 200 {
			t.Errorf("%s: an expired login: %d %s", form, w.Code, w.Body)
		}
	}
}

func TestLogoutOfGarbage(t *testing.T) {
	g := newRig(t, nil)
	h := g.refresher.LogoutHandler()
	mine := g.start("1")
	for name, body := range map[string]string{
		"garbage": tokenBody("x"), "missing": "{}", "no body": "", "not JSON": "{", "a number": tokenBody(7), "an access token": "token=" + mine.AccessToken,
		"both names": "token=" + mine.RefreshToken + "&refresh_token=" + mine.RefreshToken, "repeated": "token=" + mine.RefreshToken + "&token=x",
		"no parameter": "a=b", "empty": "token=", "in a member token": `{"token":"` + mine.RefreshToken + `"}`, "malformed": "token=%zz",
	} {
		if w := g.post(h, formType, body); w.Code != 400 || w.Body.String() != badLogoutBody {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest("POST", "/?token="+mine.RefreshToken, strings.NewReader("token=")) // never from the URL
	r.Header.Set("Content-Type", formType)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 400 {
		t.Errorf("in the URL: %d", w.Code)
	}
	g.alive(true, mine)
	g.refresh(mine.RefreshToken)
}

// TestLogoutBehindGuards: the credential of a mapped principal and a token that is
// the principal count alike; that of another issuer does not, nor an anonymous one.
func TestLogoutBehindGuards(t *testing.T) {
	other := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "other"}))
	type user struct{ id string }
	for _, tt := range []struct {
		name   string
		guard  func(*rig) guard.Middleware
		access func(*rig) string
		status int // of a logout with the refresh token of subject 1
		denied bool
	}{
		{"a token", func(g *rig) guard.Middleware { return g.issuer.Verifier().Wrap }, func(g *rig) string { return g.start("1").AccessToken }, 200, true},
		{"a mapped token", func(g *rig) guard.Middleware {
			return guard.Map(g.issuer.Verifier(), func(_ context.Context, t *jwtauth.Token[claims]) (user, bool, error) {
				return user{t.Sub()}, true, nil
			}).Wrap
		}, func(g *rig) string { return g.start("1").AccessToken }, 200, true},
		{"a token of no login", func(g *rig) guard.Middleware { return g.issuer.Verifier().Wrap },
			func(g *rig) string { return guard.Must(g.issuer.Issue("1", claims{})).AccessToken }, 200, true},
		{"another subject's", func(g *rig) guard.Middleware { return g.issuer.Verifier().Wrap }, func(g *rig) string { return g.start("2").AccessToken }, 400, false},
		{"another issuer's", func(*rig) guard.Middleware { return other.Verifier().Wrap },
			func(*rig) string { return guard.Must(other.Issue("2", claims{})).AccessToken }, 200, false},
		{"anonymous", func(g *rig) guard.Middleware { return guard.Optional(g.issuer.Verifier()) }, func(*rig) string { return "" }, 200, false},
	} {
		g := newRig(t, nil)
		mine := g.start("1")
		access := tt.access(g)
		w := g.serve(tt.guard(g)(g.refresher.LogoutHandler()), "POST", access, tokenBody(mine.RefreshToken))
		if w.Code != tt.status {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
		g.alive(tt.status != 200, mine)
		if _, err := g.issuer.Verifier().Verify(t.Context(), access); tt.denied && err == nil {
			t.Errorf("%s: the access token was not denied", tt.name)
		}
	}
}

// hangUp is a store that calls at once its family has ended.
type hangUp struct {
	refresh.Store
	at func()
}

func (s hangUp) Revoke(ctx context.Context, subject string, listedUntil time.Time, ids ...string) error {
	err := s.Store.Revoke(ctx, subject, listedUntil, ids...)
	s.at()
	return err
}

// TestLogoutCompletes: a client that disconnects between the steps of a logout, over
// a request's context and over TCP, stops none of them.
func TestLogoutCompletes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler func(*rig) http.Handler
		access  func(*rig, *jwtauth.Tokens) string
	}{
		{"of its own login", (*rig).guardedLogout, func(_ *rig, mine *jwtauth.Tokens) string { return mine.AccessToken }},
		{"with the access token of another", (*rig).guardedLogout, func(g *rig, _ *jwtauth.Tokens) string { return g.start("1").AccessToken }},
		{"with that of no login", (*rig).guardedLogout, func(g *rig, _ *jwtauth.Tokens) string { return guard.Must(g.issuer.Issue("1", claims{})).AccessToken }},
		{"without one", func(g *rig) http.Handler { return g.refresher.LogoutHandler() }, func(*rig, *jwtauth.Tokens) string { return "" }},
		{"everywhere", func(g *rig) http.Handler { return g.refresher.LogoutAllHandler() },
			func(g *rig, _ *jwtauth.Tokens) string { return guard.Must(g.issuer.Issue("1", claims{})).AccessToken }},
	} {
		for _, over := range []string{"context", "TCP"} {
			store := &hangUp{Store: guard.Must(refresh.NewMemory(nil))}
			g := newRig(t, &refresh.Options{Store: store})
			mine := g.start("1")
			access := tt.access(g, mine)
			if over == "TCP" {
				body := tokenBody(mine.RefreshToken)
				if tt.name == "everywhere" {
					body = "" // the server notices no disconnect before the body has been read
				}
				logoutOverTCP(t, store, tt.handler(g), access, body)
			} else {
				ctx, cancel := context.WithCancel(t.Context())
				store.at = cancel
				r := request("POST", tokenBody(mine.RefreshToken)).WithContext(ctx)
				r.Header.Set("Authorization", "Bearer "+access)
				tt.handler(g).ServeHTTP(httptest.NewRecorder(), r)
			}
			g.alive(false, mine)
			if _, err := g.issuer.Verifier().Verify(t.Context(), access); err == nil {
				t.Errorf("%s, %s: the access token lives on", tt.name, over)
			}
		}
	}
}

// logoutOverTCP disconnects while the handler is in the store, and returns when the
// handler has.
func logoutOverTCP(t *testing.T, store *hangUp, h http.Handler, access, body string) {
	t.Helper()
	inStore, done := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		store.at = func() {
			close(inStore)
			<-r.Context().Done() // the server has noticed
		}
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", access, len(body), body)
	select {
	case <-inStore:
	case <-done:
		answer, _ := bufio.NewReader(conn).ReadString('\n')
		t.Errorf("the store was not called: %s", answer)
	}
	conn.Close()
	<-done
}

// slow is a store and a denylist that take as long as they may.
type slow struct {
	refresh.Store
	jwtauth.Denylist
}

func (slow) Revoke(ctx context.Context, _ string, listedUntil time.Time, _ ...string) error {
	time.Sleep(4 * time.Second)
	return ctx.Err()
}

func (slow) Deny(ctx context.Context, _ time.Time, _ string, _ ...string) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestLogoutIsBounded: all steps of a logout together take 5 seconds at most.
func TestLogoutIsBounded(t *testing.T) {
	for name, handler := range map[string]func(*rig) http.Handler{
		"logout":     (*rig).guardedLogout,
		"everywhere": func(g *rig) http.Handler { return g.refresher.LogoutAllHandler() },
	} {
		synctest.Test(t, func(t *testing.T) {
			stores := slow{guard.Must(refresh.NewMemory(nil)), guard.Must(jwtauth.NewMemory(nil))}
			g := newRig(t, &refresh.Options{Store: stores})
			mine, other := g.start("1"), guard.Must(g.issuer.Issue("1", claims{}))
			g.deny.Denylist = stores
			start := time.Now()
			w := g.serve(handler(g), "POST", other.AccessToken, tokenBody(mine.RefreshToken))
			if took := time.Since(start); w.Code != 503 || took > 5*time.Second {
				t.Errorf("%s: %d after %v", name, w.Code, took)
			}
		})
	}
}

// TestLogoutAloneCanBeTriedAgain: an outage of either store is 503, and the same
// refresh token logs out afterwards.
func TestLogoutAloneCanBeTriedAgain(t *testing.T) {
	g := newRig(t, nil)
	h := g.refresher.LogoutHandler()
	mine := g.start("1")
	var got []int
	for _, step := range []func(){func() { g.store.err = errors.New("down") }, func() { g.store.err, g.deny.err = nil, errors.New("down") }, func() { g.deny.err = nil }} {
		step()
		got = append(got, g.post(h, "", tokenBody(mine.RefreshToken)).Code)
	}
	if !slices.Equal(got, []int{503, 503, 200}) {
		t.Error(got)
	}
	g.alive(false, mine)
}
