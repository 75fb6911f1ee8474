package link_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/link"
)

// Links that confirm an e-mail address end when the address changes, or is confirmed.
func ExampleNew() {
	type Account struct {
		Email     string
		Confirmed bool
	}
	accounts := map[string]Account{"1": {Email: "alice@example.com"}} // a table
	key := []byte(strings.Repeat("k", 32))                            // 32 random bytes, the same in all processes
	stateOf := func(_ context.Context, id string) (boundTo string, found bool, err error) {
		a, found := accounts[id]
		return fmt.Sprint(a.Email, " ", a.Confirmed), found, nil // an error here is an outage: 503
	}

	_, err := link.New("confirm", "https://app.example.com/confirm", key, stateOf, &link.Options{Lifetime: 24 * time.Hour})
	fmt.Println(err)
	// Output: <nil>
}

// The answer to the client is the same for every account: only the owner reads the mail.
func ExampleLinks_Issue() {
	key := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	resets := guard.Must(link.New("reset", "https://app.example.com/reset", key, func(_ context.Context, id string) (string, bool, error) {
		return "the hash of the password", id == "1", nil
	}, nil))

	for _, id := range []string{"1", "2"} {
		address, err := resets.Issue(context.Background(), id)
		switch {
		case err != nil:
			fmt.Println(err) // guard.Refuse(w, r, err)
		case address == "":
			fmt.Println("no such account: send nothing")
		default:
			fmt.Println("mail", address[:len("https://app.example.com/reset?token=")]+"…")
		}
	}
	// Output:
	// mail https://app.example.com/reset?token=…
	// no such account: send nothing
}

// The page of a link, which a mail scanner may open first.
func ExampleLinks_Open() {
	key := []byte(strings.Repeat("k", 32)) // 32 random bytes, the same in all processes
	resets := guard.Must(link.New("reset", "https://app.example.com/reset", key, func(_ context.Context, id string) (string, bool, error) {
		return "the hash of the password", id == "1", nil
	}, nil))
	page := func(w http.ResponseWriter, r *http.Request) {
		link.SetHeaders(w.Header())
		token := r.FormValue("token")
		if _, err := resets.Open(r.Context(), token); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprint(w, "Choose a new password") // a form with the token in a hidden field
	}

	for _, address := range []string{guard.Must(resets.Issue(context.Background(), "1")), "/reset?token=forged"} {
		w := httptest.NewRecorder()
		page(w, httptest.NewRequest("GET", address, nil))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 Choose a new password
	// 400 {"error":"Bad Request","message":"Invalid or expired link"}
}

// A click confirms the address, once.
func ExampleLinks_Redeem_confirm() {
	confirmed := map[string]bool{"1": false} // a column of the accounts
	key := []byte(strings.Repeat("k", 32))   // 32 random bytes, the same in all processes
	links := guard.Must(link.New("confirm", "https://app.example.com/confirm", key, func(_ context.Context, id string) (string, bool, error) {
		done, found := confirmed[id]
		return fmt.Sprint("alice@example.com ", done), found, nil
	}, nil))

	ctx := context.Background()
	token := guard.Must(url.Parse(guard.Must(links.Issue(ctx, "1")))).Query().Get("token")
	for range 2 {
		err := links.Redeem(ctx, token, func(_ context.Context, id string) error {
			confirmed[id] = true
			return nil
		})
		fmt.Println(confirmed["1"], err)
	}
	// Output:
	// true <nil>
	// true guard: 400 Bad Request: Invalid or expired link: link: invalid: the state has changed since it was issued
}

// Call it first: refusals of the page have the fields, too.
func ExampleSetHeaders() {
	page := func(w http.ResponseWriter, r *http.Request) {
		link.SetHeaders(w.Header())
		// Open the link here, and write the form.
	}

	w := httptest.NewRecorder()
	page(w, httptest.NewRequest("GET", "/reset?token=t0ken", nil))
	fmt.Println(w.Header().Get("Referrer-Policy"), w.Header().Get("Cache-Control"))
	// Output: no-referrer no-store
}
