package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"github.com/go-guard/guard/internal/httpsurl"
	"github.com/go-guard/guard/internal/openid"
	"github.com/go-guard/guard/jwtauth"
)

// A Provider is where people have their accounts: [GitHub], [Google], [Microsoft],
// [Apple], or any other by [Discover] or [Endpoints].
type Provider interface {
	// server returns the provider in use, also with an error. o has no defaults yet.
	server(o *Options) (*server, error)
}

// Discover is an OpenID Connect provider by its issuer, which is an https URL, or http
// on this host. Its metadata (OpenID Connect Discovery 1.0, section 4; RFC 8414) must
// name that issuer. It is fetched with the keys when it is first needed, and again
// before it expires; as long as there is none, sign-ins are 503.
func Discover(issuer string) Provider { return discovered(issuer) }

type discovered string

func (d discovered) server(o *Options) (*server, error) {
	return &server{issuer: string(d), openID: true, keys: jwtauth.Discover(string(d), o.remote())}, nil // newVerifier reports the mistakes
}

// remote returns the options of the keys.
func (o *Options) remote() *jwtauth.RemoteOptions {
	return &jwtauth.RemoteOptions{
		Client: plainClient(o.HTTPClient), InsecureHTTP: o.InsecureHTTP, Refetch: o.Refetch, OnError: o.OnError, Now: o.Now,
	}
}

// Endpoints is a provider of plain OAuth 2.0: https URLs, or http on this host. For
// GitHub's see [GitHub]. UserInfo answers a GET that has the access token with a JSON
// object, whose member id, a string or an integer, is the Subject. The identity's Issuer is
// the origin of Authorize: an application can have one provider of an origin, since the
// subjects of two tenants there may be equal.
type Endpoints struct {
	Authorize, Token, UserInfo string
}

func (e Endpoints) server(o *Options) (*server, error) {
	var errs []error
	for _, each := range [...]struct{ name, address string }{{"Authorize", e.Authorize}, {"Token", e.Token}, {"UserInfo", e.UserInfo}} {
		if _, err := httpsurl.Parse(each.address, o.InsecureHTTP); err != nil {
			errs = append(errs, fmt.Errorf("oauth: Endpoints.%s: %w", each.name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &server{}, err
	}
	return &server{issuer: originOf(e.Authorize), fixed: &metadata{
		authorize: e.Authorize, token: e.Token, userInfo: e.UserInfo,
	}}, nil
}

// originOf is the scheme and host of a URL, empty if it has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// A server is a provider in use.
type server struct {
	issuer string
	openID bool
	opts   *Options
	fixed  *metadata         // of Endpoints
	keys   jwtauth.KeySource // of Discover
	latest atomic.Pointer[metadata]

	scopes    []string   // that are requested if Options.Scopes is nil
	iss       string     // of answers (RFC 9207), if it is known and not the issuer
	emails    string     // the URL of GitHub's list of addresses
	offline   url.Values // what a request has besides with KeepTokens, for a refresh token
	appleTeam string     // empty for others
	declined  string     // the error for a person who declines, if it is not access_denied

	// Of Microsoft, nil for others: whether an issuer is that of an allowed tenant, the
	// issuer that a token which is not verified yet must have with its keys, and whether
	// the e-mail address in the payload of an ID token is verified.
	isTenant      func(issuer string) bool
	tenantOf      func(token string) (issuer string, keys jwtauth.KeySource, err error)
	emailVerified func(payload []byte) bool
}

// metadata returns the metadata in force. An error is an outage.
func (s *server) metadata(ctx context.Context) (*metadata, error) {
	if s.fixed != nil {
		return s.fixed, nil
	}
	text, err := openid.Metadata(ctx, s.keys)
	if err != nil {
		return nil, err
	}
	if m := s.latest.Load(); m != nil && m.text == string(text) {
		return m, nil
	}
	m, err := s.parse(text)
	if err != nil {
		return nil, err
	}
	s.latest.Store(m)
	return m, nil
}

// isIssuer reports whether the iss of an answer (RFC 9207) is the provider's. That of
// Endpoints is not known, but its origin is.
func (s *server) isIssuer(iss string) bool {
	switch {
	case s.iss != "":
		return iss == s.iss
	case s.isTenant != nil:
		return s.isTenant(iss)
	case s.openID:
		return iss == s.issuer
	}
	return originOf(iss) == s.issuer
}
