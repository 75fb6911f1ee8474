package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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

	next, _, _ := ring.Rotate(ctx, rec.ID, 0)
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
	key, _, _ := ring.Issue(context.Background(), apikey.Grant{Subject: "1"})
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

// A form in which a subject edits a key of its own; package owner checks whose it is.
func ExampleRing_Update() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	_, rec, _ := ring.Issue(ctx, apikey.Grant{Subject: "1", Name: "laptop", Scopes: []string{"posts:read", "posts:write"}})

	edit := func(w http.ResponseWriter, r *http.Request) {
		rec, found, err := ring.Update(r.Context(), r.PathValue("id"), func(g *apikey.Grant) error {
			g.Name = r.FormValue("name")
			g.Scopes = []string{"posts:read"}
			g.Metadata = map[string]string{"team": "web"}
			return nil
		})
		switch {
		case err != nil:
			guard.Refuse(w, r, err)
		case !found: // unknown, or it has ended
			guard.Refuse(w, r, guard.NotFound("No such key"))
		default:
			fmt.Fprintln(w, rec.Name, rec.Scopes, rec.Metadata)
		}
	}
	for _, name := range []string{"desk", strings.Repeat("x", 201)} {
		r := httptest.NewRequest("PATCH", "/keys/"+rec.ID+"?name="+name, nil)
		r.SetPathValue("id", rec.ID)
		w := httptest.NewRecorder()
		edit(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 desk [posts:read] map[team:web]
	// 422 {"error":"Unprocessable Entity","message":"name has 201 bytes; at most 200 are allowed"}
}

// The mistakes in a form, by field.
func ExampleFieldErrors() {
	ring := guard.Must(apikey.NewRing(nil))
	_, _, err := ring.Issue(context.Background(), apikey.Grant{
		Subject: "1", Scopes: []string{}, ExpiresAt: time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	if mistakes, ok := errors.AsType[apikey.FieldErrors](err); ok {
		for _, m := range mistakes {
			fmt.Printf("%s: %s\n", m.Field, m.Problem)
		}
	}
	// Output:
	// scopes: is an empty list; nil means no limit
	// expires_at: is in the past
}

// A rotation whose answer was lost is repeated: the key that clients hold stays valid.
func ExampleRing_Rotate() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	held, rec, _ := ring.Issue(ctx, apikey.Grant{Subject: "1"})

	lost, _, _ := ring.Rotate(ctx, rec.ID, time.Hour) // no one received it
	next, _, _ := ring.Rotate(ctx, rec.ID, time.Hour)
	for _, key := range []apikey.Key{held, lost, next} {
		_, found, _ := ring.Verify(ctx, key.Reveal())
		fmt.Println(found)
	}
	// Output:
	// true
	// false
	// true
}

// The endpoint that a secret scanner reports leaked keys to. An id alone proves
// nothing: the whole key must be right.
func ExampleRing_Verify() {
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Prefix: "acme"}))
	report := func(ctx context.Context, text string) error {
		rec, found, err := ring.Verify(ctx, text)
		if err != nil || !found {
			return err
		}
		_, err = ring.Revoke(ctx, rec.ID)
		fmt.Printf("revoked %q of subject %s\n", rec.Name, rec.Subject)
		return err
	}

	key, _, _ := ring.Issue(context.Background(), apikey.Grant{Subject: "1", Name: "laptop"})
	_ = report(context.Background(), key.String()) // the id and the last characters
	_ = report(context.Background(), key.Reveal())
	// Output:
	// revoked "laptop" of subject 1
}

// An administrator's list of the keys of all subjects, in pages.
func ExampleRing_ListAll() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	for _, subject := range []string{"alice", "bob", "carol"} {
		_, _, _ = ring.Issue(ctx, apikey.Grant{Subject: subject})
	}
	for cursor := ""; ; { // of the query of a request
		page, next, err := ring.ListAll(ctx, cursor, 2)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(len(page), next != "")
		if cursor = next; cursor == "" {
			return
		}
	}
	// Output:
	// 2 true
	// 1 false
}

// A key for three requests.
func ExampleGrant_maxUses() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	key, rec, _ := ring.Issue(ctx, apikey.Grant{Subject: "1", MaxUses: 3})
	h := ring.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 4 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-API-Key", key.Reveal())
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		rec, _, _ = ring.Load(ctx, rec.ID)
		fmt.Println(w.Code, rec.Uses)
	}
	// Output:
	// 200 1
	// 200 2
	// 200 3
	// 401 3
}
