package link_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/link"
	"github.com/go-guard/guard/signin/password"
)

// An Account is a row of an App's table.
type Account struct{ ID, Email, Hash string }

// App is a web application in which people reset their passwords.
type App struct {
	accounts   map[string]Account // by ID: a table of a database
	sessions   *session.Manager[struct{}]
	resets     *link.Links
	send       func(email, text string)
	background sync.WaitGroup // a program waits for it before it ends
}

// NewApp returns an App. The key is 32 bytes from crypto/rand, of the environment.
func NewApp(accounts map[string]Account, key guard.Secret, send func(email, text string)) *App {
	a := &App{accounts: accounts, send: send, sessions: guard.Must(session.New[struct{}](nil))}
	a.resets = guard.Must(link.New("reset", "https://app.example.com/reset", key, a.stateOf, nil))
	return a
}

// stateOf returns what links are bound to: a new password ends them, and so does what
// raises the epoch, such as "log out everywhere".
func (a *App) stateOf(ctx context.Context, id string) (boundTo string, found bool, err error) {
	account, found := a.accounts[id]
	if !found {
		return "", false, nil
	}
	epoch, err := a.sessions.Epoch(ctx, id)
	return fmt.Sprint(epoch, " ", account.Hash), true, err
}

// setHash is a compare-and-swap: UPDATE … SET hash = $new WHERE id = $id AND hash = $old.
func (a *App) setHash(id, old, replacement string) (swapped bool) {
	account := a.accounts[id]
	if account.Hash != old {
		return false
	}
	account.Hash = replacement
	a.accounts[id] = account
	return true
}

// Ask sends a link. Its answer is the same for every address, and takes as long: the account
// is looked up in the background. Limit how often it sends.
func (a *App) Ask(w http.ResponseWriter, r *http.Request) error {
	ctx, email := context.WithoutCancel(r.Context()), r.PostFormValue("email")
	a.background.Go(func() {
		if err := a.sendTo(ctx, email); err != nil {
			log.Print(err)
		}
	})
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintln(w, "If the account exists, a link is on its way")
	return nil
}

// sendTo sends a link to the account that has this address.
func (a *App) sendTo(ctx context.Context, email string) error {
	for _, account := range a.accounts {
		if account.Email != email {
			continue
		}
		address, err := a.resets.Issue(ctx, account.ID)
		if err != nil {
			return err
		}
		if address != "" { // else the account was deleted meanwhile
			a.send(email, address)
		}
	}
	return nil
}

// Form is the page of the link. A mail scanner that opens it spends nothing.
func (a *App) Form(w http.ResponseWriter, r *http.Request) error {
	link.SetHeaders(w.Header())
	if _, err := a.resets.Open(r.Context(), r.FormValue("token")); err != nil {
		return err
	}
	fmt.Fprintln(w, "Choose a new password") // a form with the token in a hidden field
	return nil
}

// SetNew changes the password.
func (a *App) SetNew(w http.ResponseWriter, r *http.Request) error {
	link.SetHeaders(w.Header())
	err := a.resets.Redeem(r.Context(), r.PostFormValue("token"), func(ctx context.Context, id string) error {
		old := a.accounts[id].Hash
		hash, err := password.Hash(ctx, r.PostFormValue("password"))
		if err != nil {
			return err // 422 for one that is too short: the link still works
		}
		if !a.setHash(id, old, hash) {
			return &guard.Error{Status: http.StatusConflict, Message: "The password was changed meanwhile"}
		}
		_, err = a.sessions.DestroyAll(ctx, id) // half sign-ins and logins under way, too
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "Password changed")
	return nil
}

// Handler serves the App.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, f := range map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /forgot": a.Ask, "GET /reset": a.Form, "POST /reset": a.SetNew,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := f(w, r); err != nil {
				guard.Refuse(w, r, err)
			}
		})
	}
	return mux
}

// A person who forgot the password gets a link by mail, and sets a new one.
func Example() {
	var mails []string
	a := NewApp(map[string]Account{"1": {ID: "1", Email: "alice@example.com"}}, []byte(strings.Repeat("k", 32)), func(_, text string) {
		mails = append(mails, text)
	})
	h := a.Handler()
	post := func(path string, fields ...string) {
		form := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		a.background.Wait()
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	login := httptest.NewRecorder() // of someone who knows the old password
	guard.Must(a.sessions.Create(login, httptest.NewRequest("POST", "/login", nil), "1", struct{}{}))

	post("/forgot", "email", "mallory@example.com")
	post("/forgot", "email", "alice@example.com")
	fmt.Println(len(mails), "mail:", mails[0][:len("https://app.example.com/reset?token=")])
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", mails[0], nil))
		fmt.Println(w.Code, w.Header().Get("Referrer-Policy"), w.Body)
	}
	token := guard.Must(url.Parse(mails[0])).Query().Get("token")
	post("/reset", "token", token, "password", "short")
	post("/reset", "token", token, "password", "correct horse")
	post("/reset", "token", token, "password", "of a thief")
	list, err := a.sessions.List(context.Background(), "1")
	fmt.Println(len(list), "sessions", err)
	// Output:
	// 202 If the account exists, a link is on its way
	// 202 If the account exists, a link is on its way
	// 1 mail: https://app.example.com/reset?token=
	// 200 no-referrer Choose a new password
	//
	// 200 no-referrer Choose a new password
	//
	// 422 {"error":"Unprocessable Entity","message":"Choose a password of at least 8 characters"}
	// 200 Password changed
	// 400 {"error":"Bad Request","message":"Invalid or expired link"}
	// 0 sessions <nil>
}

// A link to sign in is bound to a count of sign-ins, to which the next one adds: of all links
// that were sent, one works.
func ExampleLinks_Redeem() {
	signIns := map[string]int64{"1": 0} // a column of the accounts
	logins := guard.Must(link.New("login", "https://app.example.com/login", []byte(strings.Repeat("k", 32)),
		func(_ context.Context, id string) (string, bool, error) {
			count, found := signIns[id]
			return fmt.Sprint(count), found, nil // and the epoch, as sessions.Epoch returns it
		}, nil))
	ctx := context.Background()
	tokenOf := func() string {
		return guard.Must(url.Parse(guard.Must(logins.Issue(ctx, "1")))).Query().Get("token")
	}
	first, second := tokenOf(), tokenOf()
	signIn := func(_ context.Context, id string) error {
		signIns[id]++ // UPDATE … SET sign_ins = sign_ins + 1 WHERE id = $id
		fmt.Println("signed in:", id)
		return nil // the error of sessions.Create
	}
	fmt.Println(logins.Redeem(ctx, first, signIn))
	fmt.Println(errors.Is(logins.Redeem(ctx, second, signIn), link.ErrInvalid))
	fmt.Println(logins.Redeem(ctx, tokenOf(), signIn))
	// Output:
	// signed in: 1
	// <nil>
	// true
	// signed in: 1
	// <nil>
}

// Codes confirm the phone number of someone who is signed in.
func ExampleCodes() {
	confirmed := map[string]bool{"1": false}
	codes := guard.Must(link.NewCodes("phone", []byte(strings.Repeat("k", 32)), func(_ context.Context, id string) (string, bool, error) {
		done, found := confirmed[id]
		return fmt.Sprint("+49 151 23456789 ", done), found, nil // the number, and whether it is confirmed
	}, nil))
	ctx := context.Background()
	code, err := codes.Issue(ctx, "1") // send it
	fmt.Println(len(code), err)
	err = codes.Redeem(ctx, "1", code, func(_ context.Context, id string) error {
		confirmed[id] = true
		return nil
	})
	fmt.Println(confirmed["1"], err)
	// Output:
	// 6 <nil>
	// true <nil>
}
