package main_test

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestBrowser drives a real browser over https to the program as it runs behind
// a proxy, without -dev. GUARD_SCREENSHOTS names a folder for screenshots.
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
		"url": site, "evil": evil, "shots": os.Getenv("GUARD_SCREENSHOTS"), "executablePath": chromium,
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
