package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/bound"
	"github.com/go-guard/guard/internal/credential"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/source"
)

// A Verifier authenticates requests by a signed token in their Authorization
// field (RFC 6750, section 2.1) or in other sources. C is the type of the private claims: a struct, or a
// map[string]any. The names of claims match exactly, in case, too (RFC 7519, section
// 4): a claim Role is not role, and is ignored. For types with an UnmarshalJSON see
// [NewVerifier]. A Verifier never changes, and is safe for use by several goroutines.
type Verifier[C any] struct {
	opts    VerifierOptions
	issuers []*issuerConfig
	found   *foundIssuers     // nil without TrustFunc
	payload *strictjson.Shape // of all claims
	private *strictjson.Shape // of the private claims
	// maxMembers bounds the members of a payload, nested objects included.
	maxMembers int
	prefixes   []string // of all issuers that have one
	grants     bool     // whether C or *C is a granter
	sources    credential.Sources
	bound      bound.Schemes           // zero without Bound
	cache      secret.Value[*cache[C]] // nil without CacheSize; it holds tokens
	scratches  sync.Pool               // of *scratch

	// Templates of what is returned: callers get clones.
	challenge    string
	alternatives []string // challenges of further schemes
	invalid      *guard.Error
	insufficient *guard.Error // nil without Scopes
}

// NewVerifier returns a Verifier of the tokens of one issuer, whose keys are keys, or with
// VerifierOptions.Trust and TrustFunc of several; then keys may be nil. opts may be nil.
// Its error lists every mistake.
//
// For the tokens of an [Issuer] of the same program, use Issuer.Verifier, or
// Issuer.Trust beside other issuers: a Verifier of the Issuer's key alone has
// neither its Denylist nor its Type.
//
// A token that cnf binds to its sender's key (RFC 7800), as DPoP and mutual TLS
// do, is not a bearer token. VerifierOptions.Bound checks it. Without that, it is refused
// unless C is a struct with a cnf field: then the application must check it.
//
// In a claim that is a struct, too, encoding/json would match names in any case: a
// token is refused where a name there differs from a field's in case only. An
// UnmarshalJSON of C, or of a type in it, receives its JSON text. If it calls
// json.Unmarshal, {"ROLE":"admin"} sets a field role. The text is still strict and
// has no member twice, and that of C has no registered claim; a token whose claims
// differ from a registered one in case only is refused. The fields of such a type are
// not known, so a token with cnf is refused without Bound.
func NewVerifier[C any](keys KeySource, opts *VerifierOptions) (*Verifier[C], error) {
	o, err := opts.withDefaults()
	v, err2 := newVerifier[C](keys, o)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return v, nil
}

// newVerifier takes options that were checked. It reports the mistakes that remain.
func newVerifier[C any](keys KeySource, o VerifierOptions) (*Verifier[C], error) {
	v := &Verifier[C]{opts: o, maxMembers: max(minMembers, o.MaxTokenBytes/bytesPerMember)}
	var err error
	v.bound, err = bound.New("jwtauth", o.Bound, "realm", o.Realm, "resource_metadata", o.ResourceMetadata, "scope", strings.Join(o.ChallengeScopes, " "))
	if len(o.Sources) == 0 && !v.bound.IsZero() {
		o.Sources = v.bound.Sources()
	}
	var err2 error
	v.sources, err2 = credential.New("jwtauth", o.Sources, source.Authorization("Bearer"), o.TrustedOrigins, o.MaxTokenBytes)
	if err := errors.Join(err, err2, v.bound.Check("jwtauth", &v.sources), v.addIssuers(keys), v.setShapes()); err != nil {
		return nil, err
	}
	v.buildRefusals()
	if o.CacheSize > 0 {
		v.cache = secret.New(newCache[C](o.CacheSize))
	}
	return v, nil
}

func (v *Verifier[C]) addIssuers(keys KeySource) error {
	o := &v.opts
	var errs []error
	list, first := o.Trust, o.trust(keys)
	if keys != nil || len(list) == 0 && o.TrustFunc == nil {
		list = slices.Insert(slices.Clone(list), 0, first)
	} else if given := first.given(); given != "" {
		errs = append(errs, fmt.Errorf("jwtauth: %s without keys: each Trust has its own", given))
	}
	several := len(list) > 1 || o.TrustFunc != nil
	for i, t := range list {
		if o.Resource != nil && len(t.Audience) == 0 && !t.InsecureAnyAudience {
			t.Audience = []string{o.Resource.Resource()}
		}
		c, err := newIssuerConfig(t)
		if several {
			err = numbered(err, i+1)
		}
		errs = append(errs, err)
		v.issuers = append(v.issuers, c)
		if c.Prefix != "" {
			v.prefixes = append(v.prefixes, c.Prefix)
		} else if o.TrustFunc != nil && c.Subject != nil && !c.InsecureSameSubjects {
			errs = append(errs, errors.New("jwtauth: Subject beside TrustFunc needs a Prefix: its answers begin with what could be a tenant's"))
		}
	}
	if o.TrustFunc != nil {
		v.found = newFoundIssuers(o, v.checkBeside)
	}
	if several {
		errs = append(errs, checkApart(v.issuers))
	}
	return errors.Join(errs...)
}

// numbered marks each mistake in err as one of the issuer with this number.
func numbered(err error, number int) error {
	if err == nil {
		return nil
	}
	const prefix = "\njwtauth: "
	each := fmt.Sprintf("%sof several issuers, number %d: ", prefix, number)
	return errors.New(strings.ReplaceAll("\n"+err.Error(), prefix, each)[1:])
}

// checkApart reports several issuers whose tokens or subjects could be confused.
func checkApart(issuers []*issuerConfig) error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("jwtauth: of several issuers, number "+format, args...))
	}
	names, prefixes := map[string]bool{}, map[string]bool{}
	for i, c := range issuers {
		switch {
		case len(c.Issuer) > maxIssuerBytes:
			bad("%d has a name of more than %d bytes", i+1, maxIssuerBytes)
		case names[c.Issuer]:
			bad("%d has the same Issuer as another", i+1)
		}
		switch {
		case c.Prefix != "" && prefixes[strings.ToLower(c.Prefix)]:
			bad(`%d has the Prefix of another`, i+1)
		case i > 0 && c.Prefix == "" && !c.InsecureSameSubjects:
			bad(`%d needs a Prefix such as "idp:" for its subjects, or it could name the users of the others: set InsecureSameSubjects only if it names the same ones`, i+1)
		}
		names[c.Issuer], prefixes[strings.ToLower(c.Prefix)] = true, true
	}
	return errors.Join(errs...)
}

// checkBeside is checkApart for an issuer that TrustFunc found.
func (v *Verifier[C]) checkBeside(c *issuerConfig) error {
	var errs []error
	if slices.ContainsFunc(v.prefixes, func(p string) bool { return strings.EqualFold(p, c.Prefix) }) {
		errs = append(errs, fmt.Errorf("jwtauth: Prefix %q is that of an issuer of Trust", c.Prefix))
	}
	if c.Type != "" && v.private.Matches("type") {
		errs = append(errs, fmt.Errorf(`jwtauth: Type is set, and %v defines "type"`, reflect.TypeFor[C]()))
	}
	return errors.Join(errs...)
}

// setShapes derives the member names of a payload from C.
func (v *Verifier[C]) setShapes() error {
	t := reflect.TypeFor[C]()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct && t != reflect.TypeFor[map[string]any]() {
		return fmt.Errorf("jwtauth: claims are a struct or a map[string]any, not %v", t)
	}
	names := v.registered()
	v.private = strictjson.ShapeOf(t)
	c, g := reflect.TypeFor[C](), reflect.TypeFor[granter]()
	v.grants = c.Implements(g) || reflect.PointerTo(c).Implements(g)
	var errs []error
	for _, name := range names {
		if v.private.Matches(name) {
			errs = append(errs, fmt.Errorf("jwtauth: %v defines %q, which is not a private claim", t, name))
		}
	}
	// Only an UnmarshalJSON gets members whose names are not those of a field.
	if v.payload = v.private.Exact(); v.private == nil {
		v.payload = v.private.With(append(names, "scope", "scp", "type")...)
	}
	return errors.Join(errs...)
}

// registered returns the names that a C may not define.
func (v *Verifier[C]) registered() []string {
	if slices.ContainsFunc(v.issuers, func(i *issuerConfig) bool { return i.Type != "" }) {
		return append(slices.Clone(registered), "type")
	}
	return slices.Clone(registered)
}

// buildRefusals ignores errors of challenges, which VerifierOptions.check reports.
func (v *Verifier[C]) buildRefusals() {
	if !v.bound.IsZero() {
		lines := v.bound.Challenges()
		v.challenge, v.alternatives = lines[0], lines[1:]
		v.setRefusals(v.bound.WithError("", "invalid_token"), lines)
		return
	}
	scheme, isBearer := v.sources.Scheme("Bearer")
	params := []string{"realm", v.opts.Realm, "resource_metadata", v.opts.ResourceMetadata, "scope", strings.Join(v.opts.ChallengeScopes, " ")}
	v.challenge, _ = guard.Challenge(scheme, params...)
	invalid := v.challenge
	if isBearer {
		invalid, _ = guard.Challenge(scheme, append(params, "error", "invalid_token")...)
	}
	v.setRefusals([]string{invalid}, []string{v.challenge})
}

func (v *Verifier[C]) setRefusals(invalid, plain []string) {
	v.invalid = &guard.Error{Status: http.StatusUnauthorized, Challenges: invalid}
	if scopes := v.opts.Scopes; len(scopes) > 0 {
		v.insufficient = refusal.InsufficientScope("Insufficient scope", plain, scopes, errors.New("jwtauth: the token lacks a scope"))
	}
}

// refuse returns the refusal for a reason.
func (v *Verifier[C]) refuse(r *reason) *guard.Error {
	e := v.invalid.Clone()
	e.Code, e.Message, e.Err = r.code, r.message, r
	return e
}

// Scheme implements guard.Authenticator.
func (v *Verifier[C]) Scheme() guard.Scheme {
	unknown := v.refuse(errSubjectUnknown)
	unknown.Dead = !v.sources.InURL() // Map knows whether the token was in a header
	return guard.Scheme{
		Challenge: v.challenge, Alternatives: v.alternatives, Accepted: v.bound.Accepted(), Missing: v.opts.Missing, Unknown: unknown,
		Vary: v.sources.Vary(), Ambient: v.sources.Clear(), Strip: v.sources.Strip(),
	}
}

// Wrap is guard.Require of the Verifier.
func (v *Verifier[C]) Wrap(next http.Handler) http.Handler {
	return guard.Require[*Token[C]](v)(next)
}
