package session_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/password"
)

func Example() {
	type Profile struct{ Name string }
	sessions := guard.Must(session.New[Profile](nil))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// Check the password here: see the example "Login".
		if _, err := sessions.Create(w, r, "1", Profile{"Alice"}); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprint(w, "welcome")
	})
	mux.Handle("POST /logout", sessions.LogoutHandler("/"))
	mux.Handle("GET /", sessions.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session[Profile]) {
		fmt.Fprintf(w, "Hello, %s!", s.Data().Name)
	})))

	// A server would be http.ListenAndServeTLS(addr, cert, key, mux).
	srv := httptest.NewTLSServer(mux)
	defer srv.Close()
	browser := srv.Client()
	browser.Jar = guard.Must(cookiejar.New(nil))
	for _, request := range []string{"GET /", "POST /login", "GET /", "POST /logout", "GET /"} {
		method, path, _ := strings.Cut(request, " ")
		res, err := browser.Do(guard.Must(http.NewRequest(method, srv.URL+path, nil)))
		if err != nil {
			fmt.Println(err)
			return
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(strings.TrimSpace(fmt.Sprint(request, " ", res.StatusCode, " ", string(body))))
	}
	// Output:
	// GET / 401 {"error":"Unauthorized","message":"Not authenticated"}
	// POST /login 200 welcome
	// GET / 200 Hello, Alice!
	// POST /logout 204
	// GET / 401 {"error":"Unauthorized","message":"Not authenticated"}
}

// An Account holds the data that a login needs.
type Account struct {
	ID, Name, Email, Hash string
	Epoch                 int64 // of the sessions, when the password was verified
}

// Accounts stand for a table of a database.
type Accounts map[string]Account

// ByEmail returns an account and the hash of its password.
func (a Accounts) ByEmail(_ context.Context, email string) (Account, string, bool, error) {
	account, found := a[email]
	return account, account.Hash, found, nil
}

// SetHash replaces a hash if it is still there: a new hash of the old password never
// undoes a change of the password.
func (a Accounts) SetHash(_ context.Context, account Account, old, replacement string) (swapped bool, err error) {
	if account = a[account.Email]; account.Hash != old {
		return false, nil
	}
	account.Hash = replacement
	a[account.Email] = account
	return true, nil
}

type Visitor struct{ Name, Device string }

// device is what a session remembers of a User-Agent. A client may send a megabyte,
// and no more than Options.MaxData is stored.
func device(r *http.Request) string {
	ua := r.UserAgent()
	return strings.ToValidUTF8(ua[:min(len(ua), 200)], "")
}

// A LoginHandler is a complete login. An unknown account, a wrong password and a
// missing one get the same answer after the same time.
type LoginHandler struct {
	Logins   *password.Login[Account]
	Sessions *session.Manager[Visitor]
}

func (l *LoginHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := l.login(w, r); err != nil {
		guard.Refuse(w, r, err) // 400, 401, 403, 429 or 503
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (l *LoginHandler) login(w http.ResponseWriter, r *http.Request) error {
	// First: a request from another website must not count as an attempt.
	if err := l.Sessions.CheckOrigin(r); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		return &guard.Error{Status: http.StatusBadRequest, Err: err}
	}
	account, err := l.Logins.Check(r, r.PostForm.Get("email"), r.PostForm.Get("password"))
	if err != nil {
		return err
	}
	var lifetime time.Duration // that of the manager
	if r.PostForm.Get("remember") == "on" {
		lifetime = 30 * 24 * time.Hour
	}
	_, err = l.Sessions.Create(w, r, account.ID, Visitor{account.Name, device(r)},
		session.For(lifetime), session.AtEpoch(account.Epoch), session.Factors("pwd"))
	return err
}

func Example_login() {
	hash := guard.Must(password.Hash(context.Background(), "correct horse"))
	accounts := Accounts{"alice@example.com": {ID: "1", Name: "Alice", Email: "alice@example.com", Hash: hash}}
	sessions := guard.Must(session.New[Visitor](nil))
	h := &LoginHandler{Sessions: sessions, Logins: guard.Must(password.NewLogin(accounts.ByEmail, &password.LoginOptions[Account]{
		Attempts: guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
			Address: ratelimit.Limit{Quota: 5, Window: 15 * time.Minute},
		})),
		Rehash: accounts.SetHash,
		Epoch: func(ctx context.Context, account *Account) (err error) {
			account.Epoch, err = sessions.Epoch(ctx, account.ID)
			return err
		},
		Challenge: sessions.Scheme().Challenge,
	}))}
	send := func(email, pw string, header ...string) {
		form := url.Values{"email": {email}, "password": {pw}}
		r := httptest.NewRequest("POST", "https://example.com/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, site := range header {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, len(w.Result().Cookies()), "cookie(s)"+w.Body.String())
	}
	send("alice@example.com", "correct horse")
	send("alice@example.com", "correct horse", "cross-site")
	send("alice@example.com", "battery staple")
	send("mallory@example.com", "battery staple")
	send("mallory@example.com", "")
	send("alice@example.com", "1")
	send("alice@example.com", "2")
	send("alice@example.com", "correct horse") // too late: 5 have failed from this address
	// Output:
	// 303 1 cookie(s)
	// 403 0 cookie(s){"error":"Forbidden","message":"Cross-origin request refused"}
	// 401 0 cookie(s){"error":"Unauthorized","message":"Invalid credentials"}
	// 401 0 cookie(s){"error":"Unauthorized","message":"Invalid credentials"}
	// 401 0 cookie(s){"error":"Unauthorized","message":"Invalid credentials"}
	// 401 0 cookie(s){"error":"Unauthorized","message":"Invalid credentials"}
	// 401 0 cookie(s){"error":"Unauthorized","message":"Invalid credentials"}
	// 429 0 cookie(s){"error":"Too Many Requests","message":"Too many login attempts. Try again later."}
}

// A page lists the user's sessions, ends one of them, and ends all others after
// another authentication.
func Example_devices() {
	sessions := guard.Must(session.New[Visitor](nil))
	signIn := func(device string) *session.Session[Visitor] {
		r := httptest.NewRequest("POST", "/", nil)
		return guard.Must(sessions.Create(httptest.NewRecorder(), r, "1", Visitor{"Alice", device})) // a handler calls guard.Refuse
	}
	mine, _, lost := signIn("Firefox"), signIn("phone"), signIn("lost laptop")

	ctx := context.Background()
	list, err := sessions.List(ctx, mine.Sub())
	fmt.Println(len(list), "sessions", err)
	found, err := sessions.DestroyID(ctx, mine.Sub(), lost.ID()) // the id comes from the page
	fmt.Println("ended:", found, err)
	n, err := sessions.DestroyAll(ctx, mine.Sub(), mine.ID())
	fmt.Println("others ended:", n, err)
	list, err = sessions.List(ctx, mine.Sub())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("left:", list[0].Data().Device, list[0].ID() == mine.ID())
	// Output:
	// 3 sessions <nil>
	// ended: true <nil>
	// others ended: 1 <nil>
	// left: Firefox true
}

// A session is checked when a WebSocket opens. The connection lives on after a logout,
// unless its handler asks again: here before each message.
func ExampleManager_Reload() {
	sessions := guard.Must(session.New[Visitor](nil))
	// Answer is the loop of any WebSocket library, behind Wrap: s is from the handshake.
	answer := func(ctx context.Context, s *session.Session[Visitor], message string) error {
		s, err := sessions.Reload(ctx, s)
		if err != nil {
			return err // then close the connection, with 1008 (RFC 6455, section 7.4.1)
		}
		fmt.Println(s.Data().Name, "says", message)
		return nil
	}

	ctx := context.Background()
	s, err := sessions.Create(httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil), "1", Visitor{Name: "Alice"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer(ctx, s, "hello"))
	if _, err := sessions.DestroyAll(ctx, "1"); err != nil { // in another tab
		fmt.Println(err)
		return
	}
	fmt.Println(answer(ctx, s, "I am still here"))
	// Output:
	// Alice says hello
	// <nil>
	// guard: 401 Unauthorized: Invalid session: session: unknown token
}
