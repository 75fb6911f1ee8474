package oauth_test

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

// TestProviderClosesAnIdleConnection: a person takes as long at the provider as it leaves
// a connection open (Node.js: 5 seconds), and so it closes the one of Begin just when the
// code is sent on it. That is no outage: the request is sent on another connection.
func TestProviderClosesAnIdleConnection(t *testing.T) {
	p := newProvider()
	type perConnection struct{}
	var dropped []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := r.Context().Value(perConnection{}).(*int); *n > 0 {
			dropped = append(dropped, r.Method+" "+r.URL.Path)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
			return
		} else {
			*n++
		}
		r.URL.Scheme, r.URL.Host = "https", r.Host
		if len(r.Header["Idempotency-Key"]) > 0 {
			t.Errorf("%s has the field", r.URL.Path)
		}
		resp, err := p.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, perConnection{}, new(int))
	}
	server.Start()
	defer server.Close()
	transport := &http.Transport{DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	defer transport.CloseIdleConnections()

	l := guard.Must(oauth.New[claims](oauth.Discover(issuer), oauth.Client{ID: clientID, Secret: guard.Secret(secret)}, callback,
		&oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: transport}}))
	a := newApp(t, p, oauth.Options{})
	mux := http.NewServeMux()
	mux.Handle("/login", l.Begin())
	mux.Handle("/callback", l.Complete(func(http.ResponseWriter, *http.Request, *oauth.Identity[claims]) error { return nil }))
	a.handler = guard.Observe(func(_ *http.Request, d guard.Decision) { a.decisions = append(a.decisions, d) })(mux)
	if w := a.signIn(""); w.Code != 303 {
		t.Errorf("%d %s", w.Code, a.reason())
	}
	if !slices.Contains(dropped, "POST /token") {
		t.Errorf("the code was not sent on a connection that was in use: %q", dropped)
	}
}
