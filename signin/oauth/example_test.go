package oauth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/oauth"
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

// GitHub has no OpenID Connect for people: its user endpoint says who they are.
func ExampleEndpoints() {
	type User struct {
		Login string `json:"login"`
	}
	login, err := oauth.New[User](oauth.Endpoints{
		Authorize: "https://github.com/login/oauth/authorize",
		Token:     "https://github.com/login/oauth/access_token",
		UserInfo:  "https://api.github.com/user",
	}, oauth.Client{ID: "app", Secret: guard.Secret("of the registration")}, "https://app.example.com/callback", &oauth.Options{
		Key: []byte(strings.Repeat("k", 32)),
	})
	fmt.Println(login != nil, err)
	// Output: true <nil>
}

// exampleProvider answers for a provider.
var exampleProvider = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
	const at = "https://accounts.example.com"
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		return respond(200, text(object{
			"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "userinfo_endpoint": at + "/userinfo", "jwks_uri": at + "/jwks",
		}))()
	case "/jwks":
		return respond(200, text(object{"keys": []object{}}))()
	}
	return nil, errors.New("not in this example")
})}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
