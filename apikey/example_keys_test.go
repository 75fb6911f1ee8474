package apikey_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/source"
)

// Keys in a header of one's own. A lookup that fails is an outage, not a wrong key.
func ExampleNew() {
	type User struct{ Name string }
	lookup := func(_ context.Context, key string) (User, bool, error) {
		if key == "key_12345" {
			return User{}, false, context.DeadlineExceeded // of the database
		}
		return User{}, false, nil
	}
	keys := guard.Must(apikey.New(lookup, &apikey.Options{
		Sources: []source.Source{source.Header("X-Token")},
		Missing: "Send your token in X-Token",
	}))
	h := keys.Wrap(http.NotFoundHandler())

	for _, key := range []string{"", "key_99999", "key_12345"} {
		r := httptest.NewRequest("GET", "/", nil)
		if key != "" {
			r.Header.Set("X-Token", key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 401 {"error":"Unauthorized","message":"Send your token in X-Token"}
	// 401 {"error":"Unauthorized","message":"Invalid API key"}
	// 503 {"error":"Service Unavailable","message":"The service is unavailable. Try again later."}
}

// One route for programs with a key.
func ExampleKeys_Wrap() {
	type User struct{ Name string }
	keys := guard.Must(apikey.New(func(_ context.Context, key string) (User, bool, error) {
		return User{"Alice"}, apikey.DigestOf(key) == apikey.DigestOf("key_12345"), nil
	}, nil))
	mux := http.NewServeMux()
	mux.Handle("GET /export", keys.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u User) {
		fmt.Fprintf(w, "export for %s", u.Name)
	})))

	r := httptest.NewRequest("GET", "/export", nil)
	r.Header.Set("X-API-Key", "key_12345")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 export for Alice
}

// A table that stores digests, not keys.
func ExampleDigestOf() {
	owners := map[apikey.Digest]string{}             // a column BINARY(32) in a database
	owners[apikey.DigestOf("key_12345")] = "alice"   // when the key is made
	owner, found := owners[apikey.DigestOf("guess")] // when a request is authenticated
	fmt.Printf("%q %t\n", owner, found)
	// Output: "" false
}

// The whole key is shown once. Logs and errors show the rest of it only.
func ExampleKey_Reveal() {
	ring := guard.Must(apikey.NewRing(nil))
	key, rec, err := ring.Issue(context.Background(), apikey.Grant{Subject: "1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	secret := key.Reveal()
	fmt.Println(len(secret), secret[:8])
	fmt.Println(key.String() == "ak_live_"+rec.ID+"_…"+rec.Last4)
	// Output:
	// 59 ak_live_
	// true
}

// A store with room for many keys, which rings of two environments share.
func ExampleNewMemory() {
	store, err := apikey.NewMemory(&apikey.MemoryOptions{Max: 10_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	live := guard.Must(apikey.NewRing(&apikey.RingOptions{Prefix: "acme", Env: "live", Store: store}))
	test := guard.Must(apikey.NewRing(&apikey.RingOptions{Prefix: "acme", Env: "test", Store: store}))
	key, _, err := test.Issue(context.Background(), apikey.Grant{Subject: "1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, found, err := live.Verify(context.Background(), key.Reveal())
	fmt.Println(found, err)

	_, err = apikey.NewMemory(&apikey.MemoryOptions{Max: -1})
	fmt.Println(err)
	// Output:
	// false <nil>
	// apikey: MemoryOptions.Max is negative: -1
}

// A page of keys marks those that are of no use any more.
func ExampleRecord_Ended() {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) // time.Now()
	for _, rec := range []apikey.Record{
		{Name: "laptop"},
		{Name: "old laptop", RevokedAt: now.AddDate(0, -1, 0)},
		{Name: "trial", ExpiresAt: now.AddDate(0, 0, 1)},
		{Name: "one-time", MaxUses: 1, Uses: 1},
	} {
		fmt.Println(rec.Name, rec.Ended(now))
	}
	// Output:
	// laptop false
	// old laptop true
	// trial false
	// one-time true
}

// A store of one's own deletes records by this time.
func ExampleRecord_ForgetAfter() {
	expires := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	fmt.Println((&apikey.Record{ExpiresAt: expires}).ForgetAfter().Format(time.DateOnly))
	fmt.Println((&apikey.Record{}).ForgetAfter().IsZero()) // never: the key does not expire
	// Output:
	// 2030-01-31
	// true
}

// A handler of a ring's keys reads whose key it is.
func ExampleRecord_Sub() {
	h := guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, rec *apikey.Record) {
		fmt.Fprintf(w, "posts of user %s", rec.Sub())
	})
	r := httptest.NewRequest("GET", "/posts", nil)
	w := httptest.NewRecorder()
	h(w, r.WithContext(guard.WithPrincipal(r.Context(), &apikey.Record{Subject: "7"}))) // in place of ring.Wrap
	fmt.Println(w.Body)
	// Output: posts of user 7
}
