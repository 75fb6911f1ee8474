package dpop_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/jwtauth"
)

// Tokens that are bound to a client certificate. Proxies of one network end TLS, and send
// the certificate in a field.
func ExampleTLS() {
	certificates, err := dpop.TLS(&dpop.TLSOptions{
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, Header: "X-Client-Cert",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	type Claims struct {
		Confirmation *dpop.Confirmation `json:"cnf,omitempty"`
	}
	secret := []byte("32 random bytes or more, not this")
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Bound: certificates}))
	tokens := guard.Must(issuer.Issue("alice", Claims{&dpop.Confirmation{X5TS256: strings.Repeat("A", 43)}})) // of Certificates.Thumbprint

	r := httptest.NewRequest("GET", "/profile", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken) // stolen: there is no certificate
	w := httptest.NewRecorder()
	issuer.Verifier().Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer error="invalid_token"
}

// A token endpoint binds what it issues to the certificate of the connection.
func ExampleCertificates_Thumbprint() {
	certificates := guard.Must(dpop.TLS(nil))
	token := func(w http.ResponseWriter, r *http.Request) {
		thumbprint, found, err := certificates.Thumbprint(r)
		if err == nil && !found {
			err = guard.Unauthorized("Send a client certificate")
		}
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprintf(w, "%+v", dpop.Confirmation{X5TS256: thumbprint}) // a field of the claims that are issued
	}

	for _, state := range []*tls.ConnectionState{nil, {PeerCertificates: []*x509.Certificate{{Raw: []byte("of a client")}}}} {
		r := httptest.NewRequest("POST", "/token", nil)
		r.TLS = state
		w := httptest.NewRecorder()
		token(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 401 {"error":"Unauthorized","message":"Send a client certificate"}
	// 200 {JKT: X5TS256:niPO0b2Ler93K_qB-Qt8yKDdquIk6-GfXyYY7GZcBkY}
}

// All mistakes in the arguments are reported at once.
func ExampleNew() {
	_, err := dpop.New("http://api.example.com", &dpop.Options{NonceKey: []byte("short")})
	fmt.Println(err)
	// Output:
	// dpop: the origin: "http://api.example.com" is not https
	// dpop: nonce key 1 has 5 bytes, or only zeros: it needs 32 random ones
}
