package source_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/source"
)

// API keys in the header of another API.
func ExampleHeader() {
	keys := guard.Must(apikey.New(func(_ context.Context, key string) (user string, found bool, err error) {
		return "Alice", key == "key_12345", nil
	}, &apikey.Options{
		Sources: []source.Source{source.Header("X-Service-Key")},
	}))

	r := httptest.NewRequest("GET", "/posts", nil)
	r.Header.Set("X-Service-Key", "key_12345")
	fmt.Println(keys.Authenticate(r))
	// Output: Alice <nil>
}

// API keys with a scheme of their own: "Authorization: ApiKey key_12345".
func ExampleAuthorization() {
	keys := guard.Must(apikey.New(func(_ context.Context, key string) (user string, found bool, err error) {
		return "Alice", key == "key_12345", nil
	}, &apikey.Options{
		Sources: []source.Source{source.Authorization("ApiKey")},
	}))

	r := httptest.NewRequest("GET", "/posts", nil)
	r.Header.Set("Authorization", "ApiKey key_12345")
	fmt.Println(keys.Authenticate(r))
	// Output: Alice <nil>
}

// A token in a cookie, for browsers, beside the Authorization field of programs. A
// form of another site is refused.
func ExampleCookie() {
	tokens := guard.Must(bearer.New(func(_ context.Context, token string) (user string, found bool, err error) {
		return "Alice", token == "t0ken", nil
	}, &bearer.Options{
		Sources: []source.Source{source.Authorization("Bearer"), source.Cookie("__Host-token")},
	}))

	r := httptest.NewRequest("POST", "https://app.example.com/posts", nil)
	r.Header.Set("Cookie", "__Host-token=t0ken")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	fmt.Println(tokens.Authenticate(r))

	r.Header.Set("Sec-Fetch-Site", "cross-site")
	_, err := tokens.Authenticate(r)
	fmt.Println(err)
	// Output:
	// Alice <nil>
	// guard: 403 Forbidden: Cross-site request refused: bearer: a credential in a cookie or of a proxy, in a cross-site request
}

// The signed assertion that Cloudflare Access adds for a browser that it
// authenticated.
func ExampleProxyHeader() {
	keys := jwtauth.RemoteKeys("https://team.cloudflareaccess.com/cdn-cgi/access/certs", nil)
	tokens, err := jwtauth.NewVerifier[struct {
		Email string `json:"email"`
	}](keys, &jwtauth.VerifierOptions{
		Issuer:   "https://team.cloudflareaccess.com",
		Audience: []string{"4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"}, // the application's tag
		Sources:  []source.Source{source.ProxyHeader("Cf-Access-Jwt-Assertion")},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = tokens.Authenticate(httptest.NewRequest("GET", "/", nil)) // around the proxy
	fmt.Println(err)
	// Output: guard: no credentials
}

// A page that runs new WebSocket(url, ["bearer", token, "chat"]).
func ExampleWebSocketProtocol() {
	tokens := guard.Must(bearer.New(func(_ context.Context, token string) (user string, found bool, err error) {
		return "Alice", token == "t0ken", nil
	}, &bearer.Options{
		Sources: []source.Source{source.WebSocketProtocol("bearer")},
	}))

	r := httptest.NewRequest("GET", "/socket", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Protocol", "bearer, t0ken, chat")
	fmt.Println(tokens.Authenticate(r))
	// Output: Alice <nil>
}

// The feed of a calendar, whose clients can send a URL and nothing else. The key opens
// the feed alone.
func ExampleInsecureQuery() {
	feeds := guard.Must(apikey.New(func(_ context.Context, key string) (calendar string, found bool, err error) {
		return "team", key == "feed_12345", nil
	}, &apikey.Options{
		Sources: []source.Source{source.InsecureQuery("key")},
	}))

	fmt.Println(feeds.Authenticate(httptest.NewRequest("GET", "/calendar.ics?key=feed_12345", nil)))
	// Output: team <nil>
}
