package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/prover"
)

// newCertificate returns a certificate that its key signed itself, as RFC 8705, section
// 2.2, allows.
func newCertificate() tls.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

var certificate, otherCertificate = sync.OnceValue(newCertificate), sync.OnceValue(newCertificate)

func x5t(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return b64(sum[:])
}

func boundTo(c tls.Certificate) claims { return claims{&dpop.Confirmation{X5TS256: x5t(c)}} }

// tokenOf returns a token with a confirmation.
func (a *api) tokenOf(c claims) string { return must(a.issuer.Issue("1", c)).AccessToken }

func newTLS(t testing.TB, opts *dpop.TLSOptions) *api {
	return newAPI(t, func(func() time.Time) guard.Binding { return guard.Must(dpop.TLS(opts)) })
}

// TestMutualTLS: over TCP, with certificates that real connections have.
func TestMutualTLS(t *testing.T) {
	a := newTLS(t, nil)
	server := httptest.NewUnstartedServer(a.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	token := a.tokenOf(boundTo(certificate()))
	for _, tt := range []struct {
		name, token string
		presents    []tls.Certificate
		want        int
	}{
		{"its certificate", token, []tls.Certificate{certificate()}, 200},
		{"its certificate again", token, []tls.Certificate{certificate()}, 200},
		{"another certificate", token, []tls.Certificate{otherCertificate()}, 401},
		{"no certificate", token, nil, 401},
		{"a token that is not bound", a.token(nil), []tls.Certificate{certificate()}, 401},
		{"a token that is bound to a DPoP key", a.token(client), []tls.Certificate{certificate()}, 401},
		{"a token that is bound to both", a.tokenOf(claims{&dpop.Confirmation{JKT: client.Thumbprint(), X5TS256: x5t(certificate())}}), []tls.Certificate{certificate()}, 401},
	} {
		pool := x509.NewCertPool()
		pool.AddCert(server.Certificate())
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: tt.presents}}
		r := must(http.NewRequest("GET", server.URL, nil))
		r.Header.Set("Authorization", "Bearer "+tt.token)
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		transport.CloseIdleConnections()
		challenge := res.Header.Get("Www-Authenticate")
		if res.StatusCode != tt.want || tt.want == 401 && challenge != `Bearer error="invalid_token"` {
			t.Errorf("%s: %d, %q", tt.name, res.StatusCode, challenge)
		}
	}
}

// withTLS is r over a connection with a certificate.
func withTLS(r *http.Request, c tls.Certificate) *http.Request {
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{must(x509.ParseCertificate(c.Certificate[0]))}}
	return r
}

// TestProxyHeader: the field counts from a trusted proxy alone, and is the only one there.
func TestProxyHeader(t *testing.T) {
	der := certificate().Certificate[0]
	sum := sha256.Sum256(der)
	bytes := ":" + base64.StdEncoding.EncodeToString(der) + ":"
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	envoy := "By=spiffe://a;Hash=" + hex.EncodeToString(sum[:]) + `;Subject="CN=a, O=b;Hash=c";URI=spiffe://b`
	other := ":" + base64.StdEncoding.EncodeToString(otherCertificate().Certificate[0]) + ":"
	const notOne = "dpop: the proxy's field does not hold one certificate"
	const none = "dpop: the token is bound to a client certificate, and the connection has none"
	const another = "dpop: the client certificate is another than that of the token"
	for _, tt := range []struct {
		name, header, peer string
		values             []string
		want               string
	}{
		{"RFC 9440", "Client-Cert", "10.0.0.1:1", []string{bytes}, ""},
		{"RFC 9440 by default", "", "10.0.0.1:1", []string{bytes}, ""},
		{"of an IPv6 proxy", "Client-Cert", "[fd00::1]:1", []string{bytes}, ""},
		{"of an IPv4 proxy as IPv6", "Client-Cert", "[::ffff:10.0.0.1]:1", []string{bytes}, ""},
		{"nginx", "X-Client-Cert", "10.0.0.1:1", []string{url.PathEscape(text)}, ""},
		{"nginx, all escaped", "X-Client-Cert", "10.0.0.1:1", []string{strings.ReplaceAll(url.QueryEscape(text), "+", "%20")}, ""},
		{"Envoy", "X-Forwarded-Client-Cert", "10.0.0.1:1", []string{envoy}, ""},
		{"no field", "Client-Cert", "10.0.0.1:1", nil, none},
		{"an empty field", "Client-Cert", "10.0.0.1:1", []string{""}, none},
		{"another certificate", "Client-Cert", "10.0.0.1:1", []string{other}, another},
		{"from a client", "Client-Cert", "192.0.2.1:1", []string{bytes}, none},
		{"from a client beside a proxy", "Client-Cert", "11.0.0.1:1", []string{bytes}, none},
		{"from no address", "Client-Cert", "@", []string{bytes}, none},
		{"two fields", "Client-Cert", "10.0.0.1:1", []string{bytes, bytes}, notOne},
		{"a list", "Client-Cert", "10.0.0.1:1", []string{bytes + ", " + bytes}, notOne},
		{"without colons", "Client-Cert", "10.0.0.1:1", []string{bytes[1 : len(bytes)-1]}, notOne},
		{"with one colon", "Client-Cert", "10.0.0.1:1", []string{bytes[:len(bytes)-1]}, notOne},
		{"a colon", "Client-Cert", "10.0.0.1:1", []string{":"}, notOne},
		{"not a certificate", "Client-Cert", "10.0.0.1:1", []string{":AAAA:"}, notOne},
		{"two certificates", "Client-Cert", "10.0.0.1:1", []string{url.PathEscape(text + text)}, notOne},
		{"another PEM", "Client-Cert", "10.0.0.1:1", []string{url.PathEscape(strings.ReplaceAll(text, "CERTIFICATE", "PUBLIC KEY"))}, notOne},
		{"a bad escape", "Client-Cert", "10.0.0.1:1", []string{url.PathEscape(text) + "%zz"}, notOne},
		{"long", "Client-Cert", "10.0.0.1:1", []string{":" + strings.Repeat("A", 1<<20) + ":"}, notOne},
		{"Envoy, two elements", "X-Forwarded-Client-Cert", "10.0.0.1:1", []string{envoy + "," + envoy}, notOne},
		{"Envoy, a second element without a hash", "X-Forwarded-Client-Cert", "10.0.0.1:1", []string{envoy + ",By=a"}, notOne},
		{"Envoy, two hashes", "X-Forwarded-Client-Cert", "10.0.0.1:1", []string{envoy + ";hash=" + hex.EncodeToString(sum[:])}, notOne},
		{"Envoy, no hash", "X-Forwarded-Client-Cert", "10.0.0.1:1", []string{"By=a"}, notOne},
		{"Envoy, half a hash", "X-Forwarded-Client-Cert", "10.0.0.1:1", []string{"Hash=" + hex.EncodeToString(sum[:16])}, notOne},
		{"Envoy, no hexadecimal", "X-Forwarded-Client-Cert", "10.0.0.1:1", []string{"Hash=" + strings.Repeat("x", 64)}, notOne},
		{"Envoy, an open quote", "X-Forwarded-Client-Cert", "10.0.0.1:1", []string{`Subject="CN=a;` + envoy}, notOne},
		{"Envoy, an escaped quote", "X-Forwarded-Client-Cert", "10.0.0.1:1", []string{`Subject="a\";` + envoy + `"`}, notOne},
	} {
		opts := &dpop.TLSOptions{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}, Header: tt.header}
		a := newTLS(t, opts)
		name := tt.header
		if name == "" {
			name = "Client-Cert"
		}
		r := harness.Request("/", "Authorization", "Bearer "+a.tokenOf(boundTo(certificate())))
		r.RemoteAddr, r.Header[name] = tt.peer, tt.values
		w := a.serve(r)
		if (w.Code == 200) != (tt.want == "") || a.reason() != tt.want {
			t.Errorf("%s: %d, %q; want %q", tt.name, w.Code, a.reason(), tt.want)
		}
		if tt.want != "" { // the connection of a proxy is the proxy's
			if w := a.serve(withTLS(r, certificate())); (w.Code == 200) != strings.Contains(tt.name, "from ") {
				t.Errorf("%s, over TLS: %d, %q", tt.name, w.Code, a.reason())
			}
		}
	}
}

// TestBoth: a token with both confirmations needs both, and each kind alone is accepted.
func TestBoth(t *testing.T) {
	a := newDPoP(t, dpop.Options{TLS: guard.Must(dpop.TLS(nil))})
	both := a.tokenOf(claims{&dpop.Confirmation{JKT: client.Thumbprint(), X5TS256: x5t(certificate())}})
	dpopRequest := func(token string, key *prover.Key) *http.Request {
		return key.Request("GET", "/profile", token, "", a.clock.Now())
	}
	bearerRequest := func(token string) *http.Request { return harness.Request("/profile", "Authorization", "Bearer "+token) }
	for _, tt := range []struct {
		name, want string
		r          *http.Request
	}{
		{"both", "", withTLS(dpopRequest(both, client), certificate())},
		{"the proof alone", "the connection has none", dpopRequest(both, client)},
		{"another certificate", "another than that of the token", withTLS(dpopRequest(both, client), otherCertificate())},
		{"the certificate alone", "was not sent in the scheme DPoP", withTLS(bearerRequest(both), certificate())},
		{"another key", "another key", withTLS(dpopRequest(both, stranger), certificate())},
		{"a DPoP key", "", dpopRequest(a.token(client), client)},
		{"a certificate", "", withTLS(bearerRequest(a.tokenOf(boundTo(certificate()))), certificate())},
		{"a certificate, as DPoP", "without a DPoP key", withTLS(dpopRequest(a.tokenOf(boundTo(certificate())), client), certificate())},
		{"neither", "is not bound", withTLS(bearerRequest(a.token(nil)), certificate())},
	} {
		w := a.serve(tt.r)
		if (w.Code == 200) != (tt.want == "") || !strings.Contains(a.reason(), tt.want) {
			t.Errorf("%s: %d, %q; want %q", tt.name, w.Code, a.reason(), tt.want)
		}
	}
}

func TestThumbprint(t *testing.T) {
	c := guard.Must(dpop.TLS(&dpop.TLSOptions{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}))
	if got, found, err := c.Thumbprint(withTLS(harness.Request("/token"), certificate())); got != x5t(certificate()) || !found || err != nil {
		t.Errorf("%q, %t, %v", got, found, err)
	}
	if got, found, err := c.Thumbprint(harness.Request("/token")); got != "" || found || err != nil {
		t.Errorf("without a certificate: %q, %t, %v", got, found, err)
	}
	r := harness.Request("/token", "Client-Cert", "x")
	r.RemoteAddr = "10.0.0.1:1"
	if _, found, err := c.Thumbprint(r); found || err == nil {
		t.Errorf("a wrong field: %t, %v", found, err)
	}
}

func TestTLSOptions(t *testing.T) {
	for name, tt := range map[string]struct {
		opts dpop.TLSOptions
		want string
	}{
		"a header without proxies": {dpop.TLSOptions{Header: "Client-Cert"}, "dpop: Header without Proxies"},
		"a bad header":             {dpop.TLSOptions{Header: "a b", Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, `dpop: Header "a b" is not a token`},
		"everyone":                 {dpop.TLSOptions{Proxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, "dpop: proxy 1 is 0.0.0.0/0: not a network of proxies"},
		"no prefix":                {dpop.TLSOptions{Proxies: []netip.Prefix{{}}}, "not a network of proxies"},
	} {
		if c, err := dpop.TLS(&tt.opts); c != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", name, err, tt.want)
		}
	}
	a := newTLS(t, &dpop.TLSOptions{InsecureUnbound: true})
	if w := a.serve(harness.Request("/", "Authorization", "Bearer "+a.token(nil))); w.Code != 200 {
		t.Errorf("InsecureUnbound: %d, %s", w.Code, a.reason())
	}
	a.wants(harness.Request("/", "Authorization", "Bearer "+a.tokenOf(boundTo(certificate()))), 401, `Bearer error="invalid_token"`,
		"dpop: the token is bound to a client certificate, and the connection has none")
}
