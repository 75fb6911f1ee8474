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
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Destroy(w, r); err != nil {
			guard.Refuse(w, r, err) // still signed in
			return
		}
		fmt.Fprint(w, "goodbye")
	})
	mux.Handle("GET /", sessions.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session[Profile]) {
		fmt.Fprintf(w, "Hello, %s!", s.Data().Name)
	})))

	// A server would be http.ListenAndServeTLS(addr, cert, key, mux).
	srv := httptest.NewTLSServer(mux)
	defer srv.Close()
	browser := srv.Client()
	browser.Jar, _ = cookiejar.New(nil)
	for _, request := range []string{"GET /", "POST /login", "GET /", "POST /logout", "GET /"} {
		method, path, _ := strings.Cut(request, " ")
		r, _ := http.NewRequest(method, srv.URL+path, nil)
		res, err := browser.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(res.Body)
		fmt.Println(request, res.StatusCode, string(body))
	}
	// Output:
	// GET / 401 {"error":"Unauthorized","message":"Not authenticated"}
	// POST /login 200 welcome
	// GET / 200 Hello, Alice!
	// POST /logout 200 goodbye
	// GET / 401 {"error":"Unauthorized","message":"Not authenticated"}
}

// An Account holds the data that a login needs.
type Account struct{ ID, Name, Hash string }

// Accounts stand for a table of a database.
type Accounts map[string]*Account

func (a Accounts) ByEmail(_ context.Context, email string) (Account, bool, error) {
	account, ok := a[email]
	if !ok {
		return Account{}, false, nil
	}
	return *account, true, nil
}

func (a Accounts) SetHash(_ context.Context, email, hash string) error {
	a[email].Hash = hash
	return nil
}

type Visitor struct{ Name, Device string }

// A LoginHandler is a complete login. An unknown account, a wrong password and a
// missing one get the same answer after the same time.
type LoginHandler struct {
	Accounts Accounts
	Attempts *ratelimit.Login
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
	email, pw := r.PostForm.Get("email"), r.PostForm.Get("password")
	attempt, err := l.Attempts.Attempt(r, email)
	if err != nil {
		return err
	}
	// An unknown account has no hash. Verifying that takes as long as any other.
	account, _, err := l.Accounts.ByEmail(r.Context(), email)
	if err != nil {
		return err
	}
	ok, rehash, err := password.Verify(r.Context(), account.Hash, pw)
	if err != nil {
		return err
	}
	if !ok {
		return &guard.Error{Status: http.StatusUnauthorized, Message: "Invalid credentials", Challenges: []string{l.Sessions.Scheme().Challenge}}
	}
	_ = attempt.Succeed(r.Context()) // if it fails, the attempt counts
	if rehash {
		if hash, err := password.Hash(r.Context(), pw); err == nil {
			_ = l.Accounts.SetHash(r.Context(), email, hash) // or at the next login
		}
	}
	_, err = l.Sessions.Create(w, r, account.ID, Visitor{account.Name, r.UserAgent()},
		session.Remember(r.PostForm.Get("remember") == "on"))
	return err
}

func Example_login() {
	hash, _ := password.Hash(context.Background(), "correct horse")
	h := &LoginHandler{
		Accounts: Accounts{"alice@example.com": {"1", "Alice", hash}},
		Attempts: guard.Must(ratelimit.NewLogin(clientip.Direct(), nil)),
		Sessions: guard.Must(session.New[Visitor](nil)),
	}
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
	w := httptest.NewRecorder()
	mine, _ := sessions.Create(w, httptest.NewRequest("POST", "/", nil), "1", Visitor{"Alice", "Firefox"})
	_, _ = sessions.Create(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil), "1", Visitor{"Alice", "phone"})
	lost, _ := sessions.Create(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil), "1", Visitor{"Alice", "lost laptop"})

	ctx := context.Background()
	list, _ := sessions.List(ctx, mine.Sub())
	fmt.Println(len(list), "sessions")
	found, err := sessions.DestroyID(ctx, mine.Sub(), lost.ID()) // the id comes from the page
	fmt.Println("ended:", found, err)
	n, err := sessions.DestroyAll(ctx, mine.Sub(), mine.ID())
	fmt.Println("others ended:", n, err)
	list, _ = sessions.List(ctx, mine.Sub())
	fmt.Println("left:", list[0].Data().Device, list[0].ID() == mine.ID())
	// Output:
	// 3 sessions
	// ended: true <nil>
	// others ended: 1 <nil>
	// left: Firefox true
}
