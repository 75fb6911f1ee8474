package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/oauth"
	"github.com/go-guard/guard/stepup"
)

// A person signs in with an account at a provider, and gets a session.
func Example() {
	type Claims struct {
		Name string `json:"name"`
	}
	type Data struct{ Name string }

	sessions := guard.Must(session.New[Data](&session.Options{Store: guard.Must(session.NewMemory(nil))}))
	login := guard.Must(oauth.New[Claims](
		oauth.Discover("https://accounts.example.com"),
		oauth.Client{ID: "app", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback",
		&oauth.Options{
			Key:        []byte(strings.Repeat("k", 32)), // random, of the environment
			UserInfo:   true,                            // for providers whose ID tokens have no name
			HTTPClient: exampleProvider,                 // leave it out
		},
	))

	mux := http.NewServeMux()
	mux.Handle("GET /login", login.Begin())
	mux.Handle("GET /callback", login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[Claims]) error {
		// The account is that of (Issuer, Subject): an e-mail address is not a key.
		account := who.Issuer + " " + who.Subject
		_, err := sessions.Create(w, r, account, Data{who.Claims.Name})
		return err
	}))
	h := guard.OnError(format.HTML("/login", nil))(mux) // a page that refuses leads on

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/login?next=/inbox", nil))
	to := guard.Must(url.Parse(w.Header().Get("Location")))
	fmt.Println(w.Code, to.Host, to.Query().Get("scope"), to.Query().Get("code_challenge_method"))

	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/callback?code=stolen&state=forged", nil))
	fmt.Println(w.Code)
	// Output:
	// 303 accounts.example.com openid email S256
	// 400
}

// A person signs out here and at the provider, and is signed out here when the provider
// ends its session.
func ExampleLogin_BackChannel() {
	type Data struct{ IDToken string }

	sessions := guard.Must(session.New[Data](&session.Options{Store: guard.Must(session.NewMemory(nil))}))
	login := guard.Must(oauth.New[map[string]any](
		oauth.Discover("https://accounts.example.com"),
		oauth.Client{ID: "app", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback",
		&oauth.Options{Key: []byte(strings.Repeat("k", 32)), HTTPClient: exampleProvider},
	))
	mux := http.NewServeMux()
	mux.Handle("GET /callback", login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[map[string]any]) error {
		// With the Ref, a sign-in for a session that ended meanwhile is refused.
		_, err := sessions.Create(w, r, who.Issuer+" "+who.Subject, Data{string(who.IDToken)}, session.Ref(who.Ref()))
		return err
	}))
	mux.Handle("POST /logout", guard.Optional(sessions)(login.Logout(func(w http.ResponseWriter, r *http.Request) (idToken string, err error) {
		if s, ok := guard.PrincipalFrom[*session.Session[Data]](r.Context()); ok {
			idToken = s.Data().IDToken
		}
		return idToken, sessions.Destroy(w, r)
	})))
	mux.Handle("POST /backchannel", login.BackChannel(func(ctx context.Context, t oauth.LogoutToken) error {
		account := ""
		if t.Subject != "" {
			account = t.Issuer + " " + t.Subject
		}
		if t.SessionID == "" {
			_, err := sessions.DestroyAll(ctx, account)
			return err
		}
		_, err := sessions.DestroyRef(ctx, t.Ref(), account) // with both, both must match
		return err
	}))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/logout", nil))
	fmt.Println(w.Code, w.Header().Get("Location")) // there was no session

	w = httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/backchannel", strings.NewReader("logout_token=forged"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 303 /
	// 400 {"error":"Bad Request","message":"Invalid logout token"}
}

// A server of plain OAuth 2.0 has no ID token: its user endpoint says who signs in.
func ExampleEndpoints() {
	type User struct {
		Name string `json:"name"`
	}
	login, err := oauth.New[User](oauth.Endpoints{
		Authorize: "https://accounts.example.com/authorize",
		Token:     "https://accounts.example.com/token",
		UserInfo:  "https://accounts.example.com/user", // {"id": 7, "name": "Alice"}
	}, oauth.Client{ID: "app", Secret: guard.Secret("of the registration")}, "https://app.example.com/callback", &oauth.Options{
		Key: []byte(strings.Repeat("k", 32)),
	})
	fmt.Println(login != nil, err)
	// Output: true <nil>
}

// Sign in with GitHub: the e-mail address is the primary one, if it is verified.
func ExampleGitHub() {
	type User struct {
		Login string `json:"login"` // may change, and then be another person's
	}
	login := guard.Must(oauth.New[User](oauth.GitHub(),
		oauth.Client{ID: "Iv1.8a61f9b3a7aba766", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback/github", &oauth.Options{Key: []byte(strings.Repeat("k", 32))}))

	w := httptest.NewRecorder()
	login.Begin().ServeHTTP(w, httptest.NewRequest("GET", "/login/github", nil))
	to := guard.Must(url.Parse(w.Header().Get("Location")))
	fmt.Println(w.Code, to.Host+to.Path, to.Query().Get("scope"))
	// Output: 303 github.com/login/oauth/authorize user:email
}

// Admit the members of one Google Workspace.
func ExampleGoogle() {
	type Claims struct {
		Domain string `json:"hd"`
	}
	login := guard.Must(oauth.New[Claims](oauth.Google(),
		oauth.Client{ID: "app.apps.googleusercontent.com", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback", &oauth.Options{Key: []byte(strings.Repeat("k", 32))}))

	http.Handle("GET /google", login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[Claims]) error {
		if who.Claims.Domain != "example.com" {
			return guard.Forbidden("Sign in with your account of example.com")
		}
		return nil // sessions.Create
	}))
}

// Admit the work accounts of two companies. Microsoft's e-mail addresses decide nothing.
func ExampleMicrosoft() {
	type Claims struct {
		Tenant string `json:"tid"`
	}
	customers := map[string]string{"aaaabbbb-0000-cccc-1111-dddd2222eeee": "contoso", "bbbbcccc-1111-dddd-2222-eeee3333ffff": "fabrikam"}
	login := guard.Must(oauth.New[Claims](oauth.Microsoft("organizations"),
		oauth.Client{ID: "00001111-aaaa-2222-bbbb-3333cccc4444", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback", &oauth.Options{Key: []byte(strings.Repeat("k", 32))}))

	http.Handle("GET /microsoft", login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[Claims]) error {
		if customers[who.Claims.Tenant] == "" {
			return guard.Forbidden("Your company is no customer")
		}
		return nil // sessions.Create for the account of who.Issuer and who.Subject
	}))
}

// Sign in with Apple: the callback is a POST, and the name is in the first answer only.
func ExampleApple() {
	p8 := exampleKey // os.ReadFile("AuthKey_ABC123DEFG.p8")
	login := guard.Must(oauth.New[map[string]any](oauth.Apple("DEF123GHIJ"),
		oauth.Client{ID: "com.example.web", Key: jwtauth.ECDSA("ES256", p8).WithID("ABC123DEFG")},
		"https://app.example.com/callback/apple", &oauth.Options{
			Key:    []byte(strings.Repeat("k", 32)),
			Scopes: []string{"email", "name"},
		}))

	names := map[string]string{} // a column of the accounts
	mux := http.NewServeMux()
	mux.Handle("GET /login/apple", login.Begin())
	mux.Handle("POST /callback/apple", login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[map[string]any]) error {
		if who.FirstName != "" {
			names[who.Subject] = who.FirstName + " " + who.LastName // for display; no later answer has it
		}
		return nil // sessions.Create
	}))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/login/apple", nil))
	to := guard.Must(url.Parse(w.Header().Get("Location")))
	fmt.Println(w.Code, to.Host+to.Path, to.Query().Get("scope"), to.Query().Get("response_mode"))
	// Output: 303 appleid.apple.com/auth/authorize openid email name form_post
}

// A person who is signed in adds an account at the provider.
func ExampleLogin_Link() {
	type Data struct{}
	sessions := guard.Must(session.New[Data](&session.Options{Store: guard.Must(session.NewMemory(nil))}))
	login := guard.Must(oauth.New[map[string]any](oauth.GitHub(), oauth.Client{ID: "app", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback", &oauth.Options{Key: []byte(strings.Repeat("k", 32))}))

	accounts := map[[2]string]string{} // by (Issuer, Subject); a database has a unique index on both
	mux := http.NewServeMux()
	// A page has <form method="post" action="/link?next=/settings">.
	link := login.Link(func(r *http.Request) (string, error) {
		s, ok := guard.PrincipalFrom[*session.Session[Data]](r.Context())
		if !ok {
			return "", guard.Unauthorized("")
		}
		return s.Sub(), nil
	})
	mux.Handle("POST /link", sessions.Wrap(stepup.Require(stepup.Within(5*time.Minute))(link)))
	mux.Handle("GET /callback", login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[map[string]any]) error {
		identity := [2]string{who.Issuer, who.Subject}
		account, found := accounts[identity]
		switch {
		case who.LinkTo == "" && !found:
			account = "a new account"
		case who.LinkTo != "" && found && account != who.LinkTo:
			return &guard.Error{Status: http.StatusConflict, Message: "Another account has this identity"}
		case who.LinkTo != "":
			accounts[identity] = who.LinkTo
			return nil // the session stays
		}
		_, err := sessions.Create(w, r, account, Data{})
		return err
	}))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/link", nil))
	fmt.Println(w.Code)
	// Output: 401
}

// An application calls an API of the provider for an account, long after its sign-in.
func ExampleLogin_Refresh() {
	login := guard.Must(oauth.New[map[string]any](oauth.Google(), oauth.Client{ID: "app", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback", &oauth.Options{
			Key:        []byte(strings.Repeat("k", 32)),
			Scopes:     []string{"openid", "https://www.googleapis.com/auth/calendar.readonly"},
			KeepTokens: true, // store who.Tokens, encrypted
		}))
	saved := oauth.Tokens{AccessToken: guard.Secret("ya29.a0Af"), RefreshToken: guard.Secret("1//xEoDL4i"), ExpiresAt: time.Now().Add(time.Hour)}

	tokens, err := login.Refresh(context.Background(), "account-7",
		func(context.Context) (oauth.Tokens, error) { return saved, nil },
		func(_ context.Context, t oauth.Tokens) error { saved = t; return nil })
	switch {
	case errors.Is(err, oauth.ErrEnded):
		// Remove the tokens, and ask for a new sign-in.
	case err != nil:
		// 503: the provider is down
	}
	fmt.Println(len(tokens.AccessToken) > 0, err)
	// Output: true <nil>
}

// exampleKey is a private key as Apple's file has it.
var exampleKey = func() []byte {
	key := guard.Must(x509.MarshalPKCS8PrivateKey(guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))))
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
}()

// exampleProvider answers for a provider.
var exampleProvider = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
	const at = "https://accounts.example.com"
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		return answer(map[string]any{
			"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "userinfo_endpoint": at + "/userinfo", "jwks_uri": at + "/jwks",
		}), nil
	case "/jwks":
		return answer(map[string]any{"keys": []any{}}), nil
	}
	return nil, errors.New("not in this example")
})}

func answer(document map[string]any) *http.Response {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	w.Write(guard.Must(json.Marshal(document)))
	return w.Result()
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
