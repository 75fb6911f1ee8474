package bearer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/bound"
	"github.com/go-guard/guard/internal/credential"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/source"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Sources are where a token may be. A request must have one token in all of them
	// together. If empty, it is source.Authorization("Bearer"), and before it the scheme of
	// Bound, such as "DPoP".
	Sources []source.Source
	// TrustedOrigins may send unsafe requests with the token in a source.Cookie or
	// ProxyHeader, each written as "https://app.example.com". If empty, only this
	// origin may.
	TrustedOrigins []string
	// Bound checks that the sender of a token has the key that the token is bound to, at
	// each request, and decides about tokens that are not bound: see package dpop. The
	// principals must be [Confirmed], as those of an [Introspector] are. If nil, an
	// Introspector refuses tokens that are bound.
	Bound guard.Binding
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

// A Confirmed principal knows the key that its token is bound to, for Options.Bound.
type Confirmed interface {
	// TokenConfirmation is the token's cnf as JSON text (RFC 7800), such as {"jkt":"…"}.
	// It is empty if the token is not bound.
	TokenConfirmation() string
}

// Tokens authenticates requests by bearer tokens. It is safe for use by several
// goroutines.
type Tokens[P any] struct {
	verify  func(ctx context.Context, token string) (P, bool, error)
	sources credential.Sources
	bound   bound.Schemes // zero without Bound

	challenges []string // without an error code, for requests without a token
	missing    string   // the message of their 401
	badRequest []string // with error="invalid_request"

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
// duration of a comparison byte by byte reveals a token. opts may be nil. The error of
// New lists every mistake in opts.
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
	if o.Resource != nil {
		errs = append(errs, o.Resource.check())
		o.ResourceMetadata = cmp.Or(o.ResourceMetadata, o.Resource.URL())
		if len(o.ChallengeScopes) == 0 {
			o.ChallengeScopes = o.Resource.ScopesSupported()
		}
	}
	errs = append(errs, checkScopes(o.ChallengeScopes))
	schemes, err := bound.New("bearer", o.Bound, "realm", o.Realm, "resource_metadata", o.ResourceMetadata, "scope", strings.Join(o.ChallengeScopes, " "))
	if errs = append(errs, err); !schemes.IsZero() {
		errs = append(errs, isConfirmed[P]())
		if len(o.Sources) == 0 {
			o.Sources = schemes.Sources()
		}
	}
	sources, err := credential.New("bearer", o.Sources, source.Authorization("Bearer"), o.TrustedOrigins, o.MaxTokenBytes)
	errs = append(errs, err, schemes.Check("bearer", &sources))
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
	lists := [3][]string{{challenges[0]}, {challenges[1]}, {challenges[2]}}
	if !schemes.IsZero() {
		lists = [3][]string{schemes.Challenges(), schemes.WithError("", "invalid_token"), schemes.WithError("", "invalid_request")}
	}
	t := build(verify, o, lists)
	t.sources, t.bound = sources, schemes
	return t, nil
}

// isConfirmed returns the mistake of a P that may lose what a token is bound to.
func isConfirmed[P any]() error {
	if t := reflect.TypeFor[P](); !t.Implements(reflect.TypeFor[Confirmed]()) {
		return fmt.Errorf("bearer: Bound needs principals that are Confirmed, and %v is not: map the credential by guard.Map", t)
	}
	return nil
}

func build[P any](verify func(context.Context, string) (P, bool, error), o Options, challenges [3][]string) *Tokens[P] {
	t := &Tokens[P]{
		verify: verify, challenges: challenges[0], badRequest: challenges[2],
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
			Challenges: challenges[1], Err: cause,
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
		return zero, refusal.Sources("bearer", c.State, slices.Clone(t.badRequest)...)
	}
	ctx, scheme := r.Context(), ""
	if !t.bound.IsZero() {
		ctx, scheme = context.WithValue(ctx, checksBound{}, true), t.sources.SchemeOf(r, c)
	}
	if c.State == field.Malformed || !field.IsToken68(c.Text) {
		return zero, t.refused(t.malformed, c.Ambient(), scheme)
	}
	p, found, err := t.verify(ctx, c.Text)
	if !found && err == nil {
		return zero, t.refused(t.unknown, c.Ambient(), scheme)
	}
	p, err = guard.Resolve(p, found, err, nil)
	if err != nil {
		return zero, t.completed(err, c.Ambient(), scheme)
	}
	if !t.bound.IsZero() {
		if err := t.confirm(r, p, c.Text, scheme); err != nil {
			return zero, err
		}
	}
	return p, nil
}

// checksBound marks the context of a verify whose caller checks what a token is bound to.
type checksBound struct{}

// confirm checks what a token is bound to. No cache of verify skips it.
func (t *Tokens[P]) confirm(r *http.Request, p P, token, scheme string) error {
	confirmed, ok := any(p).(Confirmed)
	if !ok || wiring.IsNil(p) {
		return fmt.Errorf("bearer: verify returned a nil %T", p)
	}
	return t.bound.Confirm(r, scheme, token, confirmed.TokenConfirmation())
}

// refused is a copy of a refusal of a token that no later request can use.
func (t *Tokens[P]) refused(template *guard.Error, ambient bool, scheme string) error {
	e := template.Clone()
	e.Dead = ambient
	if scheme != "" {
		e.Challenges = t.bound.WithError(scheme, "invalid_token")
	}
	return e
}

// completed is a copy of a 401 that verify returned, with what it left out. It is
// dead only if the token was in the cookie. Other errors are returned as they are.
func (t *Tokens[P]) completed(err error, ambient bool, scheme string) error {
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
	if scheme != "" {
		c.Challenges = t.bound.WithError(scheme, "invalid_token")
	}
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
		Missing: t.missing, Accepted: t.bound.Accepted(),
		Vary: t.sources.Vary(), Ambient: t.sources.Clear(), Strip: t.sources.Strip(),
	}
	if t.unknownPrincipal != nil { // not a zero value
		s.Challenge, s.Alternatives = t.challenges[0], t.challenges[1:]
		unknown := t.unknownPrincipal.Clone()
		unknown.Dead = !t.sources.InURL() // Map knows whether the token was in a header
		s.Unknown = unknown
	}
	return s
}

// Wrap is guard.Require(t).
func (t *Tokens[P]) Wrap(next http.Handler) http.Handler { return guard.Require(t)(next) }
