package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// Settings are the data of the sessions of the examples.
type Settings struct{ Theme string }

// signedIn signs Alice in, and returns a request of her browser.
func signedIn(sessions *session.Manager[Settings]) *http.Request {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "https://example.com/", nil)
	guard.Must(sessions.Create(w, r, "alice", Settings{"light"}))
	r.AddCookie(w.Result().Cookies()[0])
	return r
}

// answer serves a request, and prints the answer.
func answer(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body)))
	return w
}

// The handler gets the session of the request.
func ExampleManager_Wrap() {
	sessions := guard.Must(session.New[Settings](nil))
	home := sessions.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session[Settings]) {
		fmt.Fprint(w, s.Sub(), " likes it ", s.Data().Theme)
	}))

	answer(home, signedIn(sessions))
	answer(home, httptest.NewRequest("GET", "/", nil))
	// Output:
	// 200 alice likes it light
	// 401 {"error":"Unauthorized","message":"Not authenticated"}
}

// The data changes in the store, and the next request has it.
func ExampleManager_Update() {
	sessions := guard.Must(session.New[Settings](nil))
	set := sessions.Wrap(guard.Handler(func(w http.ResponseWriter, r *http.Request, s *session.Session[Settings]) error {
		s, err := sessions.Update(r.Context(), s, func(d *Settings) error {
			d.Theme = "dark"
			return nil
		})
		if err != nil {
			return err // 401, 503 or 500
		}
		fmt.Fprint(w, s.Data().Theme)
		return nil
	}))

	answer(set, signedIn(sessions))
	// Output: 200 dark
}

// The user became an administrator: a copy of the old cookie must not be one, too.
func ExampleManager_Rotate() {
	sessions := guard.Must(session.New[Settings](nil))
	promote := sessions.Wrap(guard.Handler(func(w http.ResponseWriter, r *http.Request, s *session.Session[Settings]) error {
		_, err := sessions.Rotate(w, r, s)
		return err
	}))

	old := signedIn(sessions)
	w := answer(promote, old)
	fmt.Println(len(w.Result().Cookies()), "new cookie")
	answer(promote, old)
	// Output:
	// 200
	// 1 new cookie
	// 401 {"error":"Unauthorized","message":"Invalid session"}
}

// A logout that answers in its own words. LogoutHandler redirects.
func ExampleManager_Destroy() {
	sessions := guard.Must(session.New[Settings](nil))
	logout := func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Destroy(w, r); err != nil {
			guard.Refuse(w, r, err) // the session may be alive
			return
		}
		fmt.Fprint(w, "Goodbye")
	}

	r := signedIn(sessions)
	answer(http.HandlerFunc(logout), r)
	answer(sessions.Wrap(http.NotFoundHandler()), r)
	// Output:
	// 200 Goodbye
	// 401 {"error":"Unauthorized","message":"Invalid session"}
}

// The route of the logout's form, with no authentication step around it.
func ExampleManager_LogoutHandler() {
	sessions := guard.Must(session.New[Settings](nil))
	mux := http.NewServeMux()
	mux.Handle("POST /logout", sessions.LogoutHandler("/login"))

	r := signedIn(sessions)
	r.URL.Path = "/logout"
	r.Header.Set("Accept", "text/html")
	w := answer(mux, r)
	fmt.Println(w.Header().Get("Location"))
	// Output:
	// 303
	// /login
}

// After a change of the password, the other sessions of the user end.
func ExampleManager_DestroyAll() {
	sessions := guard.Must(session.New[Settings](nil))
	changePassword := sessions.Wrap(guard.Handler(func(w http.ResponseWriter, r *http.Request, s *session.Session[Settings]) error {
		// Write the hash of the new password first.
		n, err := sessions.DestroyAll(r.Context(), s.Sub(), s.ID())
		if err != nil {
			return err // some may still be alive
		}
		fmt.Fprint(w, n, " ended")
		return nil
	}))

	phone := signedIn(sessions)
	answer(changePassword, signedIn(sessions))
	answer(changePassword, phone)
	// Output:
	// 200 1 ended
	// 401 {"error":"Unauthorized","message":"Invalid session"}
}

// The user ends a session of the list. Its ID comes from the form: an ID of another
// user's session is not found.
func ExampleManager_DestroyID() {
	sessions := guard.Must(session.New[Settings](nil))
	lost, err := sessions.Authenticate(signedIn(sessions))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, user := range []string{"mallory", "alice"} {
		found, err := sessions.DestroyID(context.Background(), user, lost.ID())
		fmt.Println(user, found, err)
	}
	// Output:
	// mallory false <nil>
	// alice true <nil>
}

// A page lists the sessions of its user.
func ExampleManager_List() {
	sessions := guard.Must(session.New[Settings](nil))
	page := sessions.Wrap(guard.Handler(func(w http.ResponseWriter, r *http.Request, s *session.Session[Settings]) error {
		list, err := sessions.List(r.Context(), s.Sub())
		if err != nil {
			return err
		}
		for _, each := range list {
			fmt.Fprintln(w, "theme", each.Data().Theme, "this one:", each.ID() == s.ID())
		}
		return nil
	}))

	answer(page, signedIn(sessions))
	// Output: 200 theme light this one: true
}

// The epoch is read before the hash of the password, and passed to Create by AtEpoch.
func ExampleManager_Epoch() {
	sessions := guard.Must(session.New[Settings](nil))
	ctx := context.Background()
	before, err := sessions.Epoch(ctx, "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := sessions.DestroyAll(ctx, "alice"); err != nil { // meanwhile
		fmt.Println(err)
		return
	}
	after, err := sessions.Epoch(ctx, "alice")
	fmt.Println(after > before, err)
	// Output: true <nil>
}
