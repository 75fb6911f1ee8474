package apikey_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// All mistakes in the options are reported at once.
func ExampleNewRing() {
	ring, err := apikey.NewRing(&apikey.RingOptions{Prefix: "acme", Env: "test", Pepper: []byte(strings.Repeat("p", 32))})
	fmt.Println(ring != nil, err)

	_, err = apikey.NewRing(&apikey.RingOptions{Prefix: "Acme", Pepper: []byte("short")})
	fmt.Println(err)
	// Output:
	// true <nil>
	// apikey: prefix "Acme" is not 2 to 16 lower-case letters and digits, a letter first
	// apikey: a pepper of 5 bytes: at least 32 bytes are needed
}

// The endpoint at which users make keys. It answers with the key once, and never again.
func ExampleRing_Issue() {
	type User struct{ ID string }
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Prefix: "acme"}))
	create := guard.Handler(func(w http.ResponseWriter, r *http.Request, u User) error {
		key, rec, err := ring.Issue(r.Context(), apikey.Grant{
			Subject: u.ID, Name: r.PostFormValue("name"), Scopes: []string{"posts:read"},
			Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		})
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusCreated)
		return json.NewEncoder(w).Encode(map[string]any{"key": key.Reveal(), "record": rec})
	})

	for _, name := range []string{"laptop", strings.Repeat("x", 201)} {
		r := httptest.NewRequest("POST", "/keys", strings.NewReader("name="+name))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		create.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), User{"1"})))
		fmt.Println(w.Code, strings.Contains(w.Body.String(), `"key":"acme_live_`))
	}
	// Output:
	// 201 true
	// 422 false
}

// A subject has as many keys as it may have: the refusal is 409.
func ExampleRing_Issue_tooMany() {
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{MaxPerSubject: 1}))
	for range 2 {
		_, _, err := ring.Issue(context.Background(), apikey.Grant{Subject: "1"})
		fmt.Println(errors.Is(err, apikey.ErrTooMany))
	}
	// Output:
	// false
	// true
}

// A subject's keys, the newest first, without their secrets.
func ExampleRing_List() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	for _, subject := range []string{"alice", "bob", "alice"} {
		if _, _, err := ring.Issue(ctx, apikey.Grant{Subject: subject, Name: "key of " + subject}); err != nil {
			fmt.Println(err)
			return
		}
	}
	records, err := ring.List(ctx, "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rec := range records {
		fmt.Println(rec.Name, len(rec.Last4))
	}
	// Output:
	// key of alice 4
	// key of alice 4
}

// A page about one key. A key of another subject is as unknown as one that does not exist.
func ExampleRing_Load() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	_, issued, err := ring.Issue(ctx, apikey.Grant{Subject: "alice", Name: "laptop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	show := func(subject, id string) error {
		rec, found, err := ring.Load(ctx, id)
		if err != nil {
			return err
		}
		if !found || rec.Subject != subject {
			return guard.NotFound("No such key")
		}
		fmt.Println(rec.Name)
		return nil
	}
	fmt.Println(show("alice", issued.ID))
	fmt.Println(show("bob", issued.ID))
	// Output:
	// laptop
	// <nil>
	// guard: 404 Not Found: No such key
}

// A key that is revoked is refused from then on.
func ExampleRing_Revoke() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	key, rec, err := ring.Issue(ctx, apikey.Grant{Subject: "1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := ring.Revoke(ctx, rec.ID)
	fmt.Println(found, err)

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-API-Key", key.Reveal())
	w := httptest.NewRecorder()
	ring.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// true <nil>
	// 401 {"error":"Unauthorized","message":"Invalid API key"}
}

// A check before each commit for keys of this ring in the text.
func ExampleRing_Pattern() {
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Prefix: "acme"}))
	key, _, err := ring.Issue(context.Background(), apikey.Grant{Subject: "1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	leaks := regexp.MustCompile(ring.Pattern())
	fmt.Println(leaks.MatchString("export API_KEY=" + key.Reveal()))
	fmt.Println(leaks.MatchString("export API_KEY=" + key.String()))
	// Output:
	// true
	// false
}

// A route whose principal is the record of the key.
func ExampleRing_Wrap() {
	ring := guard.Must(apikey.NewRing(nil))
	key, _, err := ring.Issue(context.Background(), apikey.Grant{Subject: "1", Name: "laptop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /whoami", ring.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, rec *apikey.Record) {
		fmt.Fprintf(w, "user %s by %q", rec.Subject, rec.Name)
	})))

	r := httptest.NewRequest("GET", "/whoami", nil)
	r.Header.Set("X-API-Key", key.Reveal())
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 user 1 by "laptop"
}
