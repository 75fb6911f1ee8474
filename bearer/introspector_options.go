package bearer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard/internal/wiring"
)

// IntrospectorOptions holds what has a safe default. The zero value is the
// strictest.
type IntrospectorOptions struct {
	// Audience lists the accepted audiences: a token's aud must have one of them.
	// If empty, the server checks the audience, by the client that sends the
	// request.
	Audience []string
	// Resource is this server's metadata: where Audience is empty, it is the resource's
	// identifier.
	Resource *Metadata
	// Issuer is the iss that a token must have. If empty, any.
	Issuer string
	// Cache is how long the introspection of an active token is reused, at most
	// until its expiry, also if the clock is set back. A token that is revoked
	// meanwhile is accepted for that long. If 0, every request is introspected.
	Cache time.Duration
	// CacheSize is the capacity of the cache in tokens, each with the server's
	// response of at most 64 KiB. If 0, it is 4096.
	CacheSize int
	// Leeway is how far the server's clock may be ahead or behind, for exp and nbf:
	// at most 2 minutes. If 0, exp is exact. For nbf it is at least 5 seconds.
	Leeway time.Duration
	// Client sends the requests. Redirects are not followed: they would send the
	// token to another address. An introspection takes at most the Timeout of the
	// client, or 10 s if that is 0, and continues if the request is cancelled. If
	// nil, it is a new client.
	Client *http.Client
	// Authorize, if not nil, authenticates requests to the server in place of
	// the client's id and secret, for example by an access token.
	Authorize func(r *http.Request) error
	// TokenTypes are further words for an access token that needs no proof, in any
	// case, for servers with words of their own: token_type is absent or Bearer
	// (RFC 7662, section 2.2); typ and token_use are absent, Bearer, access,
	// access_token, JWT or at+jwt. Any other word is refused. Where a server marks
	// refresh tokens in none of these members, a client can use its refresh token
	// as an access token unless Audience refuses it.
	TokenTypes []string
	// InsecureHTTP allows an endpoint without TLS on hosts other than loopback.
	// It exposes the tokens and the client's secret to the network.
	InsecureHTTP bool
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// maxLeeway is that of package jwtauth. minEarly is the least leeway of nbf: many
// servers write their own time there.
const (
	maxLeeway = 2 * time.Minute
	minEarly  = 5 * time.Second
)

// check returns the mistakes in o.
func (o *IntrospectorOptions) check() (errs []error) {
	if o.Cache < 0 || o.CacheSize < 0 {
		errs = append(errs, errors.New("bearer: Cache and CacheSize must not be negative"))
	}
	if slices.Contains(o.Audience, "") {
		errs = append(errs, errors.New("bearer: an audience is empty"))
	}
	if o.Leeway < 0 || o.Leeway > maxLeeway {
		errs = append(errs, fmt.Errorf("bearer: Leeway %v is not within 0 and %v", o.Leeway, maxLeeway))
	}
	for _, typ := range o.TokenTypes {
		if typ == "" || among(notAccess, typ) {
			errs = append(errs, fmt.Errorf("bearer: TokenTypes has %q, which is no access token, or one that needs a proof", typ))
		}
	}
	if o.Client != nil {
		if err := wiring.TypedNil("bearer", "the Client's Transport", o.Client.Transport); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
