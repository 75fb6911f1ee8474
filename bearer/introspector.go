package bearer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard"
)

// IntrospectorOptions holds what has a safe default. The zero value is the
// strictest.
type IntrospectorOptions struct {
	// Audience lists the accepted audiences: a token's aud must have one of them.
	// If empty, the server checks the audience, by the client that sends the
	// request.
	Audience []string
	// Issuer is the iss that a token must have. If empty, any.
	Issuer string
	// Cache is how long the introspection of an active token is reused, at most
	// until its expiry. A token that is revoked meanwhile is accepted for that
	// long. If 0, every request is introspected.
	Cache time.Duration
	// CacheSize is the capacity of the cache in tokens, each with the server's
	// response of at most 64 KiB. If 0, it is 4096.
	CacheSize int
	// Client sends the requests. Redirects are not followed: they would send the
	// token to another address. If nil, it is a client with a timeout of 10 s.
	Client *http.Client
	// Authorize, if not nil, authenticates requests to the server in place of
	// the client's id and secret, for example by an access token.
	Authorize func(r *http.Request) error
	// InsecureAnyTokenType accepts tokens whose token_type is not Bearer. It is
	// for servers that omit token_type, which is optional. Many servers report
	// refresh tokens as active, too, and only token_type distinguishes them: a
	// client can then use its refresh token as an access token.
	InsecureAnyTokenType bool
	// InsecureHTTP allows an endpoint without TLS on hosts other than loopback.
	// It exposes the tokens and the client's secret to the network.
	InsecureHTTP bool
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// An Introspector has tokens verified by an authorization server (RFC 7662). Its
// Verify is for [New]. It is safe for use by several goroutines. A token that is
// not cached costs a request to the server, and unknown tokens are never cached:
// put a rate limit by address outside of it.
type Introspector struct {
	endpoint, id, secret string
	o                    IntrospectorOptions
	client               *http.Client
	cache                *cache  // nil: none
	flights              flights // used with a cache only
}

// NewIntrospector returns an Introspector for the server's introspection
// endpoint. It authenticates as the client with the given id and secret
// (client_secret_basic, RFC 6749, section 2.3.1).
func NewIntrospector(endpoint, clientID, clientSecret string, opts *IntrospectorOptions) (*Introspector, error) {
	var o IntrospectorOptions
	if opts != nil {
		o = *opts
	}
	o.Audience = slices.Clone(o.Audience)
	_, err := secureURL("introspection endpoint", endpoint, o.InsecureHTTP)
	errs := []error{err}
	if o.Authorize == nil && (clientID == "" || clientSecret == "") {
		// RFC 7662, section 2.1: an endpoint without authorization can be
		// scanned for tokens.
		errs = append(errs, errors.New("bearer: introspection needs a client id and secret, or Authorize"))
	}
	if o.Cache < 0 || o.CacheSize < 0 {
		errs = append(errs, errors.New("bearer: Cache and CacheSize must not be negative"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	in := &Introspector{endpoint: endpoint, id: clientID, secret: clientSecret, o: o}
	client := http.Client{Timeout: 10 * time.Second}
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	in.client = &client
	if o.Cache > 0 {
		if o.CacheSize == 0 {
			o.CacheSize = 4096
		}
		in.cache = newCache(o.CacheSize)
		in.flights.byDigest = map[digest]*flight{}
	}
	return in, nil
}

// Verify introspects a token. found is false where the server reports it as
// inactive. A token that is expired, for another audience or not a bearer token
// is a 401 with a code and the cause for Observe. Any failure to introspect is an outage
// (guard.Unavailable).
func (in *Introspector) Verify(ctx context.Context, token string) (_ *Introspection, found bool, err error) {
	i, err := in.introspect(ctx, token)
	if err != nil {
		return nil, false, guard.Unavailable(err)
	}
	if i == nil {
		return nil, false, nil
	}
	if bad := in.check(i); bad != nil {
		// Only a token that is not valid yet may be accepted later.
		return nil, false, &guard.Error{Status: http.StatusUnauthorized, Code: bad.code, Err: bad.cause, Dead: bad != tooEarly}
	}
	return i, true, nil
}

// introspect returns the introspection of a token from the cache or the server,
// nil for an inactive token.
func (in *Introspector) introspect(ctx context.Context, token string) (*Introspection, error) {
	if in.cache == nil {
		return in.request(ctx, token)
	}
	d := digest(sha256.Sum256([]byte(token)))
	now := in.o.Now() // before the request: the response may be as old as this
	if i, ok := in.cache.load(d, now); ok {
		return i, nil
	}
	return in.flights.do(ctx, d, func() (*Introspection, error) {
		i, err := in.request(ctx, token)
		if err == nil && i != nil && in.check(i) == nil {
			until := now.Add(in.o.Cache)
			if !i.ExpiresAt.IsZero() && i.ExpiresAt.Before(until) {
				until = i.ExpiresAt
			}
			in.cache.store(d, i, until)
		}
		return i, err
	})
}

// A reason is why an active token is refused: the code, and the cause for Observe.
type reason struct {
	code  string
	cause error
}

var (
	expired       = &reason{codeExpired, errors.New("bearer: the token has expired, though the server reports it as active")}
	tooEarly      = &reason{codeNotYetValid, errors.New("bearer: the token is not valid yet")}
	otherIssuer   = &reason{codeInvalidIssuer, errors.New("bearer: the token is of another issuer")}
	otherAudience = &reason{codeInvalidAudience, errors.New("bearer: the token is for another audience")}
	otherType     = &reason{codeInvalidType, errors.New("bearer: token_type is missing or not Bearer: not an access token, or one that needs a proof")}
	bound         = &reason{codeInvalid, errors.New("bearer: the token is bound to a key of its client (cnf)")}
)

// check returns why an active token is refused, nil if it is accepted.
func (in *Introspector) check(i *Introspection) *reason {
	now := in.o.Now()
	accepted := func(aud string) bool { return slices.Contains(in.o.Audience, aud) }
	switch {
	case !i.ExpiresAt.IsZero() && !now.Before(i.ExpiresAt):
		return expired
	case now.Before(i.NotBefore):
		return tooEarly
	case in.o.Issuer != "" && i.Issuer != in.o.Issuer:
		return otherIssuer
	case len(in.o.Audience) > 0 && !slices.ContainsFunc(i.Audience, accepted):
		return otherAudience
	case i.bound: // RFC 8705, section 3, RFC 9449, section 7: it needs a proof
		return bound
	case i.refresh, !in.o.InsecureAnyTokenType && !strings.EqualFold(i.TokenType, "Bearer"): // RFC 6749, section 7.1
		return otherType
	}
	return nil
}

// maxResponse bounds the body of the server's response, in bytes.
const maxResponse = 64 << 10

// request returns the server's introspection of a token, nil for an inactive one.
func (in *Introspector) request(ctx context.Context, token string) (*Introspection, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, in.endpoint, strings.NewReader(form))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if in.o.Authorize != nil {
		if err := in.o.Authorize(req); err != nil {
			return nil, fmt.Errorf("bearer: introspection: %w", err)
		}
	} else {
		// Form-encoded first: RFC 6749, section 2.3.1.
		req.SetBasicAuth(url.QueryEscape(in.id), url.QueryEscape(in.secret))
	}
	res, err := in.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("bearer: the introspection endpoint answered %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxResponse {
		return nil, errors.New("bearer: the introspection endpoint's response is too large")
	}
	i, err := parseIntrospection(body)
	if err != nil {
		return nil, fmt.Errorf("bearer: the introspection endpoint's response: %w", err)
	}
	return i, nil
}
