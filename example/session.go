package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
)

// A Device is what a session remembers of where it was opened, so that its
// user can tell it from others.
type Device struct {
	Name string `json:"name"`
}

// accounts is the handlers of one who signs in with a cookie: those of this
// file for programs, and those of sessionpage.go for browsers.
type accounts struct {
	sessions *session.Manager[Device]
	users    *Users
}

// sessionSection: a login answers with a cookie. Browsers that ask for a page
// without one are sent to the page at /session/ and back.
func sessionSection(mux *http.ServeMux, set settings, users *Users) {
	a := accounts{users: users, sessions: guard.Must(session.New[Device](&session.Options{
		Lifetime:       7 * 24 * time.Hour,
		IdleTimeout:    7 * 24 * time.Hour, // as in the guide: a week, used or not
		TouchEvery:     time.Minute,        // the page shows when each was used last
		InsecureCookie: set.dev,
		Store:          set.stores.Sessions,
	}))}
	user := guard.BySubject(a.sessions, users.ByID)
	browsers := guard.OnError(format.HTML("/session/", guard.JSON))
	logins := guard.OnError(format.HTML("", format.ByStatus(map[int]guard.ErrorHandler{http.StatusUnauthorized: oneKey}, guard.JSON)))
	signedIn := guard.Chain(browsers, a.sameOrigin, user.Wrap)

	mux.Handle("POST /session/login", guard.Chain(logins, a.sameOrigin)(http.HandlerFunc(a.login)))
	mux.Handle("POST /session/logout", guard.Chain(browsers, a.sameOrigin)(http.HandlerFunc(a.logout)))
	mux.Handle("GET /session/profile", signedIn(guard.HandlerFunc(showProfile)))

	mux.Handle("GET /session/{$}", browsers(guard.Lenient(user)(http.HandlerFunc(a.page))))
	mux.Handle("POST /session/end", signedIn(guard.HandlerFunc(a.end)))
	mux.Handle("POST /session/end-others", signedIn(guard.HandlerFunc(a.endOthers)))
}

// sameOrigin refuses what a browser sends from another site, with or without a
// session, before anything of it is read: a form elsewhere may not even sign
// its visitors in. The sessions themselves refuse it too.
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

// create signs u in, and destroys the session that the request came with.
func (a accounts) create(w http.ResponseWriter, r *http.Request, u User) error {
	_, err := a.sessions.Create(w, r, u.ID, Device{device(r.UserAgent())}, session.Remember(true))
	return err
}

// challenge makes a refused login a 401 that asks for a session, not a token.
func (a accounts) challenge(err error) error {
	if !errors.Is(err, errCredentials) {
		return err
	}
	return &guard.Error{Status: http.StatusUnauthorized, Message: "Invalid credentials", Challenges: []string{a.sessions.Scheme().Challenge}}
}

// logout needs no valid session: whoever has a cookie can get rid of it.
func (a accounts) logout(w http.ResponseWriter, r *http.Request) {
	if err := a.sessions.Destroy(w, r); err != nil {
		guard.Refuse(w, r, err)
		return
	}
	done(w, r, isForm(r), "signed-out", object{"message": "Logged out successfully"})
}
