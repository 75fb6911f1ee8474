package main

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
)

// page shows the account of the signed-in user, or the form to sign in.
func (a accounts) page(w http.ResponseWriter, r *http.Request) {
	p := page{
		Notice: notices[r.URL.Query().Get("notice")],
		Form:   loginForm{Next: format.Next(r, "/session/")},
	}
	if u, ok := guard.PrincipalFrom[User](r.Context()); ok {
		list, err := a.sessions.List(r.Context(), u.ID)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		id := a.sessionID(r)
		p.User = &u
		for _, s := range list {
			p.Sessions = append(p.Sessions, listedSession{
				ID: s.ID(), Device: s.Data().Name, Created: s.AuthTime(), LastSeen: s.LastSeen(), This: s.ID() == id,
			})
		}
	}
	a.show(w, http.StatusOK, p)
}

// sessionID returns the id of the request's session, or "".
func (a accounts) sessionID(r *http.Request) string {
	s, ok := guard.CredentialFrom[*session.Session[Device]](r.Context())
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
}

// formLogin is login for the page's form: it shows refusals in the form.
func (a accounts) formLogin(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		guard.Refuse(w, r, unreadable(err))
		return
	}
	email, pw := r.PostForm.Get("email"), r.PostForm.Get("password")
	form := loginForm{Email: email, Next: format.Next(r, "/session/")}
	if email == "" {
		form.EmailError = "Enter your e-mail address."
	}
	if pw == "" {
		form.PasswordError = "Enter your password."
	}
	if email == "" || pw == "" {
		a.show(w, http.StatusUnprocessableEntity, page{Form: form})
		return
	}
	u, found, err := a.users.Login(r.Context(), email, pw)
	if u, err = guard.Resolve(u, found, err, errCredentials); err == nil {
		err = a.create(w, r, u)
	}
	switch {
	case errors.Is(err, errCredentials):
		form.Refused = "That e-mail address and password do not match an account. Try again."
		w.Header().Set("WWW-Authenticate", a.sessions.Scheme().Challenge)
		a.show(w, http.StatusUnauthorized, page{Form: form})
	case err != nil:
		guard.Refuse(w, r, err)
	default:
		http.Redirect(w, r, form.Next, http.StatusSeeOther)
	}
}

// end ends one of the user's sessions. The id of another user's session is not
// found.
func (a accounts) end(w http.ResponseWriter, r *http.Request, u User) {
	var in struct {
		ID string `json:"id"`
	}
	var err error
	form := isForm(r)
	if form {
		if err = r.ParseForm(); err != nil {
			err = unreadable(err)
		}
		in.ID = r.PostForm.Get("id")
	} else {
		err = readObject(r, &in)
	}
	var found bool
	if err == nil {
		found, err = a.sessions.DestroyID(r.Context(), u.ID, in.ID)
	}
	switch {
	case err != nil:
		guard.Refuse(w, r, err)
	case found:
		done(w, r, form, "ended", object{"message": "Session ended"})
	case form:
		done(w, r, form, "gone", nil)
	default:
		guard.Refuse(w, r, guard.NotFound("Session not found"))
	}
}

// endOthers ends all sessions of the user except the one of the request.
func (a accounts) endOthers(w http.ResponseWriter, r *http.Request, u User) {
	n, err := a.sessions.DestroyAll(r.Context(), u.ID, a.sessionID(r))
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	done(w, r, isForm(r), "others-ended", object{"message": "Other sessions ended", "ended": n})
}

// done redirects a form to the page, and answers other requests with JSON.
func done(w http.ResponseWriter, r *http.Request, form bool, notice string, answer object) {
	if form {
		http.Redirect(w, r, "/session/?notice="+notice, http.StatusSeeOther)
		return
	}
	reply(w, http.StatusOK, answer)
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
