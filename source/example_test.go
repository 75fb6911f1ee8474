package source_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/source"
)

// A page opens a WebSocket with new WebSocket(url, ["bearer", token, "chat"]). The
// handler, and with it the library that answers the handshake, never sees the token.
func Example() {
	verify := func(_ context.Context, token string) (user string, found bool, err error) {
		return "Alice", token == "t0ken", nil
	}
	tokens := guard.Must(bearer.New(verify, &bearer.Options{
		Sources: []source.Source{
			source.Authorization("Bearer"),
			source.Cookie("__Host-token"),
			source.WebSocketProtocol("bearer"),
		},
		TrustedOrigins: []string{"https://app.example.com"}, // for the cookie
	}))
	socket := tokens.Wrap(guard.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, user string) {
		fmt.Println(user, "offers", strings.Join(r.Header["Sec-Websocket-Protocol"], " "))
	}))

	r := httptest.NewRequest("GET", "/socket", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Protocol", "bearer, t0ken, chat")
	socket.ServeHTTP(httptest.NewRecorder(), r)

	r = httptest.NewRequest("POST", "https://api.example.com/posts", nil)
	r.Header.Set("Cookie", "__Host-token=t0ken") // which the browser adds
	r.Header.Set("Origin", "https://evil.example")
	w := httptest.NewRecorder()
	socket.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)

	// Output:
	// Alice offers chat, bearer
	// 403 {"error":"Forbidden","message":"Cross-site request refused"}
}
