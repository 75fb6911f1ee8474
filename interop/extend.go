package interop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
)

// A Service is the principal of a client certificate, and also its credential.
type Service struct {
	Name   string
	Scopes []string // nil for no limit
}

// Sub implements guard.Subject: decisions, BySubject and other guards read it.
func (s *Service) Sub() string { return s.Name }

// ScopeLimit implements guard.ScopeLimiter: package rbac and bearer.Scopes apply it.
func (s *Service) ScopeLimit() (scopes []string, limited bool) { return s.Scopes, s.Scopes != nil }

// A Lookup finds a service by the SHA-256 of its certificate. An unknown certificate is
// not an error: found is false. An error is our own failure.
type Lookup func(ctx context.Context, fingerprint [sha256.Size]byte) (s *Service, found bool, err error)

// ClientCerts authenticates services by the certificate that a TLS proxy verified and
// passes on in the Client-Cert field (RFC 9440, section 2.2).
type ClientCerts struct {
	lookup  Lookup
	proxies []netip.Prefix
}

// NewClientCerts returns an authenticator that trusts the Client-Cert field of these
// proxies, which must remove the field from the requests of clients.
func NewClientCerts(lookup Lookup, proxies ...netip.Prefix) (*ClientCerts, error) {
	var errs []error
	if lookup == nil {
		errs = append(errs, errors.New("clientcert: the lookup is nil"))
	}
	if len(proxies) == 0 {
		errs = append(errs, errors.New("clientcert: there is no trusted proxy"))
	}
	if err := errors.Join(errs...); err != nil { // every mistake at once
		return nil, err
	}
	return &ClientCerts{lookup, slices.Clone(proxies)}, nil
}

// Scheme implements guard.Authenticator. Answers differ by Client-Cert, so Vary has it.
func (c *ClientCerts) Scheme() guard.Scheme {
	return guard.Scheme{Challenge: "ClientCert", Vary: []string{"Client-Cert"}, Missing: "Client certificate required"}
}

// Authenticate implements guard.Authenticator.
func (c *ClientCerts) Authenticate(r *http.Request) (*Service, error) {
	values := r.Header.Values("Client-Cert")
	switch {
	case len(values) == 0:
		return nil, guard.ErrNoCredentials // the next authenticator decides
	case len(values) > 1:
		return nil, &guard.Error{Status: http.StatusBadRequest, Code: "invalid_request", Message: "More than one certificate was sent"}
	case !c.fromProxy(r):
		return nil, invalidCertificate(errors.New("clientcert: not from a trusted proxy"))
	}
	der, ok := byteSequence(values[0])
	if !ok {
		return nil, invalidCertificate(errors.New("clientcert: malformed field"))
	}
	s, found, err := c.lookup(r.Context(), sha256.Sum256(der))
	// Resolve keeps the three outcomes apart, and refuses a nil that was "found".
	return guard.Resolve(s, found, err, invalidCertificate(errors.New("clientcert: unknown certificate")))
}

// Wrap is guard.Require(c).
func (c *ClientCerts) Wrap(next http.Handler) http.Handler { return guard.Require(c)(next) }

// invalidCertificate is a 401. The client reads Code and Message; only Observe reads cause.
func invalidCertificate(cause error) error {
	return &guard.Error{Status: http.StatusUnauthorized, Code: "invalid_certificate", Message: "Invalid client certificate", Err: cause}
}

func (c *ClientCerts) fromProxy(r *http.Request) bool {
	peer, err := clientip.Direct()(r)
	return err == nil && slices.ContainsFunc(c.proxies, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// byteSequence decodes a Byte Sequence of a structured field (RFC 9651, section 3.3.5).
func byteSequence(s string) (b []byte, ok bool) {
	if len(s) < 2 || s[0] != ':' || s[len(s)-1] != ':' {
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s[1 : len(s)-1])
	return b, err == nil && len(b) > 0
}

// NotSuspended returns a guard that refuses suspended subjects with 403, and
// credentials with an empty subject. It belongs inside authentication by a credential
// with a subject: a session, a token, a key.
func NotSuspended(suspended func(ctx context.Context, subject string) (bool, error)) guard.Middleware {
	if suspended == nil {
		panic("suspension: NotSuspended of nil")
	}
	decision := guard.Decision{Package: "suspension", Guard: "not suspended"}
	check := func(ctx context.Context) error {
		credential, err := guard.AuthenticatedBy[guard.Subject](ctx)
		if err != nil {
			return err // 401 for an anonymous request, 500 without an authentication step
		}
		subject := credential.Sub()
		if subject == "" { // a client that acts for itself: it has no account to look up
			return &guard.Error{Status: http.StatusForbidden, Code: "subject_missing"}
		}
		yes, err := suspended(ctx, subject)
		if err == nil && yes {
			err = &guard.Error{Status: http.StatusForbidden, Code: "suspended", Message: "This account is suspended"}
		}
		return err // an error of suspended is our own failure: 503 or 500
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := check(r.Context()); err != nil {
				decision.Refuse(w, r, err) // reports one Decision
				return
			}
			allowed := decision
			allowed.Outcome = guard.Allowed
			allowed.Report(r)
			next.ServeHTTP(w, r)
		})
	}
}
