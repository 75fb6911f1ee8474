package oauth

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/flight"
	"github.com/go-guard/guard/internal/httpsurl"
	"github.com/go-guard/guard/internal/sealed"
	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/jwtauth"
)

// A Login signs people in with one provider. C is the type of the provider's claims: a
// struct, or a map[string]any, in which numbers are float64. A Login never changes, and is
// safe for use by several goroutines. Use [New].
type Login[C any] struct {
	opts      Options // without the keys and the HTTPClient
	server    *server
	client    *client
	callback  string
	box       sealed.Box
	sealedAs  string // what a sealed cookie belongs to, before its name
	cookie    http.Cookie
	http      secret.Value[*http.Client] // its Transport may hold a secret
	calls     *flight.Group[struct{}, answer]
	refreshes *flight.Group[[32]byte, Tokens]
	verifier  *jwtauth.Verifier[idClaims] // nil with Endpoints
	shape     *strictjson.Shape           // of C
	logouts   *jwtauth.Verifier[struct{}] // of logout tokens; nil with Endpoints

	callbackPath string // clean
	afterLogout  string // PostLogoutURL, or its path on this site
}

const (
	callTimeout = 10 * time.Second // of one request to the provider
	maxCalls    = 256              // at once
	waitForCall = 5 * time.Second
)

// New returns the login of a client at a provider. callbackURL is where the provider
// sends browsers to, as it is registered there: the absolute URL of the route of
// [Login.Complete], https or, in development, http on this host. A person must begin the
// sign-in at the same host. opts has the required Key. The error lists every mistake.
func New[C any](provider Provider, c Client, callbackURL string, opts *Options) (*Login[C], error) {
	if wiring.IsNil(provider) {
		return nil, errors.New("oauth: the Provider is nil")
	}
	if opts == nil {
		opts = new(Options)
	}
	server, err := provider.server(opts)
	o, err2 := opts.withDefaults(server)
	errs := []error{err, err2, checkClaims[C]()}
	l := &Login[C]{server: server, refreshes: newRefreshes(), shape: strictjson.ShapeOf(reflect.TypeFor[C]()), callback: callbackURL, calls: flight.New[struct{}, answer](flight.Options{
		Name: "oauth: the request to the provider", Timeout: callTimeout, Max: maxCalls, Wait: waitForCall, Alone: true,
	})}
	if l.client, err = newClient(c, o.Now, server); err != nil {
		errs = append(errs, err)
	}
	if l.box, err = sealed.New("guard signin/oauth: pending sign-in", append([]guard.Secret{o.Key}, o.OldKeys...)...); err != nil {
		errs = append(errs, fmt.Errorf("oauth: Key, then OldKeys: %w", err))
	}
	u, err := httpsurl.Parse(callbackURL, o.InsecureHTTP)
	if err != nil {
		errs = append(errs, fmt.Errorf("oauth: callbackURL: %w", err))
	} else if l.callbackPath = path.Clean(u.Path); u.Scheme == "http" && !o.InsecureCookie && !httpsurl.IsLoopback(u) {
		errs = append(errs, fmt.Errorf("oauth: callbackURL %q is plain http, over which the Secure cookie does not return: use https, or InsecureCookie as well", callbackURL))
	}
	l.http = secret.New(plainClient(o.HTTPClient))
	o.Key, o.OldKeys = nil, nil
	l.opts = o
	l.opts.HTTPClient = nil
	errs = append(errs, l.setPostLogoutURL())
	if server.openID && server.keys != nil {
		l.verifier, err = newVerifier(server.issuer, server.keys, c.ID, &o)
		errs = append(errs, err)
		if err == nil { // its mistakes would be the same
			l.logouts, err = newLogoutVerifier(server.issuer, server.keys, c.ID, &o)
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	l.server.opts = &l.opts
	l.cookie = http.Cookie{Path: "/", MaxAge: int(pendingLifetime / time.Second), HttpOnly: true, Secure: !o.InsecureCookie, SameSite: http.SameSiteLaxMode}
	if o.FormPost {
		l.cookie.SameSite = http.SameSiteNoneMode
	}
	// Quotes keep the parts apart.
	l.sealedAs = strings.Join([]string{strconv.Quote(l.server.issuer), strconv.Quote(c.ID), strconv.Quote(callbackURL), ""}, " ")
	return l, nil
}

// plainClient returns a copy of c that follows no redirect and has no cookies: an
// answer counts only where the provider itself gave it.
func plainClient(c *http.Client) *http.Client {
	plain := http.Client{}
	if c != nil {
		plain = *c
	}
	plain.Jar = nil
	plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &plain
}

// checkClaims returns an error if C cannot hold the members of a JSON object.
func checkClaims[C any]() error {
	switch t := reflect.TypeFor[C](); {
	case t.Kind() == reflect.Struct, t == reflect.TypeFor[map[string]any]():
		return nil
	default:
		return fmt.Errorf("oauth: claims of type %v: a struct or a map[string]any is needed", t)
	}
}

// The actions of decisions.
const (
	actionSignIn = "sign-in"
	actionLink   = "link"
)

// decision is the decision about a sign-in.
func (l *Login[C]) decision() guard.Decision {
	return guard.Decision{Package: "oauth", Guard: l.server.issuer, Action: actionSignIn}
}
