package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// ResourceMetadata is the address of the resource's metadata for the
	// challenge (RFC 9728, section 5.1): Metadata.URL. If empty, none is sent.
	ResourceMetadata string
	// Missing is the message for a request without a token. If empty, it is
	// "Bearer token required".
	Missing string
	// Invalid is the message for a token that is not accepted. If empty, it is
	// "Invalid or expired token".
	Invalid string
	// MaxTokenBytes is the length above which a token is refused unread. If 0,
	// it is 8192.
	MaxTokenBytes int
	// Cookie names a cookie that may carry the token in place of the header. If
	// empty, no cookie is read. Unlike the header, browsers send cookies by
	// themselves: an unsafe request with one that comes from another site is
	// refused with 403, as http.CrossOriginProtection does, and so is the
	// opening of a WebSocket.
	Cookie string
}

// Tokens authenticates requests by bearer tokens. It is safe for use by several
// goroutines.
type Tokens[P any] struct {
	verify    func(ctx context.Context, token string) (P, bool, error)
	max       int
	invalid   string // the message
	cookie    string
	crossSite *http.CrossOriginProtection

	challenge   string // without an error, for requests without a token
	invalidWith string // with error="invalid_token"
	repeated    string // with error="invalid_request"

	// Refusals are built once: they say nothing about the request.
	missing, malformed, unknown, gone error
}

// The reasons of refusals, for Observe.
var (
	errMalformed = errors.New("bearer: the token is malformed")
	errUnknown   = errors.New("bearer: the token is unknown or expired")
	errGone      = errors.New("bearer: the token's principal is unknown")
)

// New returns an authenticator that asks verify for the principal of a token.
// An unknown, revoked or expired token is not an error: found is false. An
// error is our own failure, unless it is a *guard.Error: a 401 of verify's own,
// with another message or with a reason for guard.Observe. verify should compare tokens
// by a digest, never byte by byte: a map or an index over their SHA-256.
func New[P any](verify func(ctx context.Context, token string) (p P, found bool, err error), opts *Options) (*Tokens[P], error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	var errs []error
	if verify == nil {
		errs = append(errs, errors.New("bearer: verify is nil"))
	}
	if o.MaxTokenBytes < 0 {
		errs = append(errs, fmt.Errorf("bearer: MaxTokenBytes is negative: %d", o.MaxTokenBytes))
	}
	if o.Cookie != "" && (&http.Cookie{Name: o.Cookie, Value: "x"}).Valid() != nil {
		errs = append(errs, fmt.Errorf("bearer: cookie name %q is not valid", o.Cookie))
	}
	if o.ResourceMetadata != "" {
		if u, err := url.Parse(o.ResourceMetadata); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			errs = append(errs, fmt.Errorf("bearer: ResourceMetadata %q is not an absolute address", o.ResourceMetadata))
		}
	}
	challenges := [3]string{"", "invalid_token", "invalid_request"} // error codes of RFC 6750, section 3.1
	for i, code := range challenges {
		var err error
		challenges[i], err = guard.Challenge("Bearer", "realm", o.Realm, "error", code, "resource_metadata", o.ResourceMetadata)
		if err != nil {
			errs = append(errs, fmt.Errorf("bearer: %w", err))
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return build(verify, o, challenges), nil
}

func build[P any](verify func(context.Context, string) (P, bool, error), o Options, challenges [3]string) *Tokens[P] {
	t := &Tokens[P]{
		verify: verify, max: o.MaxTokenBytes, cookie: o.Cookie,
		challenge: challenges[0], invalidWith: challenges[1], repeated: challenges[2],
	}
	if t.max == 0 {
		t.max = 8192
	}
	if o.Missing == "" {
		o.Missing = "Bearer token required"
	}
	if o.Invalid == "" {
		o.Invalid = "Invalid or expired token"
	}
	t.invalid = o.Invalid
	invalid := func(reason error) error {
		return &guard.Error{
			Status: http.StatusUnauthorized, Code: "invalid_token", Message: o.Invalid,
			Challenges: challenges[1:2:2], Err: reason,
		}
	}
	t.missing = &guard.Error{Status: http.StatusUnauthorized, Message: o.Missing, Err: guard.ErrNoCredentials}
	t.malformed, t.unknown, t.gone = invalid(errMalformed), invalid(errUnknown), invalid(errGone)
	if t.cookie != "" {
		t.crossSite = http.NewCrossOriginProtection()
	}
	return t
}

// Authenticate implements [guard.Authenticator].
func (t *Tokens[P]) Authenticate(r *http.Request) (P, error) {
	token, err := t.token(r)
	if err != nil {
		var nobody P
		return nobody, err
	}
	p, found, err := t.verify(r.Context(), token)
	p, err = guard.Resolve(p, found, err, t.unknown)
	if e, ok := err.(*guard.Error); ok && e != nil && e.Status == http.StatusUnauthorized && len(e.Challenges) == 0 {
		// verify's own words or reason; the rest stays RFC 6750's.
		c := *e
		c.Challenges = []string{t.invalidWith}
		if c.Code == "" {
			c.Code = "invalid_token"
		}
		if c.Message == "" {
			c.Message = t.invalid
		}
		err = &c
	}
	return p, err
}

// token finds the one token of a request, or says why there is none.
func (t *Tokens[P]) token(r *http.Request) (string, error) {
	token, state := field.BearerOrCookie(r, t.cookie, t.max, t.crossSite)
	switch state {
	case field.Absent:
		return "", t.missing
	case field.Present:
		return token, nil
	case field.Repeated:
		return "", refusal.Repeated("bearer", t.repeated)
	case field.CrossSite:
		return "", refusal.CrossSite("bearer")
	}
	return "", t.malformed
}

// Scheme implements [guard.Authenticator]. Its challenge holds no error code:
// that is for requests with a token (RFC 6750, section 3.1).
func (t *Tokens[P]) Scheme() guard.Scheme {
	s := guard.Scheme{Challenge: t.challenge, Unknown: t.gone}
	if t.cookie != "" {
		s.Vary = []string{"Authorization", "Cookie"}
	}
	return s
}

// Wrap is guard.Require(t).
func (t *Tokens[P]) Wrap(next http.Handler) http.Handler { return guard.Require(t)(next) }
