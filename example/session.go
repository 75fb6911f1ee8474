package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
)

// A Device is the data of a session: it names the device that signed in, so that
// users can recognize their sessions.
type Device struct {
	Name string `json:"name"`
}

// accounts has the handlers for signing in with a cookie: those in this file are
// for programs, and those in sessionpage.go for browsers.
type accounts struct {
	sessions *session.Manager[Device]
	users    *Users
	demo     bool // the page names the users and their password
}

// sessionSection shows sessions: a login sets a cookie. A browser that requests a
// page without one is redirected to the page at /session/, and back after the
// login.
func sessionSection(mux *http.ServeMux, set settings, users *Users) {
	a := accounts{users: users, demo: set.dev, sessions: guard.Must(session.New[Device](&session.Options{
		Lifetime:       7 * 24 * time.Hour,
		IdleTimeout:    7 * 24 * time.Hour, // as in the guide: a week, whether used or not
		TouchEvery:     time.Minute,        // the page shows the last use
		InsecureCookie: set.dev,
		Store:          set.stores.Sessions,
	}))}
	user := guard.BySubject(a.sessions, users.ByID)
	browsers := guard.OnError(format.HTML("/session/", guard.JSON))
	logins := guard.OnError(format.HTML("", format.ByStatus(map[int]guard.ErrorHandler{http.StatusUnauthorized: errorOnly}, guard.JSON)))
	signedIn := guard.Chain(browsers, a.sameOrigin, user.Wrap)

	mux.Handle("POST /session/login", guard.Chain(logins, a.sameOrigin)(http.HandlerFunc(a.login)))
	mux.Handle("POST /session/logout", guard.Chain(browsers, a.sameOrigin)(http.HandlerFunc(a.logout)))
	mux.Handle("GET /session/profile", signedIn(guard.HandlerFunc(showProfile)))

	mux.Handle("GET /session/{$}", browsers(guard.Optional(user)(http.HandlerFunc(a.page))))
	mux.Handle("POST /session/end", signedIn(guard.HandlerFunc(a.end)))
	mux.Handle("POST /session/end-others", signedIn(guard.HandlerFunc(a.endOthers)))
}

// sameOrigin refuses a browser's cross-site request before its body is read, with
// or without a session: a form on another site must not sign its visitors in. The
// session manager refuses such a request too.
func (a accounts) sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.sessions.CheckOrigin(r); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// login checks a password and creates a session.
func (a accounts) login(w http.ResponseWriter, r *http.Request) {
	if isForm(r) {
		a.formLogin(w, r)
		return
	}
	u, err := checkLogin(r, a.users)
	if err == nil {
		err = a.create(w, r, u)
	}
	if err != nil {
		guard.Refuse(w, r, a.challenge(err))
		return
	}
	reply(w, http.StatusOK, object{"message": "Logged in successfully"})
}

// create signs u in, and destroys the session of the request.
func (a accounts) create(w http.ResponseWriter, r *http.Request, u User) error {
	_, err := a.sessions.Create(w, r, u.ID, Device{device(r.UserAgent())}, session.Remember(true))
	return err
}

// challenge gives a refused login the challenge of sessions, in place of that of
// tokens.
func (a accounts) challenge(err error) error {
	if !errors.Is(err, errCredentials) {
		return err
	}
	return &guard.Error{Status: http.StatusUnauthorized, Message: "Invalid credentials", Challenges: []string{a.sessions.Scheme().Challenge}}
}

// logout needs no valid session: a client can always clear its cookie.
func (a accounts) logout(w http.ResponseWriter, r *http.Request) {
	if err := a.sessions.Destroy(w, r); err != nil {
		guard.Refuse(w, r, err)
		return
	}
	done(w, r, isForm(r), "signed-out", object{"message": "Logged out successfully"})
}
