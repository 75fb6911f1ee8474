package main_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/prover"
)

const (
	dpopProfile = mcpOrigin + "/dpop/profile"
	dpopAlgs    = `DPoP algs="ES256 ES384 EdDSA Ed25519 PS256 RS256"`
)

func dpopError(word string) string { return dpopAlgs + `, error="` + word + `"` }

// A dpopClient has a key and a token that is bound to it.
type dpopClient struct {
	key   *prover.Key
	token string
	nonce string // the last that a server sent
}

func (i *mcpIssuer) dpopClient(alg string) *dpopClient {
	key := prover.NewKey(alg, 2048)
	return &dpopClient{key: key, token: i.bound(key)}
}

// bound returns a token that is bound to a key, with other claims in pairs.
func (i *mcpIssuer) bound(key *prover.Key, change ...any) string {
	return i.token("posts:read", append([]any{"aud", "api", "cnf", object{"jkt": key.Thumbprint()}}, change...)...)
}

// A dpopRequest is a request whose parts a test changes. Unchanged, it is right.
type dpopRequest struct {
	key             *prover.Key // which signs
	do              string
	scheme, token   string
	header, payload prover.Claims
	fields          func(proof string) []string // the DPoP fields
	extra           []string                    // other fields
	host            string
}

// request returns a request with a new proof.
func (c *dpopClient) request(changes ...func(*dpopRequest)) call {
	r := &dpopRequest{
		key: c.key, do: "GET /dpop/profile", scheme: "DPoP", token: c.token, header: c.key.Header(),
		payload: c.key.Payload("GET", dpopProfile, c.token, c.nonce, time.Now()),
		fields:  func(proof string) []string { return []string{proof} },
	}
	for _, change := range changes {
		change(r)
	}
	list := append(r.extra, "Authorization: "+r.scheme+" "+r.token)
	for _, f := range r.fields(r.key.Sign(prover.JSON(r.header), prover.JSON(r.payload))) {
		list = append(list, "DPoP: "+f)
	}
	return call{do: r.do, header: list, host: r.host}
}

// learn gets a nonce from a server.
func (c *dpopClient) learn(t *testing.T, p *process) {
	t.Helper()
	c.nonce = ""
	a := p.send(t, c.request())
	row{call: call{do: "a proof without a nonce"}, status: 401, header: []string{"WWW-Authenticate: " + dpopError("use_dpop_nonce")}}.check(t, a)
	if c.nonce = a.header.Get("DPoP-Nonce"); c.nonce == "" {
		t.Fatal(a)
	}
}

// nonceOf returns the nonce that a server with SEAL_KEY=sealKey(n) made at a time.
func nonceOf(n byte, purpose, origin string, at time.Time) string {
	key := guard.Must(base64.StdEncoding.DecodeString(sealKey(n)))
	if purpose != "" {
		key = guard.Must(hkdf.Key(sha256.New, key, nil, "example "+purpose, 32))
	}
	h := http.Header{}
	guard.Must(dpop.New(origin, &dpop.Options{NonceKey: key, Now: func() time.Time { return at }})).Accepted(h)
	return h.Get("DPoP-Nonce")
}

// proofHeader and proofClaim change a member of the proof; nil removes it.
func proofHeader(name string, value any) func(*dpopRequest) {
	return func(r *dpopRequest) { setMember(r.header, name, value) }
}

func proofClaim(name string, value any) func(*dpopRequest) {
	return func(r *dpopRequest) { setMember(r.payload, name, value) }
}

func setMember(c prover.Claims, name string, value any) {
	if c[name] = value; value == nil {
		delete(c, name)
	}
}

// proofAge changes when the proof was made.
func proofAge(d time.Duration) func(*dpopRequest) {
	return proofClaim("iat", time.Now().Add(-d).Unix())
}

// sentTo changes the request, and not the proof.
func sentTo(do string, extra ...string) func(*dpopRequest) {
	return func(r *dpopRequest) { r.do, r.extra = do, extra }
}

// proofFields changes the DPoP fields.
func proofFields(f func(proof string) []string) func(*dpopRequest) {
	return func(r *dpopRequest) { r.fields = f }
}

// sentAs changes scheme and token, and not the proof.
func sentAs(scheme, token string) func(*dpopRequest) {
	return func(r *dpopRequest) { r.scheme, r.token = scheme, token }
}

// forToken replaces the token, for which the proof is.
func forToken(token string) func(*dpopRequest) {
	return func(r *dpopRequest) {
		r.token = token
		r.payload["ath"] = prover.Hash(token)
	}
}

// tooLong is a right proof of more than 4096 bytes.
func tooLong(r *dpopRequest) { r.payload["x"] = strings.Repeat("x", 4096) }
