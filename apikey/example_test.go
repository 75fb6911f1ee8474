package apikey_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// An application that looks keys up itself.
func Example() {
	type User struct{ ID, Name string }
	users := map[apikey.Digest]User{apikey.DigestOf("key_12345"): {"1", "Alice"}}
	byKey := func(_ context.Context, key string) (User, bool, error) {
		u, found := users[apikey.DigestOf(key)]
		return u, found, nil // an error here is an outage: 5xx, never 401
	}
	hello := func(w http.ResponseWriter, _ *http.Request, u User) {
		fmt.Fprintf(w, "Hello, %s!\n", u.Name)
	}

	keys := guard.Must(apikey.New(byKey, nil))
	mux := http.NewServeMux()
	mux.Handle("GET /protected", keys.Wrap(guard.HandlerFunc(hello)))

	for _, key := range []string{"key_12345", "key_99999", ""} { // log.Fatal(http.ListenAndServe("127.0.0.1:8080", mux))
		r := httptest.NewRequest("GET", "/protected", nil)
		if key != "" {
			r.Header.Set("X-API-Key", key)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 Hello, Alice!
	//
	// 401 {"error":"Unauthorized","message":"Invalid API key"}
	// 401 {"error":"Unauthorized","message":"API key required"}
}

// A ring issues keys and stores only their digests.
func ExampleRing() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Prefix: "acme"}))
	key, rec, err := ring.Issue(ctx, apikey.Grant{
		Subject: "1", Name: "nightly export", Scopes: []string{"posts:read"}, ExpiresAt: time.Now().AddDate(1, 0, 0),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	show := func(w http.ResponseWriter, _ *http.Request, rec *apikey.Record) {
		fmt.Fprintf(w, "subject %s by %q", rec.Subject, rec.Name)
	}
	h := ring.Wrap(guard.HandlerFunc(show))

	call := func(key string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-API-Key", key)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	call(key.Reveal()) // only Reveal returns the secret

	next, _, err := ring.Rotate(ctx, rec.ID, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	call(key.Reveal())
	call(next.Reveal())
	// Output:
	// 200 subject 1 by "nightly export"
	// 401 {"error":"Unauthorized","message":"Invalid API key"}
	// 200 subject 1 by "nightly export"
}

// Keys of a ring, and old ones that an application looks up itself, in one
// header: the ring leaves keys without its prefix to the lookup.
func ExampleRing_withLookup() {
	type User struct{ ID, Name string }
	byID := func(_ context.Context, id string) (User, bool, error) { return User{id, "Alice"}, true, nil }
	byKey := func(_ context.Context, key string) (User, bool, error) {
		return User{"2", "Bob"}, key == "key_67890", nil
	}
	ring := guard.Must(apikey.NewRing(nil))
	old := guard.Must(apikey.New(byKey, nil))
	authenticated := guard.Require[User](guard.BySubject(ring, byID), old)

	h := authenticated(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u User) { fmt.Fprint(w, u.Name) }))
	key, _, err := ring.Issue(context.Background(), apikey.Grant{Subject: "1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, k := range []string{key.Reveal(), "key_67890"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-API-Key", k)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 Alice
	// 200 Bob
}

// A key for three requests.
func ExampleGrant_maxUses() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	key, rec, err := ring.Issue(ctx, apikey.Grant{Subject: "1", MaxUses: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := ring.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 4 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-API-Key", key.Reveal())
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		rec, _, err := ring.Load(ctx, rec.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(w.Code, rec.Uses)
	}
	// Output:
	// 200 1
	// 200 2
	// 200 3
	// 401 3
}
