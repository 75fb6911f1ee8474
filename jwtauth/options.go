package jwtauth

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// VerifierOptions holds what has a safe default for a [Verifier]. The zero value
// is the strictest.
type VerifierOptions struct {
	// Issuer is the iss that tokens must have. If empty, tokens with an iss
	// are refused; with Discover, it is the discovered one. RemoteKeys needs
	// it.
	Issuer string
	// Audience lists the accepted audiences: a token's aud must have at least
	// one of them. If empty, tokens with an aud are refused (RFC 7519, section
	// 4.1.3). RemoteKeys and Discover need it.
	Audience []string
	// InsecureAnyAudience ignores aud. Tokens that the authorization server
	// issued for another service are then accepted, and the operators of that
	// service can act as its users here.
	InsecureAnyAudience bool
	// Trust lists further issuers, each with its keys. The iss of a token
	// only selects one of them. Each issuer names its subjects independently
	// (RFC 7519, section 4.1.2): find users by guard.Map and both Token.Issuer
	// and Sub. With guard.BySubject, each issuer could name any user of the
	// others.
	Trust []Trust

	// Types lists the accepted header types (typ); "" accepts a token without
	// one. If empty, it is "JWT", "at+jwt" and "". To accept only the access
	// tokens of RFC 9068, set it to "at+jwt". It is not the claim "type": see
	// Type.
	Types []string
	// Type is the "type" claim that tokens must have. If empty, any value is
	// accepted. It is not the header's typ: see Types.
	Type string
	// Scopes lists the scopes that every token must grant; others are refused
	// with 403. For the scopes of single routes see package bearer.
	Scopes []string
	// Leeway is how far clocks may differ, at most MaxLeeway.
	Leeway time.Duration
	// MaxTokenBytes bounds the length of a token. If 0, it is 8192; it is at
	// most 65536.
	MaxTokenBytes int

	// Denylist is queried for the jti and sid of every token. If nil, no token
	// is denied. With a Denylist, tokens without either ID are refused, 401,
	// since they could not be denied.
	Denylist Denylist
	// CacheSize is how many verified tokens are cached to skip the check of
	// their signature. If 0, none is. Expiry, denylist, scopes and keys are
	// still checked each time. An entry takes the memory of its token and its
	// claims. It is at most 1048576.
	CacheSize int
	// CacheTTL bounds how long a token is cached. If 0, it is a minute; it is
	// at most a day.
	CacheTTL time.Duration

	// Cookie names a cookie that may hold the token in place of the
	// Authorization header. Cross-site requests with an unsafe method or that
	// open a WebSocket are then refused. A request with both is 400. If the
	// cookie's token is expired, revoked or invalid, guard.Optional treats the
	// request as anonymous, and navigations clear the cookie: with path / and
	// without a domain. One that was set with another path or domain is not
	// cleared. A token that is not yet valid is 401 and stays in the cookie. So
	// does one that no key of [RemoteKeys] or [Discover] verifies: its key may be
	// new.
	Cookie string
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// ResourceMetadata is the resource_metadata URL in the challenge (RFC 9728,
	// section 5.1).
	ResourceMetadata string
	// Missing is the message of a refusal without a token. If empty, it is
	// "JWT token required".
	Missing string

	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// IssuerOptions holds what has a safe default for an [Issuer] and its Verifier.
type IssuerOptions struct {
	// Issuer is the iss of the tokens. If empty, they have none.
	Issuer string
	// Audience is the aud of the tokens. If empty, they have none.
	Audience []string
	// Types lists the header types (typ) that the Verifier accepts; the first
	// one is written. If empty, it is "JWT", "at+jwt" and "".
	Types []string
	// Type is the "type" claim of the tokens. If empty, it is "access".
	Type string
	// Lifetime is how long a token is valid: a second to 366 days. If 0, it is
	// 15 minutes.
	Lifetime time.Duration
	// Previous lists keys that no longer sign, or do not sign yet. Their tokens
	// are accepted, and the JWKS contains them.
	Previous []Key

	// Denylist is queried for the jti and sid of every token. If nil, it is a
	// [Memory], which other processes do not share. Tokens without either ID
	// are accepted: those of the Issuer have a jti.
	Denylist Denylist

	// The fields below are as in VerifierOptions.

	Scopes           []string
	Leeway           time.Duration
	MaxTokenBytes    int // bounds what Issue returns, too
	CacheSize        int
	CacheTTL         time.Duration
	Cookie           string
	Realm            string
	ResourceMetadata string
	Missing          string
	Now              func() time.Time
}

// Trust is one further issuer of a [Verifier].
type Trust struct {
	// Issuer is the iss of its tokens. With Discover it may be empty.
	Issuer string
	// Keys verify its tokens.
	Keys KeySource
	// Audience and Types are as in VerifierOptions.
	Audience []string
	Types    []string
	// InsecureAnyAudience is as in VerifierOptions.
	InsecureAnyAudience bool
}

// Bounds of the options.
const (
	// MaxLeeway is the maximum of Leeway. A token must be denied for this long
	// after its expiry.
	MaxLeeway = 2 * time.Minute

	defaultMaxBytes = 8192
	maxMaxBytes     = 64 << 10
	maxCacheSize    = 1 << 20
	maxCacheTTL     = 24 * time.Hour
	maxLifetime     = 366 * 24 * time.Hour
)

// withDefaults returns a complete copy of o. The error lists its mistakes.
func (o *VerifierOptions) withDefaults() (VerifierOptions, error) {
	var c VerifierOptions
	if o != nil {
		c = *o
	}
	c.Audience, c.Types, c.Scopes = slices.Clone(c.Audience), slices.Clone(c.Types), slices.Clone(c.Scopes)
	c.Trust = slices.Clone(c.Trust)
	if c.MaxTokenBytes == 0 {
		c.MaxTokenBytes = defaultMaxBytes
	}
	if c.CacheTTL == 0 {
		c.CacheTTL = time.Minute
	}
	if c.Missing == "" {
		c.Missing = "JWT token required"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, c.check()
}

func (o *VerifierOptions) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("jwtauth: "+format, args...)) }
	if o.Leeway < 0 || o.Leeway > MaxLeeway {
		bad("Leeway %v is not within 0 and %v", o.Leeway, MaxLeeway)
	}
	if o.MaxTokenBytes < 0 || o.MaxTokenBytes > maxMaxBytes {
		bad("MaxTokenBytes %d is not within 0 and %d", o.MaxTokenBytes, maxMaxBytes)
	}
	if o.CacheSize < 0 || o.CacheSize > maxCacheSize {
		bad("CacheSize %d is not within 0 and %d", o.CacheSize, maxCacheSize)
	}
	if o.CacheTTL < 0 || o.CacheTTL > maxCacheTTL {
		bad("CacheTTL %v is not within 0 and %v", o.CacheTTL, maxCacheTTL)
	}
	if o.Cookie != "" && !field.IsToken(o.Cookie) {
		bad("Cookie %q is not a cookie name", o.Cookie)
	}
	for _, s := range o.Scopes {
		if !field.IsScope(s) {
			bad("scope %q is not a scope-token (RFC 6749, section 3.3)", s)
		}
	}
	for _, param := range [...][2]string{{"realm", o.Realm}, {"resource_metadata", o.ResourceMetadata}} {
		if _, err := guard.Challenge("Bearer", param[:]...); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// challenge returns the one of RFC 6750, section 3, with further parameters.
func (o *VerifierOptions) challenge(params ...string) (string, error) {
	return guard.Challenge("Bearer", append([]string{"realm", o.Realm, "resource_metadata", o.ResourceMetadata}, params...)...)
}

// withDefaults returns a complete copy of o, and the complete options of the
// Issuer's Verifier. The error lists the mistakes of both.
func (o *IssuerOptions) withDefaults() (IssuerOptions, VerifierOptions, error) {
	var c IssuerOptions
	if o != nil {
		c = *o
	}
	var errs []error
	c.Audience, c.Previous = slices.Clone(c.Audience), slices.Clone(c.Previous)
	if c.Type == "" {
		c.Type = "access"
	}
	switch {
	case c.Lifetime == 0:
		c.Lifetime = 15 * time.Minute
	case c.Lifetime < time.Second || c.Lifetime > maxLifetime:
		errs = append(errs, fmt.Errorf("jwtauth: Lifetime %v is not within a second and 366 days", c.Lifetime))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Denylist == nil {
		list, err := NewMemory(&MemoryOptions{Now: c.Now})
		c.Denylist, errs = list, append(errs, err)
	}
	v, err := (&VerifierOptions{
		Issuer: c.Issuer, Audience: c.Audience, Types: c.Types, Type: c.Type, Scopes: c.Scopes, Leeway: c.Leeway,
		MaxTokenBytes: c.MaxTokenBytes, Denylist: c.Denylist, CacheSize: c.CacheSize, CacheTTL: c.CacheTTL,
		Cookie: c.Cookie, Realm: c.Realm, ResourceMetadata: c.ResourceMetadata, Missing: c.Missing, Now: c.Now,
	}).withDefaults()
	return c, v, errors.Join(append(errs, err)...)
}
