package jwtauth

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Issuer is the iss that tokens must have, and that an Issuer writes. If
	// empty, tokens that name an issuer are refused; with Discover, it is the
	// one asked for. RemoteKeys needs it.
	Issuer string
	// Audience is what tokens may be meant for: one of it must be in their
	// aud, and an Issuer writes all. If empty, tokens that name an audience
	// are refused (RFC 7519, section 4.1.3). RemoteKeys and Discover need it.
	Audience []string
	// InsecureAnyAudience ignores aud. Tokens that the authorization server
	// issued for any other service are then accepted here too, and whoever
	// runs such a service can use its callers' tokens.
	InsecureAnyAudience bool
	// Trust is further issuers, each with keys of its own. The iss of a token
	// only selects among them. Each names its subjects as it likes (RFC 7519,
	// section 4.1.2): where they are strangers to one another, find users by
	// guard.Map and both Token.Issuer and Sub. By guard.BySubject, each could
	// name any user of the others.
	Trust []Trust

	// Types is the header types (typ) that are accepted, where "" stands for
	// none. If empty, it is "JWT", "at+jwt" and "". For the access tokens of
	// RFC 9068 alone, it is "at+jwt". The claim "type" is another: see Type.
	Types []string
	// Type is the "type" claim that tokens must have. An Issuer writes
	// "access", and Issuer.Verifier asks for it; a Verifier of its own asks
	// for none if it is empty. The header's typ is another: see Types.
	Type string
	// Scopes is what every token must grant; others are refused with 403. See
	// package bearer for scopes of single routes.
	Scopes []string
	// Leeway is how far clocks may differ, at most MaxLeeway.
	Leeway time.Duration
	// MaxTokenBytes bounds a token. If 0, it is 8192; it is at most 65536.
	MaxTokenBytes int

	// Denylist is asked about every token's jti and sid. If nil, a Verifier
	// has none, and an Issuer one in memory, of which other processes know
	// nothing. A Verifier with one of its own refuses tokens that have neither
	// id, 401: they could not be denied. Issuer.Verifier accepts them, as an
	// Issuer's own have a jti.
	Denylist Denylist
	// CacheSize is how many verified tokens are remembered, so that their
	// signature is not checked again. If 0, none is. Clock, denylist, scopes
	// and keys are looked at each time all the same. Each takes as much memory
	// as its token and its claims. It is at most 1048576.
	CacheSize int
	// CacheTTL bounds how long one is remembered. If 0, it is a minute; it is
	// at most a day.
	CacheTTL time.Duration

	// Cookie names a cookie that may hold the token in place of the
	// Authorization header. Requests that a browser sends from another site
	// with an unsafe method are then refused, and so is the opening of a
	// WebSocket. A request with both is 400.
	Cookie string
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// ResourceMetadata is the URL of RFC 9728, section 5.1, in the challenge.
	ResourceMetadata string
	// Missing is the message where there is no token. If empty, it is "JWT
	// token required".
	Missing string

	// Lifetime is how long the tokens of an Issuer live: a second to 366 days.
	// If 0, it is 15 minutes. A Verifier takes none.
	Lifetime time.Duration
	// Previous is keys of an Issuer that sign nothing any more, or not yet.
	// Their tokens are accepted, and its JWKS shows them. A Verifier takes
	// none.
	Previous []Key

	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// Trust is one further issuer of a [Verifier].
type Trust struct {
	// Issuer is the iss of its tokens. With Discover it may be empty.
	Issuer string
	// Keys is its keys.
	Keys KeySource
	// Audience and Types are as in Options.
	Audience []string
	Types    []string
	// InsecureAnyAudience is as in Options.
	InsecureAnyAudience bool
}

// Bounds of Options.
const (
	// MaxLeeway is the most that Options.Leeway may be. Who denies tokens
	// denies them for this long beyond their expiry.
	MaxLeeway = 2 * time.Minute

	defaultMaxBytes = 8192
	maxMaxBytes     = 64 << 10
	maxCacheSize    = 1 << 20
	maxCacheTTL     = 24 * time.Hour
)

// withDefaults is a copy of o that is complete, and what is wrong with it.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	c.Audience, c.Types, c.Scopes = slices.Clone(c.Audience), slices.Clone(c.Types), slices.Clone(c.Scopes)
	c.Trust, c.Previous = slices.Clone(c.Trust), slices.Clone(c.Previous)
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

func (o *Options) check() error {
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
		bad("Cookie %q is no cookie's name", o.Cookie)
	}
	for _, s := range o.Scopes {
		if !field.IsScope(s) {
			bad("scope %q is none (RFC 6749, section 3.3)", s)
		}
	}
	for _, param := range [...][2]string{{"realm", o.Realm}, {"resource_metadata", o.ResourceMetadata}} {
		if _, err := guard.Challenge("Bearer", param[:]...); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// challenge is the one of RFC 6750, section 3, with further parameters.
func (o *Options) challenge(params ...string) (string, error) {
	return guard.Challenge("Bearer", append([]string{"realm", o.Realm, "resource_metadata", o.ResourceMetadata}, params...)...)
}
