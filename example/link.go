package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/link"
)

// linkSection shows links by mail: to reset a forgotten password, and to sign in. Without
// mail, a key or https it is not mounted.
func linkSection(mux *http.ServeMux, set settings, a accounts, log *slog.Logger) error {
	switch u, err := url.Parse(set.publicURL); {
	case len(set.seal) == 0:
		log.Warn("SEAL_KEY is not set: /link is not mounted")
		return nil
	case a.mails == nil:
		log.Warn("MAIL_URL is not set: /link is not mounted")
		return nil
	case err != nil || u.Scheme != "https" && u.Hostname() != "localhost":
		log.Warn("PUBLIC_URL is neither https nor of localhost: /link is not mounted")
		return nil
	}
	mails, err := ratelimit.New(ratelimit.Limit{Name: "mails", Quota: 3, Window: 15 * time.Minute},
		func(*http.Request) (string, error) { return "", errors.New("the key is the address") }, // Take has it
		&ratelimit.Options{Store: set.stores.Limits, Secret: set.derive("mails")})
	if err != nil {
		return err
	}
	keys := set.sealKeys("links")
	reset := linkPages{accounts: a, sent: mails, path: "/link/reset", subject: "Choose a new password", form: step{
		Title: "Choose a new password", Button: "Change the password",
		Field: &stepField{"password", "New password", "password", "new-password"},
	}}
	reset.links, err = link.New("reset", set.publicURL+reset.path, keys[0], a.passwordState, &link.Options{OldKeys: keys[1:], Once: set.stores.Once})
	if err != nil {
		return fmt.Errorf("PUBLIC_URL: %w", err)
	}
	signIn := linkPages{accounts: a, sent: mails, path: "/link/login", subject: "Sign in", form: step{Title: "Sign in", Button: "Sign in"}}
	signIn.links, err = link.New("sign-in", set.publicURL+signIn.path, keys[0], a.linkState, &link.Options{
		OldKeys: keys[1:], Once: set.stores.Once, Lifetime: 15 * time.Minute,
	})
	if err != nil {
		return fmt.Errorf("PUBLIC_URL: %w", err)
	}
	reset.redeem, signIn.redeem = reset.changePassword, signIn.signIn
	for _, l := range []linkPages{reset, signIn} {
		inForm := guard.OnError(format.Browser(l.refused, guard.JSON))
		mux.Handle("GET "+l.path, inForm(http.HandlerFunc(l.open)))
		mux.Handle("POST "+l.path, guard.Chain(inForm, a.sameOrigin)(http.HandlerFunc(l.post)))
	}
	return nil
}

// linkPages has the handlers of the links for one purpose.
type linkPages struct {
	accounts
	links         *link.Links
	sent          *ratelimit.Limiter // mails to an address
	path, subject string
	form          step
	redeem        func(w http.ResponseWriter, r *http.Request, in linkBody)
}

// open shows the form of a link. Mail scanners open links, too: nothing is spent.
func (l linkPages) open(w http.ResponseWriter, r *http.Request) {
	link.SetHeaders(w.Header())
	w.Header().Add("Vary", "Accept")
	token := r.URL.Query().Get("token")
	id, err := l.links.Open(r.Context(), token)
	var u User
	if err == nil {
		u, _, err = l.users.ByID(r.Context(), id)
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	page := l.form
	page.Action, page.Token, page.Text = l.path, token, "For "+u.Email
	switch {
	case wantsPage(r):
		page.show(w, http.StatusOK)
	case page.Field == nil:
		reply(w, http.StatusOK, object{"message": "Sign in as " + u.Email})
	default:
		reply(w, http.StatusOK, object{"message": page.Title})
	}
}

// A linkBody is the body of a POST: an address, or the token of a link and what it is for.
type linkBody struct {
	Email    *string `json:"email"`
	Token    *string `json:"token"`
	Password string  `json:"password"`
}

// readLinkBody reads JSON or a form, and nothing from the URL.
func readLinkBody(r *http.Request) (in linkBody, err error) {
	if !isForm(r) {
		return in, readObject(r, &in)
	}
	if err := r.ParseForm(); err != nil {
		return in, unreadable(err)
	}
	member := func(name string) *string {
		if !r.PostForm.Has(name) {
			return nil
		}
		value := r.PostForm.Get(name)
		return &value
	}
	return linkBody{member("email"), member("token"), r.PostForm.Get("password")}, nil
}

func (l linkPages) post(w http.ResponseWriter, r *http.Request) {
	link.SetHeaders(w.Header())
	w.Header().Add("Vary", "Accept")
	in, err := readLinkBody(r)
	switch {
	case err != nil:
		guard.Refuse(w, r, err)
	case in.Token != nil:
		l.redeem(w, r, in)
	case in.Email != nil:
		l.ask(w, r, strings.ToLower(strings.TrimSpace(*in.Email)))
	default:
		guard.Refuse(w, r, malformed("The body has neither an e-mail address nor a token"))
	}
}

// ask answers every address alike: the account is looked up in the background. What it
// reads before is the same for each, so that an outage is a 503 for each.
func (l linkPages) ask(w http.ResponseWriter, r *http.Request, email string) {
	key := l.path + " " + email[:min(len(email), maxEmail)]
	_, _, err := l.users.ByID(r.Context(), "0") // no account
	if err == nil {
		_, err = l.sessions.Epoch(r.Context(), "0")
	}
	var allowed ratelimit.Result
	if err == nil {
		allowed, err = l.sent.Take(r.Context(), key, 1)
	}
	if err == nil && allowed.OK { // otherwise there are three mails in the inbox
		err = l.mails.later(func(ctx context.Context) (message, bool, error) { return l.letter(ctx, email) })
	}
	if err != nil {
		guard.Refuse(w, r, guard.Unavailable(err))
		return
	}
	const sentence = "If the account exists, a link is on its way"
	if wantsPage(r) {
		step{Title: "Look into your mail", Text: sentence + "."}.show(w, http.StatusAccepted)
		return
	}
	reply(w, http.StatusAccepted, object{"message": sentence})
}

// letter returns the mail with a link, or none for an address without an account.
func (l linkPages) letter(ctx context.Context, email string) (message, bool, error) {
	u, _, found, err := l.users.ByEmail(ctx, email)
	if err != nil || !found {
		return message{}, false, err
	}
	to, err := l.links.Issue(ctx, u.ID)
	return message{to: u.Email, subject: l.subject, text: l.subject + ":", url: to}, to != "", err // else the account was deleted meanwhile
}

// refused shows a password that is refused in the form, and any other error as a page.
func (l linkPages) refused(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	if e.Status != http.StatusUnprocessableEntity {
		format.HTML("/session/", guard.JSON)(w, r, e)
		return
	}
	page := l.form
	page.Action, page.Token, page.Mistake = l.path, r.PostFormValue("token"), e.Message+"."
	page.show(w, e.Status)
}
