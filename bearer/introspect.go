package bearer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
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
	// Audience, if not empty, is whom a token must be for: its aud has one of
	// these. If empty, that is left to the server, which knows who asks.
	Audience []string
	// Issuer, if not empty, is the iss that a token must have.
	Issuer string
	// Cache is for how long an active token is not asked for again; never past
	// its expiry. A token revoked meanwhile is accepted for that long. If 0,
	// every request asks.
	Cache time.Duration
	// CacheSize is how many tokens are cached, each with the server's answer
	// of at most 64 KiB. If 0, it is 4096.
	CacheSize int
	// Client sends the requests; its redirects are not followed, since they
	// would carry the token elsewhere. If nil, one with a timeout of 10 s.
	Client *http.Client
	// Authorize, if not nil, authenticates requests to the server in place of
	// the client's id and secret, such as by a token of its own.
	Authorize func(r *http.Request) error
	// InsecureAnyTokenType accepts what the server does not call a bearer
	// token. It is for servers that leave token_type out, which is optional.
	// Many call refresh tokens active, too, and tell them by that alone: a
	// client's refresh token is then as good as an access token.
	InsecureAnyTokenType bool
	// InsecureHTTP allows an endpoint without TLS on another host than
	// loopback. Everyone on the way sees the tokens and the client's secret.
	InsecureHTTP bool
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// An Introspector asks an authorization server what a token is (RFC 7662). Its
// Verify is for [New]. It is safe for use by several goroutines. Every token
// that is not cached costs a request to the server, unknown ones each time:
// a rate limit by address belongs in front.
type Introspector struct {
	endpoint, id, secret string
	o                    IntrospectorOptions
	client               *http.Client
	cache                *cache  // nil: none
	flights              flights // used with a cache only
}

// NewIntrospector returns an Introspector that asks the server's introspection
// endpoint, as the client with the given id and secret (RFC 6749, section
// 2.3.1: client_secret_basic).
func NewIntrospector(endpoint, clientID, clientSecret string, opts *IntrospectorOptions) (*Introspector, error) {
	var o IntrospectorOptions
	if opts != nil {
		o = *opts
	}
	o.Audience = slices.Clone(o.Audience)
	_, err := secureURL("introspection endpoint", endpoint, o.InsecureHTTP)
	errs := []error{err}
	if o.Authorize == nil && (clientID == "" || clientSecret == "") {
		// RFC 7662, section 2.1: an endpoint that anyone may ask can be
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
		in.flights.byKey = map[[sha256.Size]byte]*flight{}
	}
	return in, nil
}

// Verify asks what token is. found is false where the server says that it is
// not active. One that is expired, for somebody else, or no bearer token is a
// 401 with its reason. Whatever keeps the server from answering is an outage:
// guard.Unavailable.
func (in *Introspector) Verify(ctx context.Context, token string) (_ *Introspection, found bool, err error) {
	i, err := in.answer(ctx, token)
	if err != nil {
		return nil, false, guard.Unavailable(err)
	}
	if i == nil {
		return nil, false, nil
	}
	if reason := in.check(i); reason != nil {
		return nil, false, &guard.Error{Status: http.StatusUnauthorized, Err: reason}
	}
	return i, true, nil
}

// answer is ask by way of the cache, where there is one.
func (in *Introspector) answer(ctx context.Context, token string) (*Introspection, error) {
	if in.cache == nil {
		return in.ask(ctx, token)
	}
	key := sha256.Sum256([]byte(token)) // tokens themselves are not kept
	now := in.o.Now()                   // what the server says is true as of when it was asked
	if i, ok := in.cache.load(key, now); ok {
		return i, nil
	}
	return in.flights.do(ctx, key, func() (*Introspection, error) {
		i, err := in.ask(ctx, token)
		if err == nil && i != nil && in.check(i) == nil {
			until := now.Add(in.o.Cache)
			if !i.ExpiresAt.IsZero() && i.ExpiresAt.Before(until) {
				until = i.ExpiresAt
			}
			in.cache.store(key, i, until)
		}
		return i, err
	})
}

// The reasons why an active token is refused, for Observe.
var (
	errExpired   = errors.New("bearer: the token has expired, whatever the server says")
	errEarly     = errors.New("bearer: the token is not valid yet")
	errIssuer    = errors.New("bearer: the token is of another issuer")
	errAudience  = errors.New("bearer: the token is for another audience")
	errTokenType = errors.New("bearer: token_type is missing or not Bearer: no access token, or one that needs a proof")
	errBound     = errors.New("bearer: the token is bound to a key of its client (cnf)")
)

// check holds an answer against what was asked for.
func (in *Introspector) check(i *Introspection) error {
	now := in.o.Now()
	forUs := func(aud string) bool { return slices.Contains(in.o.Audience, aud) }
	switch {
	case !i.ExpiresAt.IsZero() && !now.Before(i.ExpiresAt):
		return errExpired
	case now.Before(i.NotBefore):
		return errEarly
	case in.o.Issuer != "" && i.Issuer != in.o.Issuer:
		return errIssuer
	case len(in.o.Audience) > 0 && !slices.ContainsFunc(i.Audience, forUs):
		return errAudience
	case i.bound: // RFC 8705, section 3, RFC 9449, section 7: not without its proof
		return errBound
	case i.refresh, !in.o.InsecureAnyTokenType && !strings.EqualFold(i.TokenType, "Bearer"): // RFC 6749, section 7.1
		return errTokenType
	}
	return nil
}

// maxAnswer bounds what is read of the server's answer.
const maxAnswer = 64 << 10

// ask returns what the server says, nil for an inactive token.
func (in *Introspector) ask(ctx context.Context, token string) (*Introspection, error) {
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
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, errors.New("bearer: the introspection endpoint's answer is too large")
	}
	i, err := parseIntrospection(body)
	if err != nil {
		return nil, fmt.Errorf("bearer: the introspection endpoint's answer: %w", err)
	}
	return i, nil
}

// Introspection is what an authorization server says about an active token
// (RFC 7662, section 2.2). What it did not say is zero; times are UTC. With a
// cache, requests share it: it must not be modified.
type Introspection struct {
	Subject, Username, ClientID    string
	TokenType, Issuer, ID          string
	Audience                       []string
	ExpiresAt, NotBefore, IssuedAt time.Time
	scopes                         []string
	raw                            json.RawMessage
	bound, refresh                 bool // to a key; a refresh token by what servers call one
}

// Sub returns the subject, which may be empty: a client may act for itself.
func (i *Introspection) Sub() string { return i.Subject }

// Scopes returns the scopes of the token.
func (i *Introspection) Scopes() []string { return i.scopes }

// Decode decodes the server's whole answer, extensions too, into v, as
// json.Unmarshal does.
func (i *Introspection) Decode(v any) error { return json.Unmarshal(i.raw, v) }
