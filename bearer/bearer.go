package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// ResourceMetadata is the address of the resource's metadata for the
	// challenge (RFC 9728, section 5.1), see [Metadata.URL]. If empty, none is
	// sent.
	ResourceMetadata string
	// Missing is the message for a request without a token. If empty, it is
	// "Bearer token required".
	Missing string
	// Invalid is the message for a malformed or unknown token. If empty, it is
	// "Invalid or expired token".
	Invalid string
	// MaxTokenBytes is the length above which a token is refused without a
	// lookup. If 0, it is 8192.
	MaxTokenBytes int
	// Cookie names a cookie that may carry the token in place of the header. If
	// empty, no cookie is read. Browsers attach cookies to requests that other
	// sites make, so an unsafe cross-site request with one is refused with 403
	// (http.CrossOriginProtection), and so is a cross-site WebSocket handshake. If
	// the cookie's token is malformed, unknown or expired, guard.Optional treats
	// the request as anonymous, and navigations clear the cookie: with path / and
	// without a domain. One that was set with another path or domain is not
	// cleared.
	Cookie string
}

// Tokens authenticates requests by bearer tokens. It is safe for use by several
// goroutines.
type Tokens[P any] struct {
	verify    func(ctx context.Context, token string) (P, bool, error)
	maxBytes  int
	cookie    string
	crossSite *http.CrossOriginProtection

	challenge string // without an error code, for requests without a token
	missing   string // the message of their 401
	repeated  string // with error="invalid_request"

	// Refusals are built once; Authenticate returns a clone.
	malformed, unknown, unknownPrincipal *guard.Error
}

// Codes of the refusals of a token, which are finer than the error of the
// challenge: that is always invalid_token (RFC 6750, section 3.1).
const (
	codeInvalid         = "token_invalid"
	codeExpired         = "token_expired"
	codeNotYetValid     = "token_not_yet_valid"
	codeInvalidIssuer   = "token_issuer_invalid"
	codeInvalidAudience = "token_audience_invalid"
	codeInvalidType     = "token_type_invalid"
)

// The causes of refusals, for Observe.
var (
	errMalformed        = errors.New("bearer: the token is malformed")
	errUnknown          = errors.New("bearer: the token is unknown or expired")
	errUnknownPrincipal = errors.New("bearer: the token's principal is unknown")
)

// New returns an authenticator whose principals verify finds by token. An
// unknown, revoked or expired token is not an error: found is false. An error is
// our own failure, unless it is a *guard.Error, such as a 401 with another
// message or with a cause for guard.Observe. Such a 401 has the field Dead if no
// later request can use the token; the field counts only for a token in the
// cookie. verify should look tokens up by their SHA-256, in a map or an index: the
// duration of a comparison byte by byte reveals a token.
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
			errs = append(errs, fmt.Errorf("bearer: ResourceMetadata %q is not an absolute URL", o.ResourceMetadata))
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
		verify: verify, maxBytes: o.MaxTokenBytes, cookie: o.Cookie,
		challenge: challenges[0], repeated: challenges[2],
	}
	if t.maxBytes == 0 {
		t.maxBytes = 8192
	}
	if o.Missing == "" {
		o.Missing = "Bearer token required"
	}
	if o.Invalid == "" {
		o.Invalid = "Invalid or expired token"
	}
	invalid := func(cause error) *guard.Error {
		return &guard.Error{
			Status: http.StatusUnauthorized, Code: codeInvalid, Message: o.Invalid,
			Challenges: challenges[1:2:2], Err: cause,
		}
	}
	t.missing = o.Missing
	t.malformed, t.unknown, t.unknownPrincipal = invalid(errMalformed), invalid(errUnknown), invalid(errUnknownPrincipal)
	if t.cookie != "" {
		t.crossSite = http.NewCrossOriginProtection()
	}
	return t
}

// errZeroValue is returned by zero values, which authenticate no one.
var errZeroValue = errors.New("bearer: a zero Tokens was used; see New")

// Authenticate implements [guard.Authenticator]. The Code of a refusal is
// token_invalid for a malformed or unknown token, invalid_request for more than
// one token (400) and cross_origin (403), and for the tokens of an [Introspector]
// also token_expired, token_not_yet_valid, token_issuer_invalid,
// token_audience_invalid and token_type_invalid.
func (t *Tokens[P]) Authenticate(r *http.Request) (P, error) {
	var zero P
	if t.verify == nil {
		return zero, errZeroValue
	}
	token, inCookie, state := field.BearerOrCookie(r, t.cookie, t.maxBytes, t.crossSite)
	switch state {
	case field.Absent:
		return zero, guard.ErrNoCredentials
	case field.Repeated:
		return zero, refusal.Repeated("bearer", t.repeated)
	case field.CrossSite:
		return zero, refusal.CrossSite("bearer")
	case field.Malformed:
		return zero, refused(t.malformed, inCookie)
	}
	p, found, err := t.verify(r.Context(), token)
	if !found && err == nil {
		return zero, refused(t.unknown, inCookie)
	}
	p, err = guard.Resolve(p, found, err, nil)
	if err != nil {
		return zero, t.completed(err, inCookie)
	}
	return p, nil
}

// refused is a copy of a refusal of a token that no later request can use.
func refused(template *guard.Error, inCookie bool) error {
	e := template.Clone()
	e.Dead = inCookie
	return e
}

// completed is a copy of a 401 that verify returned, with what it left out. It is
// dead only if the token was in the cookie. Other errors are returned as they are.
func (t *Tokens[P]) completed(err error, inCookie bool) error {
	e, ok := errors.AsType[*guard.Error](err)
	if !ok || e == nil || e.Status != http.StatusUnauthorized {
		return err
	}
	c := e.Clone()
	if err != error(e) {
		c.Err = err // its text is more than that of e
	}
	c.Dead = e.Dead && inCookie
	if len(c.Challenges) > 0 {
		return c
	}
	c.Challenges = slices.Clone(t.unknown.Challenges)
	if c.Code == "" {
		c.Code = t.unknown.Code
	}
	if c.Message == "" {
		c.Message = t.unknown.Message
	}
	return c
}

// Scheme implements [guard.Authenticator]. Its challenge holds no error code:
// that is for requests with a token (RFC 6750, section 3.1).
func (t *Tokens[P]) Scheme() guard.Scheme {
	s := guard.Scheme{Challenge: t.challenge, Missing: t.missing}
	if t.unknownPrincipal != nil { // not a zero value
		unknown := t.unknownPrincipal.Clone()
		unknown.Dead = true
		s.Unknown = unknown
	}
	if t.cookie != "" {
		s.Vary = []string{"Authorization", "Cookie"}
		s.Ambient = field.ClearCookie(t.cookie)
	}
	return s
}

// Wrap is guard.Require(t).
func (t *Tokens[P]) Wrap(next http.Handler) http.Handler { return guard.Require(t)(next) }
