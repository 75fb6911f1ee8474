package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/password"
	"github.com/go-guard/guard/signin/totp"
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
	users    *Directory
	attempts *ratelimit.Login      // the limit of logins
	logins   *password.Login[User] // of every route that checks a password of these accounts
	second   *totp.Factors         // nil without SEAL_KEY
	keys     *passkey.RelyingParty // nil as newPasskeys says
	mails    *mailer               // nil without MAIL_URL
	sent     *ratelimit.Limiter    // of the mails that anyone can ask for
	senders  *ratelimit.Limiter    // of the clients that ask for them
	devices  string                // the path where sessions are bound to a device, or ""
	demo     bool                  // the page names the users and their password

	storedKeys passkey.Store // of the database, or nil
	publicURL  string
}

// newAccounts returns the accounts that /session, /link, /totp, /passkey and /stepup share.
func newAccounts(set settings, users *Directory) (a accounts, err error) {
	a = accounts{users: users, mails: set.mails, devices: set.tls.devices().Path, demo: set.dev, storedKeys: set.stores.Passkeys, publicURL: set.publicURL}
	a.sessions, err = session.New[Device](&session.Options{
		TouchEvery:     time.Minute, // the page shows the last use
		InsecureCookie: set.plainCookies(),
		Store:          set.stores.Sessions,

		ExperimentalDevice: set.tls.devices(),
	})
	if err != nil {
		return a, err
	}
	if a.second, err = newSecondFactors(set, users); err != nil {
		return a, err
	}
	if a.keys, err = newPasskeys(set); err != nil {
		return a, err
	}
	if a.sent, a.senders, err = newSentMails(set); err != nil {
		return a, err
	}
	if a.attempts, err = newAttempts(set, "session logins", ratelimit.LoginOptions{}); err != nil {
		return a, err
	}
	a.logins = newLogin(a.users, password.LoginOptions[User]{
		Attempts:  a.attempts,
		Challenge: a.sessions.Scheme().Challenge,
		Epoch: func(ctx context.Context, u *User) (err error) {
			u.Epoch, err = a.sessions.Epoch(ctx, u.ID)
			return err
		},
	})
	return a, nil
}

// sessionSection shows sessions: a login sets a cookie. A browser that requests a
// page without one is redirected to the page at /session/, and back after the
// login. It returns the guard of pages for users who are signed in.
func sessionSection(mux *http.ServeMux, a accounts) (signedIn guard.Middleware) {
	user := guard.BySubject(a.sessions, a.users.ByID)
	browsers := guard.Chain(guard.OnError(format.HTML("/session/", guard.JSON)), a.sameOrigin)
	inForm := guard.OnError(format.Browser(a.refusedForm, format.ByStatus(map[int]guard.ErrorHandler{http.StatusUnauthorized: errorOnly}, guard.JSON)))
	signedIn = guard.Chain(browsers, user.Wrap)

	if path := a.devices; path != "" {
		mux.Handle("POST "+path, a.sessions.Device())
	}
	mux.Handle("POST /session/login", guard.Chain(browsers, inForm)(http.HandlerFunc(a.login)))
	mux.Handle("POST /session/logout", browsers(http.HandlerFunc(a.logout)))
	mux.Handle("GET /session/profile", signedIn(guard.HandlerFunc(showProfile)))

	mux.Handle("GET /session/{$}", browsers(guard.Optional(user)(http.HandlerFunc(a.page))))
	mux.Handle("POST /session/end", signedIn(guard.HandlerFunc(a.end)))
	mux.Handle("POST /session/end-others", signedIn(guard.HandlerFunc(a.endOthers)))
	return signedIn
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

// keepSignedIn is how long a login lasts, whether it is used or not, where the user
// does not want it to end with the browser.
const keepSignedIn = 7 * 24 * time.Hour

// login checks a password and creates a session.
func (a accounts) login(w http.ResponseWriter, r *http.Request) {
	if isForm(r) {
		a.formLogin(w, r)
		return
	}
	u, err := checkLogin(r, a.logins)
	next := ""
	if err == nil {
		next, err = a.create(w, r, u, "pwd", session.For(keepSignedIn)) // as in the guide
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	answer(w, next)
}

// create signs u in by a factor, and destroys the session of the request. It refuses a
// login that was under way when the user's sessions were ended. An account with a second
// factor gets a half sign-in, and next names what it waits for. A passkey is two factors.
func (a accounts) create(w http.ResponseWriter, r *http.Request, u User, factor string, opts ...session.CreateOption) (next string, err error) {
	if !slices.Contains(passkeyFactors, factor) {
		if next, err = a.secondStep(r.Context(), u); err != nil {
			return "", err
		}
	}
	opts = append(opts, session.AtEpoch(u.Epoch), session.Factors(factor))
	if next != "" {
		opts = append(opts, session.Pending(next, halfSignIn))
	}
	_, err = a.sessions.Create(w, r, u.ID, Device{device(r.UserAgent())}, opts...)
	return next, err
}

// suspend suspends an account, or restores it. Its sessions end either way: those that an
// outage left must not come back.
func (a accounts) suspend(ctx context.Context, id string, suspended bool) (found bool, err error) {
	account, found, err := a.users.SetSuspended(ctx, id, suspended)
	if err != nil || !found {
		return false, err
	}
	text := "Your account can be used again."
	if suspended {
		text = "Your account was suspended. No one can sign in to it, and its API keys do not work."
	}
	a.mails.notify(userOf(account), text)
	_, err = a.sessions.DestroyAll(ctx, id)
	return true, err
}

// answer answers a sign-in of a program.
func answer(w http.ResponseWriter, next string) {
	if next != "" {
		reply(w, http.StatusOK, object{"next": next})
		return
	}
	reply(w, http.StatusOK, object{"message": "Logged in successfully"})
}

// goOn answers that of a browser, which is led to a page of this site.
func goOn(w http.ResponseWriter, r *http.Request, next, page string) {
	if next != "" {
		page = "/" + next + "/?next=" + url.QueryEscape(page)
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
}

// logout needs no valid session: a client can always clear its cookie. A browser's form
// leads to the page, however often it is sent.
func (a accounts) logout(w http.ResponseWriter, r *http.Request) {
	if isForm(r) {
		a.sessions.LogoutHandler("/session/?notice=signed-out").ServeHTTP(w, r)
		return
	}
	if err := a.sessions.Destroy(w, r); err != nil {
		guard.Refuse(w, r, err)
		return
	}
	reply(w, http.StatusOK, object{"message": "Logged out successfully"})
}
