package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/link"
)

// A linkPage is a page of links by mail: without a token the form that asks for one, and
// with a token the form that uses it.
type linkPage struct {
	path, ask, form string // ask and form are templates
	purpose         string
	links           *link.Links
	letter          func(ctx context.Context, email string) (message, bool, error)
	use             func(w http.ResponseWriter, r *http.Request, in linked) error // answers, if the error is nil
}

// linked is the data of the form that uses a link: the address of the account that it is
// for, and the address that the link brings.
type linked struct{ Token, Email, Address string }

// link mounts a page. A GET spends nothing: mail scanners open links, too.
func (a *app) link(l linkPage) {
	a.route(l.path, func(w http.ResponseWriter, r *http.Request) {
		if l.ask != "" && !r.URL.Query().Has("token") {
			a.page(w, r, http.StatusOK, l.ask, nil)
			return
		}
		in, err := a.open(r.Context(), l.links, r.URL.Query().Get("token"))
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		a.page(w, r, http.StatusOK, l.form, in)
	}, func(w http.ResponseWriter, r *http.Request) {
		if l.ask != "" && !r.PostForm.Has("token") {
			a.askForMail(w, r, l.ask, l.purpose, l.letter)
			return
		}
		in, err := a.open(r.Context(), l.links, r.PostForm.Get("token"))
		if err == nil {
			err = l.use(w, r, in)
		}
		if err != nil {
			a.mistake(w, r, l.form, in, err)
		}
	})
}

// The subject of a link is an account; or an account, if any, and an address, with what
// makes the link another one than those of before.
func addressSubject(id, email string) string { return id + " " + rand.Text()[:8] + " " + email }

func cutSubject(subject string) (id, email string) {
	id, rest, _ := strings.Cut(subject, " ")
	_, email, _ = strings.Cut(rest, " ")
	return id, email
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
func (a *app) askForMail(w http.ResponseWriter, r *http.Request, page, purpose string, letter func(context.Context, string) (message, bool, error)) {
	email, mistake := sentEmail(r)
	if mistake != "" {
		a.invalid(w, r, page, nil, map[string]string{"email": mistake})
		return
	}
	if err := a.sendTo(r.Context(), email, purpose, letter); err != nil {
		guard.Refuse(w, r, err)
		return
	}
	a.page(w, r, http.StatusAccepted, "sent", email)
}

// address is a part of what mail addresses can be (RFC 5321): no quotes, and ASCII alone,
// so that no two addresses look alike.
var address = regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$`)

// maxNewEmail leaves room for an account beside an address in the subject of a link.
const maxNewEmail = 200

// sentEmail returns the address of a form in lower case, or its mistake.
func sentEmail(r *http.Request) (email, mistake string) {
	email = strings.ToLower(strings.TrimSpace(r.PostForm.Get("email")))
	switch {
	case email == "":
		return "", "Enter your e-mail address."
	case len(email) > maxNewEmail || !address.MatchString(email):
		return "", "Enter an address such as name@example.com."
	}
	return email, ""
}
