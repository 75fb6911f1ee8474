package bearer

import (
	"cmp"
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
	"github.com/go-guard/guard/internal/flight"
	"github.com/go-guard/guard/internal/secret"
)

// An Introspector has tokens verified by an authorization server (RFC 7662). Its
// Verify is for [New]. It is safe for use by several goroutines. A token that is
// not cached costs a request to the server, and unknown tokens are never cached:
// put a rate limit by address outside of it. At most 256 requests to the server
// run at once; others wait, and are answered with 503 after the Client's timeout.
type Introspector struct {
	endpoint, id string
	secret       secret.Value[string]
	o            IntrospectorOptions
	client       secret.Value[*http.Client] // its Transport may have secrets
	cache        *cache                     // nil: none
	calls        *flight.Group[digest, *Introspection]
}

// maxCalls is how many calls to the server run at once. Further requests wait.
const maxCalls = 256

// NewIntrospector returns an Introspector for the server's introspection
// endpoint. It authenticates as the client with the given id and secret
// (client_secret_basic, RFC 6749, section 2.3.1). opts may be nil. Its error lists every
// mistake.
func NewIntrospector(endpoint, clientID, clientSecret string, opts *IntrospectorOptions) (*Introspector, error) {
	var o IntrospectorOptions
	if opts != nil {
		o = *opts
	}
	o.Audience, o.TokenTypes = slices.Clone(o.Audience), slices.Clone(o.TokenTypes)
	_, err := secureURL("introspection endpoint", endpoint, o.InsecureHTTP)
	errs := []error{err}
	if o.Resource != nil {
		errs = append(errs, o.Resource.check())
		if len(o.Audience) == 0 {
			o.Audience = []string{o.Resource.Resource()}
		}
	}
	if o.Authorize == nil && (clientID == "" || clientSecret == "") {
		// RFC 7662, section 2.1: an endpoint without authorization can be
		// scanned for tokens.
		errs = append(errs, errors.New("bearer: introspection needs a client id and secret, or Authorize"))
	}
	if err := errors.Join(append(errs, o.check()...)...); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	client := http.Client{}
	if o.Client != nil {
		client = *o.Client
	}
	timeout := client.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	client.Timeout = 0 // calls have it
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Client = nil
	in := &Introspector{
		endpoint: endpoint, id: clientID, secret: secret.New(clientSecret), o: o, client: secret.New(&client),
		calls: flight.New[digest, *Introspection](flight.Options{
			Name: "bearer: the introspection", Timeout: timeout, Max: maxCalls, Wait: timeout, Alone: o.Cache <= 0,
		}),
	}
	if o.Cache > 0 {
		in.cache = newCache(cmp.Or(o.CacheSize, 4096), o.Cache)
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
	bad := in.check(i)
	if bad == nil && i.cnf != "" && ctx.Value(checksBound{}) == nil { // RFC 8705, section 3, RFC 9449, section 7: it needs a proof
		bad = boundToken
	}
	if bad != nil {
		// Only a token that is not valid yet may be accepted later.
		return nil, false, &guard.Error{Status: http.StatusUnauthorized, Code: bad.code, Err: bad.cause, Dead: bad != tooEarly}
	}
	return i, true, nil
}

// introspect returns the introspection of a token from the cache or the server,
// nil for an inactive token.
func (in *Introspector) introspect(ctx context.Context, token string) (*Introspection, error) {
	d := digest(sha256.Sum256([]byte(token)))
	if in.cache != nil {
		if i, ok := in.cache.load(d, in.o.Now()); ok {
			return i, nil
		}
	}
	return in.calls.Do(ctx, d, func(ctx context.Context) (*Introspection, error) {
		now := in.o.Now() // before the request: the response may be as old as this
		i, err := in.request(ctx, token)
		if in.cache != nil && ctx.Err() == nil && err == nil && i != nil && in.check(i) == nil {
			in.cache.store(d, i, now)
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
	otherType     = &reason{codeInvalidType, errors.New("bearer: the token's type is not Bearer: not an access token, or one that needs a proof")}
	boundToken    = &reason{codeInvalid, errors.New("bearer: the token is bound to a key of its client (cnf)")}
)

// check returns why an active token is refused, nil if it is accepted. iat is no
// reason (RFC 7519 has no such rule).
func (in *Introspector) check(i *Introspection) *reason {
	now := in.o.Now()
	accepted := func(aud string) bool { return slices.Contains(in.o.Audience, aud) }
	switch {
	case !i.ExpiresAt.IsZero() && !now.Before(i.ExpiresAt.Add(in.o.Leeway)):
		return expired
	case now.Before(i.NotBefore.Add(-max(in.o.Leeway, minEarly))):
		return tooEarly
	case in.o.Issuer != "" && i.Issuer != in.o.Issuer:
		return otherIssuer
	case len(in.o.Audience) > 0 && !slices.ContainsFunc(i.Audience, accepted):
		return otherAudience
	case !in.isAccess(i):
		return otherType
	}
	return nil
}

// notAccess are the words of common servers for tokens that TokenTypes must not
// accept.
var notAccess = []string{"refresh", "refresh_token", "offline", "id", "id_token", "dpop", "mac", "pop", "n_a"}

// usages are the common words for an access token in typ and token_use.
var usages = []string{"Bearer", "access", "access_token", "JWT", "at+jwt", "application/at+jwt"}

// isAccess reports whether a token is an access token that needs no other proof than cnf
// names (RFC 6749, section 7.1; RFC 9449, section 6.2).
func (in *Introspector) isAccess(i *Introspection) bool {
	for _, usage := range i.usages {
		if usage != "" && !among(usages, usage) && !among(in.o.TokenTypes, usage) {
			return false
		}
	}
	if i.cnf != "" && strings.EqualFold(i.TokenType, "DPoP") {
		return true
	}
	return i.TokenType == "" || strings.EqualFold(i.TokenType, "Bearer") || among(in.o.TokenTypes, i.TokenType)
}

// among reports whether list has word in any case.
func among(list []string, word string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, word) })
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
	// Nothing is sent, and the request goes to another connection where the server closed
	// an idle one at that moment: see http.Transport.
	req.Header["Idempotency-Key"] = nil
	if in.o.Authorize != nil {
		if err := in.o.Authorize(req); err != nil {
			return nil, fmt.Errorf("bearer: introspection: %w", err)
		}
	} else {
		// Form-encoded first: RFC 6749, section 2.3.1.
		req.SetBasicAuth(url.QueryEscape(in.id), url.QueryEscape(in.secret.Reveal()))
	}
	res, err := in.client.Reveal().Do(req)
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
