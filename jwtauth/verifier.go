package jwtauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/credential"
)

// A Verifier authenticates requests by a signed token in their Authorization
// field (RFC 6750, section 2.1). C is the type of the private claims: a struct,
// whose fields' names must match exactly, case included, or a map[string]any.
type Verifier[C any] struct {
	opts       Options
	trusted    []*trusted
	shape      *shape            // of a payload
	private    map[string]*shape // the names of private claims; nil for all
	challenge  string
	refused    string // the challenge with error="invalid_token"
	missing    error
	scopeless  error
	refusals   map[*refusal]error
	crossSite  *http.CrossOriginProtection
	remembered *cache[C] // nil where none is
	own        bool      // whether the tokens are those of an Issuer
}

// NewVerifier verifies the tokens of one issuer, or with Options.Trust of
// several; then keys may be nil. Its error lists every mistake.
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
	return v, errors.Join(append(errs, err)...)
}

func newVerifier[C any](keys KeySource, o *Options) (*Verifier[C], error) {
	v := &Verifier[C]{opts: *o, refusals: map[*refusal]error{}}
	err := errors.Join(v.trust(keys), v.reflect(), v.prepare())
	if err != nil {
		return nil, err
	}
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
	seen := map[string]bool{}
	for i, t := range list {
		c, err := newTrusted(t, o.Type)
		errs = append(errs, err)
		if err != nil {
			continue
		}
		if len(list) > 1 && c.issuer == "" {
			errs = append(errs, fmt.Errorf("jwtauth: of several issuers, number %d has no name", i+1))
		} else if seen[c.issuer] {
			errs = append(errs, fmt.Errorf("jwtauth: the issuer %q stands twice", c.issuer))
		}
		seen[c.issuer] = true
		v.trusted = append(v.trusted, c)
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
	sh := shapeOf(t, map[reflect.Type]*shape{})
	for _, name := range own {
		if sh != nil && sh.folded[string(fold(nil, []byte(name)))] {
			return fmt.Errorf("jwtauth: %v defines %q, which is not a private claim", t, name)
		}
	}
	if sh != nil {
		v.private = sh.fields
	}
	v.shape = sh.and(append(own, "scope", "scp")...)
	return nil
}

// registered is the names that a C may not define.
func (v *Verifier[C]) registered() []string {
	if v.opts.Type != "" {
		return append(slices.Clone(registered), "type")
	}
	return slices.Clone(registered)
}

// prepare builds what most refused requests get, so that they cost little.
func (v *Verifier[C]) prepare() error {
	o := &v.opts
	var err error
	if v.challenge, err = o.challenge(); err != nil {
		return err
	}
	if v.refused, err = o.challenge("error", "invalid_token"); err != nil {
		return err
	}
	v.missing = &guard.Error{Status: http.StatusUnauthorized, Message: o.Missing, Err: guard.ErrNoCredentials}
	for _, r := range commonRefusals {
		v.refusals[r] = v.refuse(r)
	}
	if len(o.Scopes) > 0 {
		v.scopeless, err = insufficient(o)
	}
	if o.Cookie != "" {
		v.crossSite = http.NewCrossOriginProtection()
	}
	return err
}

// Authenticate implements guard.Authenticator.
func (v *Verifier[C]) Authenticate(r *http.Request) (*Token[C], error) {
	token, state := credential.Authorization(r.Header, "Bearer", v.opts.MaxTokenBytes)
	if v.crossSite != nil {
		var err error
		if token, state, err = v.withCookie(r, token, state); err != nil {
			return nil, err
		}
	}
	switch state {
	case credential.Absent:
		return nil, v.missing
	case credential.Repeated:
		return nil, credential.ErrRepeated
	case credential.Malformed:
		return nil, v.refuse(errMalformed)
	}
	return v.Verify(r.Context(), token)
}

// withCookie looks for the token in the cookie, too.
func (v *Verifier[C]) withCookie(r *http.Request, token string, s credential.State) (string, credential.State, error) {
	cookies := r.CookiesNamed(v.opts.Cookie)
	switch {
	case len(cookies) == 0:
		return token, s, nil
	case len(cookies) > 1 || s != credential.Absent:
		return "", credential.Repeated, nil
	}
	if err := v.crossSite.Check(r); err != nil {
		return "", s, &guard.Error{Status: http.StatusForbidden, Message: "Cross-site request refused", Err: err}
	}
	return cookies[0].Value, credential.Present, nil
}

// Verify is Authenticate for a token that came by other means, such as the
// first message of a WebSocket. Its errors are those of Authenticate.
func (v *Verifier[C]) Verify(ctx context.Context, token string) (*Token[C], error) {
	t, err := v.verify(ctx, token)
	if r, ok := err.(*refusal); ok {
		return nil, v.refuse(r)
	}
	return t, err
}

// refuse is the answer that was prepared for a reason.
func (v *Verifier[C]) refuse(r *refusal) error {
	if e, ok := v.refusals[r]; ok {
		return e
	}
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: "invalid_token", Message: r.message,
		Challenges: []string{v.refused}, Err: r,
	}
}

func (v *Verifier[C]) verify(ctx context.Context, token string) (*Token[C], error) {
	if len(token) > v.opts.MaxTokenBytes {
		return nil, errTooLong
	}
	var t *Token[C]
	var err error
	k := clock{v.opts.Now(), v.opts.Leeway}
	if v.remembered == nil {
		t, _, err = v.parse(ctx, token, k)
	} else {
		t, err = v.cached(ctx, token, k)
	}
	if err != nil {
		return nil, err
	}
	for _, s := range v.opts.Scopes {
		if !slices.Contains(t.scopes, s) {
			return nil, v.scopeless
		}
	}
	if len(t.deniable) > 0 {
		denied, err := v.opts.Denylist.Denied(ctx, t.deniable...)
		if err != nil {
			return nil, guard.Unavailable(err)
		}
		if denied {
			return nil, errDenied
		}
	}
	return t, nil
}

// origin is where the key of a verified token is from.
type origin struct {
	keys source
	set  *keySet
}

// work is what reading one token needs, in one allocation.
type work struct {
	scanner scanner
	header  header
	claims  claims
}

// parse is what the token says, if its signature and claims are right.
func (v *Verifier[C]) parse(ctx context.Context, token string, k clock) (*Token[C], origin, error) {
	var parts compact
	if bad := parts.split(token); bad != nil {
		return nil, origin{}, bad
	}
	w := new(work)
	if bad := w.header.parse(&w.scanner, parts.header); bad != nil {
		return nil, origin{}, bad
	}
	issuer := v.trusted[0]
	if len(v.trusted) > 1 {
		var bad *refusal
		if issuer, bad = v.selectIssuer(w, parts.payload); bad != nil {
			return nil, origin{}, bad
		}
	}
	set, err := issuer.verify(ctx, &w.header, &parts)
	if err != nil {
		return nil, origin{}, err
	}
	t, bad := v.read(w, &parts, issuer, k)
	if bad != nil {
		return nil, origin{}, bad
	}
	return t, origin{issuer.keys, set}, nil
}

// selectIssuer reads the iss of a payload that is not verified yet. It says
// nothing but whose keys are to verify it.
func (v *Verifier[C]) selectIssuer(w *work, payload []byte) (*trusted, *refusal) {
	c := claims{typed: v.opts.Type != ""}
	if err := w.scanner.read(payload, v.shape, &c); err != nil {
		return nil, err
	}
	if !c.hasIss {
		return nil, errNoIssuer
	}
	for _, t := range v.trusted {
		if t.issuer == string(c.iss) {
			return t, nil
		}
	}
	return nil, errIssuer
}

// read is the claims of a verified payload.
func (v *Verifier[C]) read(w *work, parts *compact, issuer *trusted, k clock) (*Token[C], *refusal) {
	c := &w.claims
	c.typed, c.wanted, c.private = v.opts.Type != "", v.private, append(parts.spare, '{')
	if err := w.scanner.read(parts.payload, v.shape, c); err != nil {
		return nil, err
	}
	if err := c.check(issuer, k); err != nil {
		return nil, err
	}
	t := &Token[C]{
		Issuer: issuer.issuer, Audience: issuer.audienceOf(c), ID: string(c.jti), SessionID: string(c.sid),
		IssuedAt: c.iat, ExpiresAt: c.exp, notBefore: c.nbf, subject: string(c.sub), scopes: c.scope,
	}
	if c.scope == nil {
		t.scopes = c.scp
	}
	if v.opts.Denylist != nil {
		// An Issuer's tokens have ids. One without was signed elsewhere, by whoever
		// has its key, and is theirs to take back.
		if t.deniable = t.ids(); len(t.deniable) == 0 && !v.own {
			return nil, errNoID
		}
	}
	if err := json.Unmarshal(append(c.private, '}'), &t.Claims); err != nil {
		return nil, errClaims
	}
	return t, nil
}
