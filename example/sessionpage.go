package main

import (
	"bufio"
	"context"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
)

// page shows the account of the signed-in user, or the form to sign in. A page that needs a
// more recent sign-in leads here, too: with "next" the form is for everyone.
func (a accounts) page(w http.ResponseWriter, r *http.Request) {
	p := page{
		Notice: notices[r.URL.Query().Get("notice")],
		Form:   loginForm{Next: format.Next(r, "/session/")},
	}
	if u, ok := guard.PrincipalFrom[User](r.Context()); ok && !r.URL.Query().Has("next") {
		list, err := a.listSessions(r, u)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		p.User, p.Sessions = &u, list
	}
	a.show(w, r, http.StatusOK, p)
}

func (a accounts) listSessions(r *http.Request, u User) (listed []listedSession, err error) {
	list, err := a.sessions.List(r.Context(), u.ID)
	id := a.sessionID(r)
	for _, s := range list {
		listed = append(listed, listedSession{
			ID: s.ID(), Device: s.Data().Name, Created: s.AuthTime(), LastSeen: s.LastSeen(), This: s.ID() == id, Bound: s.Bound(),
		})
	}
	return listed, err
}

// session returns the session of a request.
func (a accounts) session(ctx context.Context) (*session.Session[Device], bool) {
	return guard.CredentialFrom[*session.Session[Device]](ctx)
}

// sessionID returns the id of the request's session, or "".
func (a accounts) sessionID(r *http.Request) string {
	s, ok := a.session(r.Context())
	if !ok {
		return ""
	}
	return s.ID()
}

// notices are the messages about the last action that the page can show.
var notices = map[string]string{
	"signed-out":   "You are signed out.",
	"ended":        "The session was ended.",
	"gone":         "That session had ended already.",
	"others-ended": "All other sessions were ended.",
	"other-user":   "Nothing was changed: another user has signed in here meanwhile.",
}

// formLogin is login for the page's form.
func (a accounts) formLogin(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		guard.Refuse(w, r, unreadable(err))
		return
	}
	form := sentForm(r)
	pw := r.PostForm.Get("password")
	if form.Email == "" {
		form.EmailError = "Enter your e-mail address."
	}
	if pw == "" {
		form.PasswordError = "Enter your password."
	}
	if form.EmailError+form.PasswordError != "" {
		a.show(w, r, http.StatusUnprocessableEntity, page{Form: form})
		return
	}
	u, err := a.logins.Check(r, form.Email, pw)
	next := ""
	if err == nil {
		var opts []session.CreateOption // without one, the cookie ends with the browser
		if form.Keep {
			opts = append(opts, session.For(keepSignedIn))
		}
		next, err = a.create(w, r, u, "pwd", opts...)
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	goOn(w, r, next, form.Next)
}

// sentForm returns the login form with what a browser sent, without the password.
func sentForm(r *http.Request) loginForm {
	return loginForm{Email: strings.TrimSpace(r.PostFormValue("email")), Keep: r.PostFormValue("keep") != "", Next: format.Next(r, "/session/")}
}

// refusedForm is the error format of logins for browsers: the form, with the reason.
func (a accounts) refusedForm(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	form := sentForm(r)
	form.Refused = strings.TrimSuffix(e.Message, ".") + "."
	if e.Code == "login_invalid" {
		form.Refused = "That e-mail address and password do not match an account. Try again."
	}
	a.show(w, r, e.Status, page{Form: form})
}

// end ends one of the user's sessions. The id of another user's session is not
// found.
func (a accounts) end(w http.ResponseWriter, r *http.Request, u User) {
	if isForm(r) {
		a.formEnd(w, r, u)
		return
	}
	var in struct {
		ID string `json:"id"`
	}
	err := readObject(r, &in)
	var found bool
	if err == nil {
		found, err = a.sessions.DestroyID(r.Context(), u.ID, in.ID)
	}
	switch {
	case err != nil:
		guard.Refuse(w, r, err)
	case !found:
		guard.Refuse(w, r, guard.NotFound("Session not found"))
	default:
		reply(w, http.StatusOK, object{"message": "Session ended"})
	}
}

func (a accounts) formEnd(w http.ResponseWriter, r *http.Request, u User) {
	if !fromPageOf(w, r, u, "/session/") {
		return
	}
	found, err := a.sessions.DestroyID(r.Context(), u.ID, r.PostForm.Get("id"))
	switch {
	case err != nil:
		guard.Refuse(w, r, err)
	case !found:
		notice(w, r, "/session/", "gone")
	default:
		notice(w, r, "/session/", "ended")
	}
}

// fromPageOf reports whether a form is from u's page. Otherwise, it answers: in another
// tab another user may have signed in since the page was shown.
func fromPageOf(w http.ResponseWriter, r *http.Request, u User, page string) bool {
	if err := r.ParseForm(); err != nil {
		guard.Refuse(w, r, unreadable(err))
		return false
	}
	if r.PostForm.Get("as") != u.ID {
		notice(w, r, page, "other-user")
		return false
	}
	return true
}

// endOthers ends all sessions of the user except the one of the request.
func (a accounts) endOthers(w http.ResponseWriter, r *http.Request, u User) {
	form := isForm(r)
	if form && !fromPageOf(w, r, u, "/session/") {
		return
	}
	n, err := a.sessions.DestroyAll(r.Context(), u.ID, a.sessionID(r))
	switch {
	case err != nil:
		guard.Refuse(w, r, err)
	case form:
		notice(w, r, "/session/", "others-ended")
	default:
		reply(w, http.StatusOK, object{"message": "Other sessions ended", "ended": n})
	}
}

// notice redirects a form to a page, which shows the notice of this name.
func notice(w http.ResponseWriter, r *http.Request, page, name string) {
	http.Redirect(w, r, page+"?notice="+name, http.StatusSeeOther)
}

// isForm reports whether a browser's form sent the request. "curl -d" sends the
// Content-Type of a form for JSON too, but no form begins with a brace. It must be
// called before the body is read.
func isForm(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return false
	}
	body := bufio.NewReader(r.Body)
	first, _ := body.Peek(1)
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	return string(first) != "{"
}
