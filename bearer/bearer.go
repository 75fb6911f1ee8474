package bearer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/credential"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/source"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Sources are where a token may be. A request must have one token in all of them
	// together. If empty, it is source.Authorization("Bearer").
	Sources []source.Source
	// TrustedOrigins may send unsafe requests with the token in a source.Cookie or
	// ProxyHeader, each written as "https://app.example.com". If empty, only this
	// origin may.
	TrustedOrigins []string
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// ResourceMetadata is the address of the resource's metadata for the
	// challenge (RFC 9728, section 5.1), see [Metadata.URL]. If empty, none is
	// sent.
	ResourceMetadata string
	// ChallengeScopes are the scopes that a client should ask for when it has no valid
	// token: the scope of the challenge of a 401 (RFC 6750, section 3). They are not
	// required: see [Scopes]. If empty, none is sent.
	ChallengeScopes []string
	// Resource is this server's metadata: its URL is the ResourceMetadata, and its
	// ScopesSupported are the ChallengeScopes, each where that field is empty. The
	// audience of the tokens is for verify to check: see IntrospectorOptions.Resource.
	Resource *Metadata
	// Missing is the message for a request without a token. If empty, it is
	// "Bearer token required".
	Missing string
	// Invalid is the message for a malformed or unknown token. If empty, it is
	// "Invalid or expired token".
	Invalid string
	// MaxTokenBytes is the length above which a token is refused without a
	// lookup. If 0, it is 8192.
	MaxTokenBytes int
}

// Tokens authenticates requests by bearer tokens. It is safe for use by several
// goroutines.
type Tokens[P any] struct {
	verify  func(ctx context.Context, token string) (P, bool, error)
	sources credential.Sources

	challenge  string // without an error code, for requests without a token
	missing    string // the message of their 401
	badRequest string // with error="invalid_request"

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
	if o.MaxTokenBytes == 0 {
		o.MaxTokenBytes = 8192
	}
	sources, err := credential.New("bearer", o.Sources, source.Authorization("Bearer"), o.TrustedOrigins, o.MaxTokenBytes)
	errs = append(errs, err)
	if o.Resource != nil {
		o.ResourceMetadata = cmp.Or(o.ResourceMetadata, o.Resource.URL())
		if len(o.ChallengeScopes) == 0 {
			o.ChallengeScopes = o.Resource.ScopesSupported()
		}
	}
	errs = append(errs, checkScopes(o.ChallengeScopes))
	if o.ResourceMetadata != "" {
		if u, err := url.Parse(o.ResourceMetadata); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			errs = append(errs, fmt.Errorf("bearer: ResourceMetadata %q is not an absolute URL", o.ResourceMetadata))
		}
	}
	scheme, isBearer := sources.Scheme("Bearer")
	challenges := [3]string{"", "invalid_token", "invalid_request"} // error codes of RFC 6750, section 3.1
	for i, code := range challenges {
		if !isBearer {
			code = ""
		}
		var err error
		challenges[i], err = guard.Challenge(scheme, "realm", o.Realm, "error", code, "resource_metadata", o.ResourceMetadata, "scope", strings.Join(o.ChallengeScopes, " "))
		if err != nil {
			errs = append(errs, fmt.Errorf("bearer: %w", err))
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	t := build(verify, o, challenges)
	t.sources = sources
	return t, nil
}

func build[P any](verify func(context.Context, string) (P, bool, error), o Options, challenges [3]string) *Tokens[P] {
	t := &Tokens[P]{
		verify: verify, challenge: challenges[0], badRequest: challenges[2],
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
	return t
}

// errZeroValue is returned by zero values, which authenticate no one.
var errZeroValue = errors.New("bearer: a zero Tokens was used; see New")

// Authenticate implements [guard.Authenticator]. The Code of a refusal is
// token_invalid for a malformed or unknown token, invalid_request for more than one
// token or a malformed query (400) and cross_origin (403), and for the tokens of an
// [Introspector] also token_expired, token_not_yet_valid, token_issuer_invalid,
// token_audience_invalid and token_type_invalid.
func (t *Tokens[P]) Authenticate(r *http.Request) (P, error) {
	var zero P
	if t.verify == nil {
		return zero, errZeroValue
	}
	c := t.sources.Find(r, "")
	switch c.State {
	case field.Absent:
		return zero, guard.ErrNoCredentials
	case field.Repeated, field.Unclear, field.CrossSite:
		return zero, refusal.Sources("bearer", c.State, t.badRequest)
	}
	if c.State == field.Malformed || !field.IsToken68(c.Text) {
		return zero, refused(t.malformed, c.Ambient())
	}
	p, found, err := t.verify(r.Context(), c.Text)
	if !found && err == nil {
		return zero, refused(t.unknown, c.Ambient())
	}
	p, err = guard.Resolve(p, found, err, nil)
	if err != nil {
		return zero, t.completed(err, c.Ambient())
	}
	return p, nil
}

// refused is a copy of a refusal of a token that no later request can use.
func refused(template *guard.Error, ambient bool) error {
	e := template.Clone()
	e.Dead = ambient
	return e
}

// completed is a copy of a 401 that verify returned, with what it left out. It is
// dead only if the token was in the cookie. Other errors are returned as they are.
func (t *Tokens[P]) completed(err error, ambient bool) error {
	e, ok := errors.AsType[*guard.Error](err)
	if !ok || e == nil || e.Status != http.StatusUnauthorized {
		return err
	}
	c := e.Clone()
	if err != error(e) {
		c.Err = err // its text is more than that of e
	}
	c.Dead = e.Dead && ambient
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
	s := guard.Scheme{
		Challenge: t.challenge, Missing: t.missing,
		Vary: t.sources.Vary(), Ambient: t.sources.Clear(), Strip: t.sources.Strip(),
	}
	if t.unknownPrincipal != nil { // not a zero value
		unknown := t.unknownPrincipal.Clone()
		unknown.Dead = !t.sources.InURL() // Map knows whether the token was in a header
		s.Unknown = unknown
	}
	return s
}

// Wrap is guard.Require(t).
func (t *Tokens[P]) Wrap(next http.Handler) http.Handler { return guard.Require(t)(next) }
