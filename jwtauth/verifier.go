package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/strictjson"
)

// A Verifier authenticates requests by a signed token in their Authorization
// field (RFC 6750, section 2.1). C is the type of the private claims: a struct,
// whose field names must match exactly, in case, too, or a map[string]any. For
// types with an UnmarshalJSON see [NewVerifier]. A Verifier never changes, and is
// safe for use by several goroutines.
type Verifier[C any] struct {
	opts      VerifierOptions
	issuers   []*issuerConfig
	payload   *strictjson.Shape // of all claims
	private   *strictjson.Shape // of the private claims
	crossSite *http.CrossOriginProtection
	cache     *cache[C] // nil without CacheSize
	scratches sync.Pool // of *scratch
	// If ofIssuer is true, tokens without jti and sid are accepted although there
	// is a Denylist.
	ofIssuer bool

	// Templates of what is returned: callers get clones.
	challenge    string
	invalid      *guard.Error
	insufficient *guard.Error // nil without Scopes
}

// NewVerifier verifies the tokens of one issuer, or with VerifierOptions.Trust of
// several; then keys may be nil. Its error lists every mistake.
//
// For the tokens of an [Issuer] of the same program, use Issuer.Verifier: a
// separate Verifier does not have the Issuer's Denylist, and requires a type
// claim only where VerifierOptions.Type is set.
//
// A token that cnf binds to its sender's key (RFC 7800), as DPoP and mutual TLS
// do, is not a bearer token. It is refused unless C is a struct with a cnf field:
// then the application must check it.
//
// An UnmarshalJSON of C, or of a type in it, receives its JSON text. If it calls
// json.Unmarshal, names match in any case: {"ROLE":"admin"} sets a field role. The
// text is still strict and has no member twice, and that of C has no registered
// claim and no name that differs from one in case only. The fields of such a type
// are not known, so a token with cnf is refused.
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
	v := &Verifier[C]{opts: o}
	if err := errors.Join(v.addIssuers(keys), v.setShapes()); err != nil {
		return nil, err
	}
	v.buildRefusals()
	if o.Cookie != "" {
		v.crossSite = http.NewCrossOriginProtection()
	}
	if o.CacheSize > 0 {
		v.cache = newCache[C](o.CacheSize)
	}
	return v, nil
}

func (v *Verifier[C]) addIssuers(keys KeySource) error {
	o := &v.opts
	list := o.Trust
	if keys != nil || len(list) == 0 {
		first := Trust{o.Issuer, keys, o.Audience, o.Types, o.InsecureAnyAudience}
		list = slices.Insert(slices.Clone(list), 0, first)
	}
	var errs []error
	if keys == nil && len(o.Trust) > 0 && (o.Issuer != "" || len(o.Audience) > 0 || len(o.Types) > 0 || o.InsecureAnyAudience) {
		errs = append(errs, errors.New("jwtauth: Issuer, Audience or Types without keys: each Trust has its issuer, audience and types"))
	}
	seen := map[string]bool{}
	for i, t := range list {
		c, err := newIssuerConfig(t, o.Type)
		errs = append(errs, err)
		if len(list) > 1 && c.issuer == "" {
			errs = append(errs, fmt.Errorf("jwtauth: of several issuers, number %d has no name", i+1))
		} else if seen[c.issuer] {
			errs = append(errs, fmt.Errorf("jwtauth: of several issuers, number %d has the name of another", i+1))
		}
		seen[c.issuer] = true
		v.issuers = append(v.issuers, c)
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
	var errs []error
	for _, name := range names {
		if v.private.Matches(name) {
			errs = append(errs, fmt.Errorf("jwtauth: %v defines %q, which is not a private claim", t, name))
		}
	}
	v.payload = v.private.With(append(names, "scope", "scp")...)
	return errors.Join(errs...)
}

// registered returns the names that a C may not define.
func (v *Verifier[C]) registered() []string {
	if v.opts.Type != "" {
		return append(slices.Clone(registered), "type")
	}
	return slices.Clone(registered)
}

// buildRefusals ignores errors of challenges, which VerifierOptions.check reports.
func (v *Verifier[C]) buildRefusals() {
	v.challenge, _ = v.opts.challenge()
	invalid, _ := v.opts.challenge("error", "invalid_token")
	v.invalid = &guard.Error{Status: http.StatusUnauthorized, Challenges: []string{invalid}}
	if scopes := v.opts.Scopes; len(scopes) > 0 {
		v.insufficient = refusal.InsufficientScope("Insufficient scope", []string{v.challenge}, scopes, errors.New("jwtauth: the token lacks a scope"))
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
	unknown.Dead = true
	s := guard.Scheme{Challenge: v.challenge, Missing: v.opts.Missing, Unknown: unknown}
	if v.opts.Cookie != "" {
		s.Vary = []string{"Authorization", "Cookie"}
		s.Ambient = field.ClearCookie(v.opts.Cookie)
	}
	return s
}

// Wrap is guard.Require of the Verifier.
func (v *Verifier[C]) Wrap(next http.Handler) http.Handler {
	return guard.Require[*Token[C]](v)(next)
}
