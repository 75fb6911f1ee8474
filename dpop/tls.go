package dpop

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/field"
)

// TLSOptions holds what has a safe default.
type TLSOptions struct {
	// Proxies are the networks of the proxies that end TLS. The certificate of a request
	// from one of them is that in the field Header alone; that of any other request is the
	// one of its connection, and the field is ignored. A proxy must remove a field of this
	// name that a client sent, and no middleware may replace Request.RemoteAddr by what a
	// client can send. If empty, no proxy is trusted.
	Proxies []netip.Prefix
	// Header is the field that the Proxies set. Its value is the certificate as in RFC
	// 9440 (":MIIB…:"), or as PEM that is escaped as in a URL ($ssl_client_escaped_cert of
	// nginx). In X-Forwarded-Client-Cert it is the Hash of the one element that Envoy
	// writes. If empty, it is Client-Cert (RFC 9440).
	Header string
	// InsecureUnbound accepts tokens that are not bound: a stolen one can be used.
	InsecureUnbound bool
}

// Certificates is the [guard.Binding] of tokens that are bound to a client certificate by
// mutual TLS (RFC 8705). Make it with [TLS]. It never changes.
type Certificates struct {
	proxies []netip.Prefix
	header  string
	unbound bool
}

var _ guard.Binding = (*Certificates)(nil)

// TLS returns the Certificates; opts may be nil. The server must ask for a certificate:
// tls.RequestClientCert is enough, since the connection proves its key, and the token
// names it. Its error lists every mistake.
func TLS(opts *TLSOptions) (*Certificates, error) {
	var o TLSOptions
	if opts != nil {
		o = *opts
	}
	var errs []error
	c := &Certificates{proxies: slices.Clone(o.Proxies), header: http.CanonicalHeaderKey(o.Header), unbound: o.InsecureUnbound}
	switch {
	case o.Header == "":
		c.header = "Client-Cert"
	case len(o.Proxies) == 0:
		errs = append(errs, errors.New("dpop: Header without Proxies"))
	case !field.IsToken(o.Header):
		errs = append(errs, fmt.Errorf("dpop: Header %q is not a token", o.Header))
	}
	for i, p := range c.proxies {
		if p.Addr().Is4In6() { // clientip unmaps addresses
			c.proxies[i] = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if !c.proxies[i].IsValid() || c.proxies[i].Bits() == 0 {
			errs = append(errs, fmt.Errorf("dpop: proxy %d is %v: not a network of proxies", i+1, p))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// Challenges implements [guard.Binding]: such tokens are sent in the scheme Bearer (RFC
// 8705, section 3).
func (c *Certificates) Challenges() []string { return []string{"Bearer"} }

// Accepted implements [guard.Binding]. It does nothing.
func (c *Certificates) Accepted(http.Header) {}

// Confirm implements [guard.Binding]. The Code of a refusal is token_invalid (401).
func (c *Certificates) Confirm(r *http.Request, _, _, cnf string) error {
	var named confirmation
	bad := named.parse(cnf)
	switch {
	case bad != nil:
	case cnf == "":
		if c.unbound {
			return nil
		}
		bad = errNotBound
	case len(named.jkt) > 0:
		bad = errOtherMethod
	default:
		bad = c.check(r, named.x5t)
	}
	if bad == nil {
		return nil
	}
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: bad.answer.code, Message: bad.answer.message, Err: bad,
		Challenges: []string{`Bearer error="invalid_token"`}, // RFC 8705, section 3
	}
}

// check compares the client certificate of a request with the thumbprint of a token.
func (c *Certificates) check(r *http.Request, thumbprint []byte) *reason {
	have, bad := c.of(r)
	if bad == nil && !have.is(thumbprint) {
		bad = errCertificate
	}
	return bad
}

// of returns the digest of the client certificate of a request.
func (c *Certificates) of(r *http.Request) (digest, *reason) {
	if c.fromProxy(r) {
		return c.inHeader(r.Header[c.header])
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return digest{}, errNoCertificate
	}
	return sha256.Sum256(r.TLS.PeerCertificates[0].Raw), nil
}

func (c *Certificates) fromProxy(r *http.Request) bool {
	if len(c.proxies) == 0 {
		return false
	}
	peer, err := clientip.Direct()(r)
	return err == nil && slices.ContainsFunc(c.proxies, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// maxCertificate bounds a certificate in a field.
const maxCertificate = 16 << 10

func (c *Certificates) inHeader(lines []string) (digest, *reason) {
	switch {
	case len(lines) == 0 || len(lines) == 1 && lines[0] == "":
		return digest{}, errNoCertificate
	case len(lines) > 1 || len(lines[0]) > maxCertificate:
		return digest{}, errProxyField
	case c.header == "X-Forwarded-Client-Cert":
		return envoyHash(lines[0])
	}
	der, ok := certificateOf(lines[0])
	if !ok {
		return digest{}, errProxyField
	}
	return sha256.Sum256(der), nil
}

// certificateOf returns the DER of a certificate in a field.
func certificateOf(value string) (der []byte, ok bool) {
	if inner, isBytes := strings.CutPrefix(value, ":"); isBytes { // RFC 9440, section 2.1
		inner, isBytes = strings.CutSuffix(inner, ":")
		der, err := base64.StdEncoding.Strict().DecodeString(inner)
		if err != nil || !isBytes {
			return nil, false
		}
		_, err = x509.ParseCertificate(der)
		return der, err == nil
	}
	text, err := url.PathUnescape(value)
	if err != nil {
		return nil, false
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
		return nil, false
	}
	_, err = x509.ParseCertificate(block.Bytes)
	return block.Bytes, err == nil
}

// envoyHash returns the Hash of the one element of an X-Forwarded-Client-Cert. Two
// elements mean that the client's is not the only one.
func envoyHash(value string) (d digest, bad *reason) {
	hash, hashes := "", 0
	for rest, more := value, true; more; {
		var pair string
		var ok bool
		if pair, rest, more, ok = cutPair(rest); !ok {
			return digest{}, errProxyField
		}
		if name, text, _ := strings.Cut(pair, "="); strings.EqualFold(name, "Hash") {
			hash, hashes = text, hashes+1
		}
	}
	if hashes != 1 || len(hash) != hex.EncodedLen(len(d)) {
		return digest{}, errProxyField
	}
	if _, err := hex.Decode(d[:], []byte(hash)); err != nil {
		return digest{}, errProxyField
	}
	return d, nil
}

// cutPair returns the first pair of an element, and what follows its semicolon. ok is
// false for a second element, an open quote and an escape.
func cutPair(text string) (pair, rest string, more, ok bool) {
	quoted := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\', c == ',' && !quoted:
			return "", "", false, false
		case c == ';' && !quoted:
			return text[:i], text[i+1:], true, true
		}
	}
	return text, "", false, !quoted
}

// Thumbprint returns the SHA-256 thumbprint of the client certificate of a request, for a
// token endpoint that binds the tokens it issues: it is the X5TS256 of a [Confirmation].
// found is false without a certificate. A field of a proxy that does not hold one
// certificate is refused with 400, invalid_request.
func (c *Certificates) Thumbprint(r *http.Request) (thumbprint string, found bool, err error) {
	d, bad := c.of(r)
	switch bad {
	case nil:
		return base64url.EncodeToString(d[:]), true, nil
	case errNoCertificate:
		return "", false, nil
	}
	return "", false, &guard.Error{Status: http.StatusBadRequest, Code: "invalid_request", Err: bad}
}
