package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
)

// TestBrowser drives a real browser over https to the program as it runs behind
// a proxy, without -dev: see drive.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browserNeeded(t)
	p := launch(t, []string{"JWT_SECRET_KEY=" + secret, "TRUSTED_PROXIES=127.0.0.1"}, "-addr", "127.0.0.1:0")
	site := behindTLS(t, p.url)
	evil := overTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>Evil</title><body>"))
	}))
	drive(t, "page.mjs", map[string]string{
		"url": site, "evil": evil, "expiring": overTLS(t, expiring(t)),
		"refreshing": strings.Replace(overTLS(t, refreshing(t)), "127.0.0.1", "localhost", 1), "demo": start(t).url,
	})
}

// browserNeeded skips the test if it is short, or if there is no browser to drive.
func browserNeeded(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("drives a browser")
	}
	harness.Browser(t)
	installed(t)
}

// drive runs a script of testdata/node. GUARD_SCREENSHOTS names a folder for
// screenshots, and GUARD_BROWSER_STEPS a part of the names of the steps to run.
func drive(t *testing.T, script string, sites map[string]string) {
	t.Helper()
	if sites["executablePath"] == "" {
		sites["executablePath"] = harness.Browser(t)
	}
	sites["shots"], sites["only"] = os.Getenv("GUARD_SCREENSHOTS"), os.Getenv("GUARD_BROWSER_STEPS")
	argument, err := json.Marshal(sites)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script, string(argument))
	cmd.Dir = "testdata/node"
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// expiring is a site with a page under Optional, whose sessions expire by a POST:
// those of the program last a week.
func expiring(t *testing.T) http.Handler {
	var elapsed atomic.Int64
	sessions, err := session.New[struct{}](&session.Options{Now: func() time.Time { return time.Now().Add(time.Duration(elapsed.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", guard.Optional(sessions)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := guard.PrincipalFrom[*session.Session[struct{}]](r.Context())
		if !ok {
			fmt.Fprint(w, "anonymous")
			return
		}
		fmt.Fprint(w, s.Sub())
	})))
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.Create(w, r, "alice", struct{}{}); err != nil {
			guard.Refuse(w, r, err)
		}
	})
	mux.HandleFunc("POST /expire", func(http.ResponseWriter, *http.Request) { elapsed.Add(int64(30 * time.Minute)) })
	return guard.OnError(format.HTML("/login", nil))(mux)
}

// refreshing is a site that keeps the refresh token in a cookie, with the page of
// docs/jwt.md.
func refreshing(t *testing.T) http.Handler {
	doc, err := os.ReadFile("../docs/jwt.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(doc), "const page = `")
	page, _, found := strings.Cut(page, "`")
	if !found {
		t.Fatal("docs/jwt.md has no page")
	}
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte(secret)), nil))
	logins := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (struct{}, bool, error) {
		return struct{}{}, true, nil
	}, &refresh.Options{Cookie: true}))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		tokens, err := logins.Start(r.Context(), "1", nil)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		tokens.Respond(w)
	})
	mux.Handle("POST /refresh", logins.RefreshHandler())
	mux.Handle("POST /logout", logins.LogoutHandler())
	mux.Handle("GET /profile", issuer.Verifier().Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, tk *jwtauth.Token[struct{}]) {
		fmt.Fprint(w, "user "+tk.Sub())
	})))
	return mux
}

// behindTLS is an https address on localhost that passes on to the program; a
// page of 127.0.0.1 is another site to it.
func behindTLS(t *testing.T, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := overTLS(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(u)
		r.SetXForwarded()
		r.Out.Host = r.In.Host // what the browser's Origin is compared with
		// Else the transport may still look for the end of the request's body when the
		// server closes it, since the answer begins, and cuts off the answer.
		if r.Out.Body != nil {
			body, err := io.ReadAll(r.In.Body)
			if err != nil {
				t.Error(err)
			}
			r.Out.Body = io.NopCloser(bytes.NewReader(body))
		}
	}})
	return strings.Replace(proxy, "127.0.0.1", "localhost", 1)
}

// overTLS serves h with a certificate that no browser knows, and does not log
// that they say so.
func overTLS(t *testing.T, h http.Handler) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}
