package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/example/backend"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/oauth"
)

// oauthSettings describe the provider with which people sign in, and this
// application as it is registered there.
type oauthSettings struct {
	issuer    string          // of OpenID Connect
	endpoints oauth.Endpoints // in its place, of plain OAuth 2.0
	client    oauth.Client
	formPost  bool
	refetch   time.Duration
}

func readOAuth(getenv func(string) string, refetch time.Duration) (set oauthSettings, err error) {
	set = oauthSettings{
		issuer: getenv("OAUTH_ISSUER"),
		endpoints: oauth.Endpoints{
			Authorize: getenv("OAUTH_AUTHORIZE_URL"), Token: getenv("OAUTH_TOKEN_URL"), UserInfo: getenv("OAUTH_USERINFO_URL"),
		},
		client:  oauth.Client{ID: getenv("OAUTH_CLIENT_ID"), Secret: guard.Secret(getenv("OAUTH_CLIENT_SECRET"))},
		refetch: refetch,
	}
	mode := getenv("OAUTH_RESPONSE_MODE")
	set.formPost = mode == "form_post"
	e := set.endpoints
	switch some, all := e != (oauth.Endpoints{}), e.Authorize != "" && e.Token != "" && e.UserInfo != ""; {
	case set.issuer != "" && some:
		return set, errors.New("OAUTH_ISSUER is set, and OAUTH_AUTHORIZE_URL, OAUTH_TOKEN_URL or OAUTH_USERINFO_URL, too: a provider has one kind")
	case some && !all:
		return set, errors.New("OAUTH_AUTHORIZE_URL, OAUTH_TOKEN_URL and OAUTH_USERINFO_URL: one is not set")
	case set.mounted() && set.client.ID == "":
		return set, errors.New("OAUTH_CLIENT_ID is not set")
	case !set.mounted() && (set.client.ID != "" || len(set.client.Secret) > 0 || mode != ""):
		return set, errors.New("OAUTH_ISSUER is not set, but another of OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET and OAUTH_RESPONSE_MODE is")
	case mode != "" && mode != "query" && mode != "form_post":
		return set, fmt.Errorf("OAUTH_RESPONSE_MODE: %q is neither query nor form_post", mode)
	}
	return set, nil
}

// mounted reports whether there is a provider.
func (s *oauthSettings) mounted() bool { return s.issuer != "" || s.endpoints.Authorize != "" }

// oauthSection shows signing in with an account at a provider. Without the settings there
// is no route.
func oauthSection(ctx context.Context, mux *http.ServeMux, set settings, shared accounts, log *slog.Logger) error {
	if !set.oauth.mounted() {
		return nil
	}
	if len(set.seal) == 0 {
		log.Warn("SEAL_KEY is not set: /oauth is not mounted")
		return nil
	}
	p, err := newPeople(set, shared)
	if err != nil {
		return err
	}
	go func() { // also without its provider the program serves all other sections
		if err := p.login.Ready(ctx); err != nil {
			log.Error("/oauth answers 503 until its provider can be used", "error", err)
		}
	}()
	browsers := guard.OnError(format.HTML("/oauth/login", guard.JSON))

	mux.Handle("/oauth/login", browsers(p.login.Begin()))
	mux.Handle("/oauth/callback", browsers(p.login.Complete(p.signIn)))
	mux.Handle("/oauth/logout", browsers(p.login.Logout(p.signOut)))
	mux.Handle("/oauth/backchannel", p.login.BackChannel(p.end)) // the provider's own request
	mux.Handle("GET /oauth/me", guard.Chain(browsers, p.sessions.Wrap)(guard.HandlerFunc(p.showPerson)))
	return nil
}

// newProvider returns the sign-in with the provider of OAUTH_ISSUER or OAUTH_AUTHORIZE_URL,
// which sends browsers back to a path of this site.
func newProvider(set settings, path string, request func(*http.Request) oauth.AuthRequest) (*oauth.Login[struct{}], error) {
	provider, name := oauth.Provider(set.oauth.endpoints), "OAUTH_AUTHORIZE_URL"
	if set.oauth.issuer != "" {
		provider, name = oauth.Discover(set.oauth.issuer), "OAUTH_ISSUER"
	}
	keys := set.sealKeys("pending sign-ins")
	login, err := oauth.New[struct{}](provider, set.oauth.client, set.publicURL+path, &oauth.Options{
		Key:            keys[0],
		OldKeys:        keys[1:],
		Once:           set.stores.Once,
		Request:        request,
		UserInfo:       true, // many providers have no e-mail address in the ID token
		FormPost:       set.oauth.formPost,
		InsecureCookie: set.plainCookies(),
		Refetch:        set.oauth.refetch,
		PostLogoutURL:  set.publicURL + "/",
	})
	if err != nil {
		return nil, fmt.Errorf("%s, PUBLIC_URL: %w", name, err)
	}
	return login, nil
}

// people has the handlers of those who sign in with a provider.
type people struct {
	login    *oauth.Login[struct{}]
	sessions *session.Manager[Person]
	tokens   *sealer
	shared   accounts // of /app, which end at the provider, too

	pagePolicy string // Content-Security-Policy
}

// A Person is the data of a session: who the provider says it is.
type Person struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	Email   string `json:"email"`              // verified, or empty
	IDToken []byte `json:"id_token,omitempty"` // sealed; for the logout at the provider
}

const (
	maxIDToken = 8 << 10 // bytes; a longer one is not stored
	maxEmail   = 254     // bytes, RFC 5321
)

func newPeople(set settings, shared accounts) (p people, err error) {
	p.shared, p.pagePolicy = shared, logoutPolicy(set.oauth.issuer)
	if p.login, err = newProvider(set, "/oauth/callback", nil); err != nil {
		return p, err
	}
	p.sessions, err = session.New[Person](&session.Options{
		Name:           "oauth_session",
		Store:          set.stores.OAuthSessions,
		InsecureCookie: set.plainCookies(),
		MaxData:        2*maxIDToken + 4<<10, // the token sealed, in base64, and the rest
	})
	if err != nil {
		return p, err
	}
	p.tokens, err = set.sealer("ID tokens")
	return p, err
}

// accountOf returns the ID of the account of a provider's subject: each has its account here,
// and needs no other. In /app a person has one account, which several identities sign in to.
// Neither looks for the e-mail address: anyone may have written that at the provider.
func accountOf(issuer, subject string) string {
	digest := sha256.Sum256([]byte(strconv.Quote(issuer) + strconv.Quote(subject))) // quotes keep the two apart
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// signIn creates the session of a person who signed in at the provider.
func (p people) signIn(w http.ResponseWriter, r *http.Request, who *oauth.Identity[struct{}]) error {
	account := accountOf(who.Issuer, who.Subject)
	data := Person{Issuer: who.Issuer, Subject: who.Subject}
	if who.EmailVerified && len(who.Email) <= maxEmail {
		data.Email = who.Email
	}
	if n := len(who.IDToken); n > 0 && n <= maxIDToken {
		data.IDToken = p.tokens.seal(who.IDToken, account)
	}
	if who.Next == "" {
		who.Next = "/oauth/me"
	}
	_, err := p.sessions.Create(w, r, account, data, session.Ref(who.Ref())) // for end
	return err
}

// signOut ends the session of the request, and returns its ID token for the provider. The
// manager refuses a browser's cross-site request, with or without a session. A cookie is
// cleared also if its session has ended.
func (p people) signOut(w http.ResponseWriter, r *http.Request) (idToken string, err error) {
	s, err := p.sessions.Authenticate(r)
	if err := p.sessions.Destroy(w, r); err != nil {
		return "", err
	}
	if err != nil {
		return "", err
	}
	text, _ := p.tokens.open(s.Data().IDToken, s.Sub()) // none if its key is gone
	return string(text), nil
}

// end ends the sessions that the provider says have ended: those of its session or, where
// it names none, of the account. With both, both must match.
func (p people) end(ctx context.Context, t oauth.LogoutToken) error {
	account := ""
	if t.Subject != "" {
		account = accountOf(t.Issuer, t.Subject)
	}
	err := endSessions(ctx, p.sessions, t, account)
	if err != nil {
		return err // the provider sends it again
	}
	account = ""
	if t.Subject != "" {
		// Of an identity that no account has, the first sign-in may be under way, or it was
		// removed: the provider's session alone says which sessions here began with it.
		account, _, err = p.shared.users.Identity(ctx, backend.Identity{Issuer: t.Issuer, Subject: t.Subject})
	}
	if err != nil || account == "" && t.Ref() == "" {
		return err
	}
	return endSessions(ctx, p.shared.sessions, t, account)
}

// endSessions ends those of the provider's session that are of this account, where it is
// known, or all sessions of the account.
func endSessions[D any](ctx context.Context, sessions *session.Manager[D], t oauth.LogoutToken, account string) error {
	if ref := t.Ref(); ref != "" {
		_, err := sessions.DestroyRef(ctx, ref, account)
		return err
	}
	_, err := sessions.DestroyAll(ctx, account)
	return err
}
