package main_test

import (
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
	"github.com/go-guard/guard/session"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestBrowser drives a real browser over https to the program as it runs behind
// a proxy, without -dev. GUARD_SCREENSHOTS names a folder for screenshots,
// and GUARD_BROWSER_STEPS a part of the names of the steps to run.
func TestBrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("drives a browser")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		harness.Needs(t, "the program chromium")
	}
	installed(t)
	p := launch(t, []string{"JWT_SECRET_KEY=" + secret, "TRUSTED_PROXIES=127.0.0.1"}, "-addr", "127.0.0.1:0")
	site := behindTLS(t, p.url)
	evil := overTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>Evil</title><body>"))
	}))
	argument, err := json.Marshal(map[string]string{
		"url": site, "evil": evil, "expiring": overTLS(t, expiring(t)), "demo": start(t).url,
		"shots": os.Getenv("GUARD_SCREENSHOTS"), "only": os.Getenv("GUARD_BROWSER_STEPS"), "executablePath": chromium,
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "page.mjs", string(argument))
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
