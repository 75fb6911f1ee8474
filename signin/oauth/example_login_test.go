package oauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/oauth"
)

// An application that is registered with a provider of OpenID Connect.
func ExampleNew() {
	type Claims struct {
		Name string `json:"name"`
	}
	login, err := oauth.New[Claims](
		oauth.Discover("https://accounts.example.com"),
		oauth.Client{ID: "app", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback",
		&oauth.Options{Key: []byte(strings.Repeat("k", 32))}, // 32 random bytes, the same in all processes
	)
	fmt.Println(login != nil, err)
	// Output: true <nil>
}

// Two providers, each with a callback of its own.
func ExampleDiscover() {
	key := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	mux := http.NewServeMux()
	for name, issuer := range map[string]string{
		"acme":  "https://login.acme.example/realms/staff", // as its metadata spells it
		"other": "https://accounts.example.com",
	} {
		login := guard.Must(oauth.New[map[string]any](oauth.Discover(issuer),
			oauth.Client{ID: "app", Secret: guard.Secret("of the registration")},
			"https://app.example.com/callback/"+name, &oauth.Options{Key: key}))
		mux.Handle("GET /login/"+name, login.Begin())
		mux.Handle("GET /callback/"+name, login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[map[string]any]) error {
			return nil // sessions.Create for the account of who.Issuer and who.Subject
		}))
	}

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/callback/acme?code=stolen&state=forged", nil))
	fmt.Println(w.Code)
	// Output: 400
}

// The link <a href="/login?next=/inbox"> leads to the provider, and back to the inbox.
func ExampleLogin_Begin() {
	login := guard.Must(oauth.New[map[string]any](oauth.GitHub(), oauth.Client{ID: "app", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback", &oauth.Options{Key: []byte(strings.Repeat("k", 32))}))
	mux := http.NewServeMux()
	mux.Handle("GET /login", login.Begin())

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/login?next=/inbox", nil))
	to := guard.Must(url.Parse(w.Header().Get("Location")))
	fmt.Println(w.Code, to.Host, to.Query().Get("redirect_uri"))
	// Output: 303 github.com https://app.example.com/callback
}

// The account of an identity is found by its issuer and subject, or made.
func ExampleLogin_Complete() {
	type Data struct{}
	sessions := guard.Must(session.New[Data](nil))
	login := guard.Must(oauth.New[map[string]any](oauth.GitHub(), oauth.Client{ID: "app", Secret: guard.Secret("of the registration")},
		"https://app.example.com/callback", &oauth.Options{Key: []byte(strings.Repeat("k", 32))}))
	accounts := map[[2]string]string{} // by issuer and subject; a database has a unique index on both

	callback := login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[map[string]any]) error {
		identity := [2]string{who.Issuer, who.Subject}
		if accounts[identity] == "" {
			accounts[identity] = fmt.Sprint(len(accounts) + 1)
		}
		_, err := sessions.Create(w, r, accounts[identity], Data{})
		return err
	})

	w := httptest.NewRecorder() // of a browser that began no sign-in
	callback.ServeHTTP(w, httptest.NewRequest("GET", "/callback?code=stolen&state=forged", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 400 {"error":"Bad Request","message":"Invalid or expired sign-in"}
}

// The form <form method="post" action="/logout"> ends the session here, and then the one
// at the provider.
func ExampleLogin_Logout() {
	type Data struct{ IDToken string } // which the function of Complete stores
	sessions := guard.Must(session.New[Data](nil))
	login := guard.Must(oauth.New[map[string]any](oauth.Discover("https://accounts.example.com"),
		oauth.Client{ID: "app", Secret: guard.Secret("of the registration")}, "https://app.example.com/callback", &oauth.Options{
			Key:        []byte(strings.Repeat("k", 32)),
			HTTPClient: exampleProvider, // leave it out
		}))
	logout := login.Logout(func(w http.ResponseWriter, r *http.Request) (idToken string, err error) {
		if s, ok := guard.PrincipalFrom[*session.Session[Data]](r.Context()); ok {
			idToken = s.Data().IDToken
		}
		return idToken, sessions.Destroy(w, r)
	})
	mux := http.NewServeMux()
	mux.Handle("POST /logout", guard.Optional(sessions)(logout))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/logout", nil))
	fmt.Println(w.Code, w.Header().Get("Location")) // this provider has no end_session_endpoint
	// Output: 303 /
}

// A start that warns of a wrong issuer. The program runs on: the provider may be back
// before the first sign-in.
func ExampleLogin_Ready() {
	login := guard.Must(oauth.New[map[string]any](oauth.Discover("https://accounts.example.com"),
		oauth.Client{ID: "app", Secret: guard.Secret("of the registration")}, "https://app.example.com/callback", &oauth.Options{
			Key:        []byte(strings.Repeat("k", 32)),
			HTTPClient: exampleProvider, // leave it out
		}))
	if err := login.Ready(context.Background()); err != nil {
		log.Print("no sign-in can begin: ", err)
	}
	fmt.Println("serving")
	// Output: serving
}

// A session with the Ref of its identity ends with the session of the provider.
func ExampleIdentity_Ref() {
	sessions := guard.Must(session.New[struct{}](nil))
	signIn := func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[map[string]any]) error { // of Complete
		_, err := sessions.Create(w, r, who.Issuer+" "+who.Subject, struct{}{}, session.Ref(who.Ref()))
		return err
	}

	who := &oauth.Identity[map[string]any]{Issuer: "https://accounts.example.com", Subject: "7", SessionID: "s-1"}
	fmt.Println(signIn(httptest.NewRecorder(), httptest.NewRequest("GET", "/callback", nil), who))
	fmt.Println(len(who.Ref()))
	// Output:
	// <nil>
	// 43
}

// The logout token of the session that an identity was of has the same Ref.
func ExampleLogoutToken_Ref() {
	sessions := guard.Must(session.New[struct{}](nil))
	end := func(ctx context.Context, t oauth.LogoutToken) error { // of BackChannel
		_, err := sessions.DestroyRef(ctx, t.Ref(), "")
		return err
	}

	who := oauth.Identity[map[string]any]{Issuer: "https://accounts.example.com", Subject: "7", SessionID: "s-1"}
	t := oauth.LogoutToken{Issuer: "https://accounts.example.com", SessionID: "s-1"}
	fmt.Println(t.Ref() == who.Ref(), end(context.Background(), t))
	// Output: true <nil>
}
