package jwtauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/source"
)

// VerifierOptions holds what has a safe default for a [Verifier]. The zero value
// is the strictest.
type VerifierOptions struct {
	// Issuer is the iss that tokens must have. If empty, tokens with an iss
	// are refused; with Discover, it is the discovered one. RemoteKeys,
	// LoadKeys and JWKS need it.
	Issuer string
	// Audience lists the accepted audiences: a token's aud must have at least
	// one of them. If empty, tokens with an aud are refused (RFC 7519, section
	// 4.1.3). RemoteKeys, Discover, LoadKeys and JWKS need it.
	Audience []string
	// InsecureAnyAudience ignores aud. Tokens that the authorization server
	// issued for another service are then accepted, and the operators of that
	// service can act as its users here.
	InsecureAnyAudience bool
	// Types lists the accepted header types (typ); "" accepts a token without
	// one. If empty, it is "JWT", "at+jwt" and "". To accept only the access
	// tokens of RFC 9068, set it to "at+jwt". It is not the claim "type": see
	// Type.
	Types []string
	// Algorithms lists the values of alg that tokens may have. If empty, they are
	// those of the keys: a [Key] has one; a key of a set has that of its alg, or
	// without it every one of its kty. None is symmetric there.
	Algorithms []string
	// Type is the "type" claim that tokens must have. If empty, any value is
	// accepted. It is not the header's typ: see Types.
	Type string
	// Leeway is how far clocks may differ, at most MaxLeeway. It is added to exp,
	// which is exact if it is 0, and to MaxAge. nbf has at least 5 seconds.
	Leeway time.Duration
	// MaxAge is the maximum age of a token by its iat, which is then required and
	// not in the future, as with nbf. If 0, iat refuses no token (RFC 7519, section
	// 4.1.6).
	MaxAge time.Duration
	// Require lists further claims that tokens must have. A claim that is null or ""
	// is missing. A value other than "" is the one string that the claim may be:
	// {"tid": "a-tenant", "jti": ""} requires one tenant, and any ID. There are at most 64.
	Require map[string]string
	// Denylist is queried for the jti and sid of every token. If nil, no token
	// is denied. With a Denylist, tokens with neither ID are refused, 401,
	// since they could not be denied.
	Denylist Denylist

	// Subject returns the subject of a verified token without sub, such as one of
	// client credentials, from all of its claims, whose numbers are of type
	// json.Number. It begins with a namespace that no sub begins with: "client:" and
	// the client_id. If it is empty, or ends with the namespace, the token is refused;
	// without a namespace it is our failure, 500. If Subject is nil, tokens without
	// sub are refused. A token with an empty sub always is.
	Subject func(claims map[string]any) string
	// Prefix precedes the subjects of the issuer in Token.Sub, so that those of
	// several issuers differ: letters, digits, "-", "_" or "." and a colon, such as
	// "idp:". A token of an issuer without a Prefix is refused if its subject begins
	// with that of another.
	Prefix string
	// ScopesLimit limits what a request may do to the scopes of its token, as
	// guard.ScopeLimits has them: package rbac grants no permission that they do not
	// cover. If false, the scopes limit only gates that name them (bearer.Scopes).
	ScopesLimit bool

	// Trust lists further issuers, each with its keys and settings: the fields
	// above are those of the issuer of NewVerifier's keys, and hold for its tokens
	// alone. The iss of a token only selects one of them. Each issuer names its
	// subjects independently (RFC 7519, section 4.1.2; RFC 9068, section 5): all but
	// the first need a Prefix or InsecureSameSubjects.
	Trust []Trust
	// TrustFunc finds issuers at run time, such as those in a table of tenants. It is
	// called with the iss of a token that anyone may have written, if that is an https
	// URL of at most 512 bytes without credentials, query and fragment, and is in no
	// other option: look it up, and never fetch it. found is false where the issuer is
	// not trusted. The Trust needs that Issuer, an Audience, and InsecureSameSubjects or a
	// Prefix that no other one has: that of an issuer that gave it up is free after five
	// minutes. Its Keys may be made anew at each call: Discover and RemoteKeys of the same
	// URL keep the keys that were fetched. LoadKeys is made once, since each loads by itself.
	//
	// An answer is used for a minute, and for five while TrustFunc fails or is busy; a
	// cached token for a minute more. An error, or an unusable Trust, is 503.
	// Concurrent calls for one issuer are one, which has 5 seconds; at most 16 run at
	// once, half of them for issuers that were found before, and further tokens of
	// issuers without an answer are 503. 10,000 issuers are remembered, and as many
	// others that are not trusted. A token of an issuer of Trust without a Prefix is
	// refused if its subject begins with what could be one.
	TrustFunc func(ctx context.Context, iss string) (t Trust, found bool, err error)

	// The fields below hold for the tokens of every issuer.

	// Bound checks that the sender of a token has the key that its claim cnf names, at
	// each request, and decides about tokens without that claim: see package dpop. If nil,
	// a token with cnf is refused: see [NewVerifier].
	Bound guard.Binding
	// Scopes lists the scopes that every token must grant; others are refused
	// with 403. For the scopes of single routes see package bearer.
	Scopes []string
	// MaxTokenBytes bounds the length of a token. If 0, it is 8192; it is at
	// most 65536. It also bounds the members of a payload, nested ones included: 512,
	// or one for each 16 bytes where that is more.
	MaxTokenBytes int

	// CacheSize is how many verified tokens are cached to skip the check of
	// their signature. If 0, none is. Expiry, denylist, scopes and keys are
	// still checked each time. An entry takes the memory of its token and its
	// claims. It is at most 1048576.
	CacheSize int
	// CacheTTL bounds how long a token is cached. If 0, it is a minute; it is
	// at most a day.
	CacheTTL time.Duration

	// Sources are where a token may be. A request must have one token in all of them
	// together. If empty, it is source.Authorization("Bearer"), and before it the scheme of
	// Bound, such as "DPoP". In a source.Cookie, a
	// token that is not valid yet stays, and is 401. So is one that no key of
	// [RemoteKeys], [Discover] or [LoadKeys] verifies, until newer keys were fetched for
	// it, and one of an issuer of TrustFunc that no key verifies: its key may be new.
	Sources []source.Source
	// TrustedOrigins may send unsafe requests with the token in a source.Cookie or
	// ProxyHeader, each written as "https://app.example.com". If empty, only this
	// origin may.
	TrustedOrigins []string
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// ResourceMetadata is the resource_metadata URL in the challenge (RFC 9728,
	// section 5.1). If empty, none is sent.
	ResourceMetadata string
	// ChallengeScopes are the scopes that a client should ask for when it has no valid
	// token: the scope of the challenge of a 401 (RFC 6750, section 3). They are not
	// required. If empty, they are Scopes.
	ChallengeScopes []string
	// Resource is this server's metadata, a *bearer.Metadata: its identifier is the
	// Audience of NewVerifier's keys and of each Trust, its URL the ResourceMetadata, and
	// its scopes are the ChallengeScopes, each where that field is empty.
	Resource Resource
	// Missing is the message of a refusal without a token. If empty, it is
	// "JWT token required".
	Missing string

	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// A Resource is the metadata of a protected resource (RFC 9728), as a
// *bearer.Metadata is.
type Resource interface {
	Resource() string          // the identifier of the resource
	URL() string               // the address of the metadata
	ScopesSupported() []string // may be empty
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
	// are accepted, and the JWKS contains them. SetKeys replaces them.
	Previous []Key

	// Denylist is queried for the jti and sid of every token. If nil, it is a
	// [Memory], which other processes do not share. Tokens with neither ID
	// are accepted: those of the Issuer have a jti.
	Denylist Denylist

	// Scopes and the fields below are as in [VerifierOptions].
	Scopes           []string
	ScopesLimit      bool
	Bound            guard.Binding
	Leeway           time.Duration
	MaxTokenBytes    int // bounds what Issue returns, too
	CacheSize        int
	CacheTTL         time.Duration
	Sources          []source.Source
	TrustedOrigins   []string
	Realm            string
	ResourceMetadata string
	ChallengeScopes  []string
	Missing          string
	Now              func() time.Time
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
	c.Scopes, c.Trust = slices.Clone(c.Scopes), slices.Clone(c.Trust)
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
	if err := wiring.TypedNil("jwtauth", "Resource", c.Resource); err != nil {
		c.Resource = nil // New reports it
		return c, errors.Join(err, c.check())
	}
	if c.Resource != nil {
		c.ResourceMetadata = cmp.Or(c.ResourceMetadata, c.Resource.URL())
		if len(c.ChallengeScopes) == 0 {
			c.ChallengeScopes = c.Resource.ScopesSupported()
		}
	}
	err := c.check()
	if len(c.ChallengeScopes) == 0 {
		c.ChallengeScopes = c.Scopes
	}
	return c, err
}

func (o *VerifierOptions) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("jwtauth: "+format, args...)) }
	if o.MaxTokenBytes < 0 || o.MaxTokenBytes > maxMaxBytes {
		bad("MaxTokenBytes %d is not within 0 and %d", o.MaxTokenBytes, maxMaxBytes)
	}
	if o.CacheSize < 0 || o.CacheSize > maxCacheSize {
		bad("CacheSize %d is not within 0 and %d", o.CacheSize, maxCacheSize)
	}
	if o.CacheTTL < 0 || o.CacheTTL > maxCacheTTL {
		bad("CacheTTL %v is not within 0 and %v", o.CacheTTL, maxCacheTTL)
	}
	for _, s := range slices.Concat(o.Scopes, o.ChallengeScopes) {
		if err := field.CheckScope(s); err != nil {
			bad("%w", err)
		}
	}
	for _, param := range [...][2]string{{"realm", o.Realm}, {"resource_metadata", o.ResourceMetadata}} {
		if _, err := guard.Challenge("Bearer", param[:]...); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
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
		Issuer: c.Issuer, Audience: c.Audience, Types: c.Types, Type: c.Type, Scopes: c.Scopes, ScopesLimit: c.ScopesLimit, Leeway: c.Leeway,
		MaxTokenBytes: c.MaxTokenBytes, Denylist: c.Denylist, CacheSize: c.CacheSize, CacheTTL: c.CacheTTL,
		Bound: c.Bound, Sources: c.Sources, TrustedOrigins: c.TrustedOrigins, Realm: c.Realm, ResourceMetadata: c.ResourceMetadata, ChallengeScopes: c.ChallengeScopes, Missing: c.Missing, Now: c.Now,
	}).withDefaults()
	return c, v, errors.Join(append(errs, err)...)
}
