package oauth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
)

// Options holds what has a safe default, and Key.
type Options struct {
	// Key seals the cookies of pending sign-ins: 32 bytes or more, random, and the same in
	// all processes. It is required.
	Key guard.Secret
	// OldKeys open cookies that were sealed before Key was replaced. Ten minutes later
	// none is needed.
	OldKeys []guard.Secret
	// Once spends each sign-in and each logout token a single time, over all processes that
	// share it. If nil, it is a once.Memory of this process. Then a callback that is repeated
	// at another process is refused by the provider alone, which accepts a code once, and a
	// logout token that is repeated there ends the same sessions again.
	Once once.Store

	// Scopes are requested. If nil, they are "openid" and "email" with OpenID Connect,
	// "user:email" with GitHub, and none with Endpoints. With OpenID Connect "openid" is
	// added where it is missing.
	Scopes []string
	// Request returns what a sign-in asks of the provider. If nil, nothing.
	Request func(r *http.Request) AuthRequest
	// UserInfo fetches the userinfo too, with Discover: many providers have no e-mail
	// address and no name in the ID token. Claims are those of both, and the ID token's
	// value counts. With Endpoints it is always fetched.
	UserInfo bool
	// KeepTokens gives the provider's tokens to the function of Complete. They are
	// dropped otherwise. [Login.Refresh] refreshes them.
	KeepTokens bool
	// FormPost has the browser post the provider's answer (OAuth 2.0 Form Post Response
	// Mode). It is always set for Apple, if a scope is "email" or "name". The callback is then
	// a POST from another site, with cookies of SameSite None: a check of the origin around
	// it must exempt its route. The cookie and the state still bind it to the browser; the
	// function of Complete therefore gets the request without Origin and Sec-Fetch-Site, so
	// that sessions.Create accepts it.
	FormPost bool

	// PostLogoutURL is where the provider sends browsers to after [Login.Logout]: an absolute
	// URL, as it is registered there. If empty, it is the origin of callbackURL and "/".
	PostLogoutURL string

	// CookieName is the name of the cookies after the prefix __Host-, and before the part
	// of each sign-in. If empty, "oauth". Several Logins may share it: a browser has at most
	// 8 pending sign-ins of a name, and the oldest ends for another.
	CookieName string
	// InsecureCookie is for plain http on localhost in browsers that accept no Secure cookie
	// there, such as Safari; Chromium and Firefox accept it. The cookies then have neither
	// the prefix nor Secure: others on the network and on subdomains can read and set them.
	InsecureCookie bool
	// InsecureHTTP allows http to hosts other than this one: an attacker on the network
	// can then sign in as anyone.
	InsecureHTTP bool

	// HTTPClient makes the requests to the provider, without following redirects and
	// without its cookies. If nil, it uses http.DefaultTransport.
	HTTPClient *http.Client
	// Refetch is as in jwtauth.RemoteOptions, for the metadata and keys of Discover and of
	// the providers that use it. While fetches fail it grows to six times as much, and a
	// sign-in in between is 503. If 0, it is 10 seconds.
	Refetch time.Duration
	// OnError receives the error of each failed fetch of the metadata and keys, as
	// jwtauth.RemoteOptions.OnError does. May be nil.
	OnError func(error)
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// An AuthRequest is what a sign-in asks of the provider (OpenID Connect Core, section
// 3.1.2.1). The zero value asks nothing.
type AuthRequest struct {
	// Prompt is none, login, consent or select_account, or several with spaces between.
	Prompt string
	// MaxAge is how long ago the person may have signed in at the provider, in whole
	// seconds: with less than one, they sign in anew. Then the ID token must have an
	// auth_time that satisfies it. If 0, it is not sent.
	MaxAge time.Duration
	// ACRValues lists acceptable values of acr, the preferred one first. The ID token must
	// have one of them.
	ACRValues []string
	// LoginHint is whom to sign in, such as an e-mail address.
	LoginHint string
}

// withDefaults returns a complete copy of o. The error lists its mistakes but those of
// the keys.
func (o *Options) withDefaults(s *server) (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("oauth: "+format, args...)) }
	if c.Now == nil {
		c.Now = time.Now
	}
	errs = append(errs, wiring.TypedNil("oauth", "Once", c.Once))
	if c.Once == nil {
		memory, err := once.NewMemory(&once.MemoryOptions{Now: c.Now})
		c.Once, errs = memory, append(errs, err)
	}
	if c.Scopes == nil {
		c.Scopes = s.scopes
	}
	if c.Scopes == nil && s.openID {
		c.Scopes = []string{"openid", "email"}
	}
	c.Scopes = slices.Clone(c.Scopes)
	if s.openID && !slices.Contains(c.Scopes, "openid") {
		c.Scopes = slices.Insert(c.Scopes, 0, "openid")
	}
	for _, scope := range c.Scopes {
		if err := field.CheckScope(scope); err != nil {
			mistake("%w", err)
		}
	}
	if s.appleTeam != "" && (slices.Contains(c.Scopes, "email") || slices.Contains(c.Scopes, "name")) {
		c.FormPost = true // Apple refuses another response_mode
	}
	if c.CookieName == "" {
		c.CookieName = "oauth"
	}
	if !field.IsToken(c.CookieName) || len(c.CookieName) > maxCookieName {
		mistake("CookieName %q is not a token of at most %d bytes", c.CookieName, maxCookieName)
	}
	if field.HasCookiePrefix(c.CookieName) {
		mistake("CookieName %q: the prefix is added", c.CookieName)
	}
	if !c.InsecureCookie {
		c.CookieName = "__Host-" + c.CookieName
	}
	if c.FormPost && c.InsecureCookie {
		mistake("FormPost with InsecureCookie: browsers send no cookie with a POST from another site unless it is Secure")
	}
	if c.HTTPClient != nil {
		if t := c.HTTPClient.Transport; t != nil && wiring.IsNil(t) {
			mistake("the HTTPClient's Transport is a nil %T", t)
		}
	}
	return c, errors.Join(errs...)
}
