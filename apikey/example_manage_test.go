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

// A form in which a subject edits a key of its own; package owner checks whose it is.
func ExampleRing_Update() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	_, rec, err := ring.Issue(ctx, apikey.Grant{Subject: "1", Name: "laptop", Scopes: []string{"posts:read", "posts:write"}})
	if err != nil {
		fmt.Println(err)
		return
	}

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
	held, rec, err := ring.Issue(ctx, apikey.Grant{Subject: "1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	lost, _, err := ring.Rotate(ctx, rec.ID, time.Hour) // no one received it
	if err != nil {
		fmt.Println(err)
		return
	}
	next, _, err := ring.Rotate(ctx, rec.ID, time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range []apikey.Key{held, lost, next} {
		_, found, err := ring.Verify(ctx, key.Reveal())
		fmt.Println(found, err)
	}
	// Output:
	// true <nil>
	// false <nil>
	// true <nil>
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

	key, _, err := ring.Issue(context.Background(), apikey.Grant{Subject: "1", Name: "laptop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report(context.Background(), key.String())) // the id and the last characters
	fmt.Println(report(context.Background(), key.Reveal()))
	// Output:
	// <nil>
	// revoked "laptop" of subject 1
	// <nil>
}

// An administrator's list of the keys of all subjects, in pages.
func ExampleRing_ListAll() {
	ctx := context.Background()
	ring := guard.Must(apikey.NewRing(nil))
	for _, subject := range []string{"alice", "bob", "carol"} {
		if _, _, err := ring.Issue(ctx, apikey.Grant{Subject: subject}); err != nil {
			fmt.Println(err)
			return
		}
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
