package jwtauth

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/strictjson"
)

// A Verifier authenticates requests by a signed token in their Authorization
// field (RFC 6750, section 2.1). C is the type of the private claims: a struct,
// whose fields' names must match exactly, case included, or a map[string]any.
// Where C or a type in it has an UnmarshalJSON, names are its own matter: see
// [NewVerifier]. A Verifier never changes, and is safe for use by several
// goroutines.
type Verifier[C any] struct {
	opts       Options
	issuers    []*issuerConfig
	shape      *strictjson.Shape // of a payload
	private    *strictjson.Shape // of its private claims
	challenge  string
	refused    string // the challenge with error="invalid_token"
	missing    error
	scopeless  error
	refusals   map[*reason]error
	crossSite  *http.CrossOriginProtection
	remembered *cache[C] // nil where none is
	works      sync.Pool // of *work
	own        bool      // whether the tokens are those of an Issuer
}

// NewVerifier verifies the tokens of one issuer, or with Options.Trust of
// several; then keys may be nil. Its error lists every mistake.
//
// For the tokens of an [Issuer] of the same program, take Issuer.Verifier: one
// that is built apart from it knows nothing of its Denylist, and asks for no
// type claim but where Options.Type is "access".
//
// A token that cnf binds to its sender's key (RFC 7800), as DPoP and mutual TLS
// do, is no bearer token, and is refused unless C is a struct with that member:
// then the application checks it.
//
// An UnmarshalJSON of C, or of a type in it, is given its JSON as it stands, and
// matches names as it likes: json.Unmarshal in it takes {"ROLE":"admin"} for a
// field role. What holds there, too, is that the JSON is strict and no member
// stands twice, and C's sees no registered claim, nor a name that differs from
// one in case only. Its fields are not seen, so cnf is refused.
func NewVerifier[C any](keys KeySource, opts *Options) (*Verifier[C], error) {
	o, err := opts.withDefaults()
	errs := []error{err}
	if o.Lifetime != 0 {
		errs = append(errs, errors.New("jwtauth: a Verifier has no Lifetime"))
	}
	if len(o.Previous) > 0 {
		errs = append(errs, errors.New("jwtauth: a Verifier has no Previous keys: see Keys"))
	}
	v, err := newVerifier[C](keys, &o)
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return v, nil
}

func newVerifier[C any](keys KeySource, o *Options) (*Verifier[C], error) {
	v := &Verifier[C]{opts: *o, refusals: map[*reason]error{}}
	if err := errors.Join(v.trust(keys), v.reflect()); err != nil {
		return nil, err
	}
	v.prepare()
	if o.CacheSize > 0 {
		v.remembered = newCache[C](o.CacheSize)
	}
	return v, nil
}

// trust adds the issuers.
func (v *Verifier[C]) trust(keys KeySource) error {
	o := &v.opts
	list := o.Trust
	if keys != nil || len(list) == 0 {
		first := Trust{o.Issuer, keys, o.Audience, o.Types, o.InsecureAnyAudience}
		list = slices.Insert(slices.Clone(list), 0, first)
	}
	var errs []error
	if keys == nil && len(o.Trust) > 0 && (o.Issuer != "" || len(o.Audience) > 0 || len(o.Types) > 0 || o.InsecureAnyAudience) {
		errs = append(errs, errors.New("jwtauth: Issuer, Audience or Types without keys of their own: each Trust has its own"))
	}
	seen := map[string]bool{}
	for i, t := range list {
		c, err := newIssuerConfig(t, o.Type)
		errs = append(errs, err)
		if len(list) > 1 && c.issuer == "" {
			errs = append(errs, fmt.Errorf("jwtauth: of several issuers, number %d has no name", i+1))
		} else if seen[c.issuer] {
			errs = append(errs, fmt.Errorf("jwtauth: of several issuers, number %d stands twice", i+1))
		}
		seen[c.issuer] = true
		v.issuers = append(v.issuers, c)
	}
	return errors.Join(errs...)
}

// reflect learns the names that encoding/json looks for in a C.
func (v *Verifier[C]) reflect() error {
	t := reflect.TypeFor[C]()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct && t != reflect.TypeFor[map[string]any]() {
		return fmt.Errorf("jwtauth: claims are a struct or a map[string]any, not %v", t)
	}
	own := v.registered()
	v.private = strictjson.ShapeOf(t)
	var errs []error
	for _, name := range own {
		if v.private.Matches(name) {
			errs = append(errs, fmt.Errorf("jwtauth: %v defines %q, which is not a private claim", t, name))
		}
	}
	v.shape = v.private.With(append(own, "scope", "scp")...)
	return errors.Join(errs...)
}

// registered is the names that a C may not define.
func (v *Verifier[C]) registered() []string {
	if v.opts.Type != "" {
		return append(slices.Clone(registered), "type")
	}
	return slices.Clone(registered)
}

// prepare builds what most refused requests get, so that they cost little.
// Options.check has seen that the challenges can be written.
func (v *Verifier[C]) prepare() {
	o := &v.opts
	v.challenge, _ = o.challenge()
	v.refused, _ = o.challenge("error", "invalid_token")
	v.missing = &guard.Error{Status: http.StatusUnauthorized, Message: o.Missing, Err: guard.ErrNoCredentials}
	for _, r := range commonRefusals {
		v.refusals[r] = v.refuse(r)
	}
	if len(o.Scopes) > 0 {
		v.scopeless, _ = insufficient(o)
	}
	if o.Cookie != "" {
		v.crossSite = http.NewCrossOriginProtection()
	}
}
