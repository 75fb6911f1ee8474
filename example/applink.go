package main

import (
	"context"
	"net/http"

	"github.com/go-guard/guard/signin/link"
)

// A linkPage is a page of links by mail: without a token the form that asks for one, and
// with a token the form that uses it.
type linkPage struct {
	path, ask, form string // ask and form are templates
	purpose         string
	links           *link.Links
	letter          func(ctx context.Context, email string) (message, bool, error)
	use             func(w http.ResponseWriter, r *http.Request, in linked) (to string, err error)
}

// page returns the page of links that /link has, too.
func (l linkPages) page(ask, form string, use func(http.ResponseWriter, *http.Request, linked) (string, error)) linkPage {
	return linkPage{path: l.path, ask: ask, form: form, purpose: l.purpose, links: l.links, letter: l.letter, use: use}
}

// linked is the data of the form that uses a link: the address of the account that it is
// for, and the address that the link brings.
type linked struct{ Token, Email, Address string }

// link mounts a page. A GET spends nothing: mail scanners open links, too.
func (a *app) link(l linkPage) {
	show := func(_ http.ResponseWriter, r *http.Request, _ User) (result, error) {
		if l.ask != "" && !r.URL.Query().Has("token") {
			return result{page: l.ask}, nil
		}
		in, err := a.open(r.Context(), l.links, r.URL.Query().Get("token"))
		return result{page: l.form, data: in}, err
	}
	ask := a.plain(l.ask).try(func(_ http.ResponseWriter, r *http.Request, _ User) (result, error) {
		return a.askForMail(r, l.purpose, l.letter)
	})
	a.route(l.path, a.answer(show), a.answer(func(w http.ResponseWriter, r *http.Request, u User) (result, error) {
		if l.ask != "" && !r.PostForm.Has("token") {
			return ask(w, r, u)
		}
		in, err := a.open(r.Context(), l.links, r.PostForm.Get("token"))
		to := ""
		if err == nil {
			to, err = l.use(w, r, in)
		}
		if err != nil {
			err = mistake{err, l.form, in}
		}
		return result{to: to}, err
	}))
}

func (a *app) open(ctx context.Context, links *link.Links, token string) (linked, error) {
	subject, err := links.Open(ctx, token)
	id, email := cutSubject(subject)
	var u User
	if err == nil && id != "" {
		u, _, err = a.users.ByID(ctx, id)
	}
	return linked{token, u.Email, email}, err
}

// askForMail answers every address alike: only the mail says whether it has an account.
func (a *app) askForMail(r *http.Request, purpose string, letter func(context.Context, string) (message, bool, error)) (result, error) {
	email, wrong := sentEmail(r)
	if wrong != "" {
		return result{}, mistakes{"email": wrong}
	}
	return result{status: http.StatusAccepted, page: "sent", data: email}, a.sendTo(r, email, purpose, letter)
}
