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
	if why := set.withoutLinks(); why != "" {
		log.Warn(why + ": /link is not mounted")
		return nil
	}
	reset, err := a.resetLinks(set, "/link/reset")
	if err != nil {
		return err
	}
	signIn, err := a.signInLinks(set, "/link/login")
	if err != nil {
		return err
	}
	reset.redeem, signIn.redeem = reset.changePassword, signIn.signIn
	for _, l := range []linkPages{reset, signIn} {
		browsers := guard.Chain(guard.OnError(format.Browser(l.refused, guard.JSON)), a.sameOrigin)
		mux.Handle("GET "+l.path, browsers(http.HandlerFunc(l.open)))
		mux.Handle("POST "+l.path, browsers(http.HandlerFunc(l.post)))
	}
	return nil
}

// linkPages has the handlers of the links for one purpose.
type linkPages struct {
	accounts
	links                  *link.Links
	purpose, path, subject string
	form                   step
	redeem                 func(w http.ResponseWriter, r *http.Request, in linkBody)
}

// resetLinks returns the links that change a forgotten password, whose page is at path.
func (a accounts) resetLinks(set settings, path string) (l linkPages, err error) {
	l = linkPages{accounts: a, purpose: "reset", path: path, subject: "Choose a new password", form: step{
		Title: "Choose a new password", Button: "Change the password",
		Field: &stepField{"password", "New password", "password", "new-password"},
	}}
	l.links, err = set.newLinks(l.purpose, path, a.passwordState, time.Hour)
	return l, err
}

// signInLinks returns the links that sign in, whose page is at path.
func (a accounts) signInLinks(set settings, path string) (l linkPages, err error) {
	l = linkPages{accounts: a, purpose: "sign-in", path: path, subject: "Sign in", form: step{Title: "Sign in", Button: "Sign in"}}
	l.links, err = set.newLinks(l.purpose, path, a.linkState, 15*time.Minute)
	return l, err
}

// newLinks returns the links of a purpose, which lead to a path of this site.
func (s *settings) newLinks(purpose, path string, state func(context.Context, string) (string, bool, error), lifetime time.Duration) (*link.Links, error) {
	keys := s.sealKeys("links")
	l, err := link.New(purpose, s.publicURL+path, keys[0], state, &link.Options{OldKeys: keys[1:], Once: s.stores.Once, Lifetime: lifetime})
	if err != nil {
		return nil, fmt.Errorf("PUBLIC_URL: %w", err)
	}
	return l, nil
}

// withoutLinks returns what links by mail lack, or "".
func (s *settings) withoutLinks() string {
	u, err := url.Parse(s.publicURL)
	switch {
	case len(s.seal) == 0:
		return "SEAL_KEY is not set"
	case s.mails == nil:
		return "MAIL_URL is not set"
	case err != nil || u.Scheme != "https" && u.Hostname() != "localhost":
		return "PUBLIC_URL is neither https nor of localhost"
	}
	return ""
}

// newSentMails limits the mails to an address: three for a purpose, until they are read. It
// also limits the clients that ask for them: one could have mail sent to any number of
// addresses, in the name of this site.
func newSentMails(set settings) (mails, clients *ratelimit.Limiter, err error) {
	clients, err = ratelimit.New(ratelimit.Limit{Name: "mail-clients", Quota: 100, Window: time.Hour},
		ratelimit.ByIPPrefix(set.clientIP(), 32, 48), // of IPv6, what one contract may have
		&ratelimit.Options{Store: set.stores.Limits, Secret: set.derive("mail clients"), Timeout: time.Second})
	if err != nil {
		return nil, nil, err
	}
	mails, err = ratelimit.New(ratelimit.Limit{Name: "mails", Quota: 3, Window: 15 * time.Minute},
		func(*http.Request) (string, error) { return "", errors.New("the key is the address") }, // Take has it
		&ratelimit.Options{Store: set.stores.Limits, Secret: set.derive("mails")})
	return mails, clients, err
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

// sendTo mails what letter returns for an address. It takes as long for each: the account
// is looked up in the background. What it reads before is the same for each, so that an
// outage is a 503 for each. A client that asks too often gets a 429.
func (a accounts) sendTo(r *http.Request, email, purpose string, letter func(ctx context.Context, email string) (message, bool, error)) error {
	ctx := r.Context()
	if _, err := a.senders.Reserve(r, 1); err != nil {
		return err
	}
	_, _, err := a.users.ByID(ctx, "0") // no account
	if err == nil {
		_, err = a.sessions.Epoch(ctx, "0")
	}
	var allowed ratelimit.Result
	if err == nil {
		allowed, err = a.sent.Take(ctx, purpose+" "+email[:min(len(email), maxEmail)], 1)
	}
	if err == nil && allowed.OK { // otherwise there are three mails in the inbox
		err = a.mails.later(func(ctx context.Context) (message, bool, error) { return letter(ctx, email) })
	}
	return unavailable(err)
}

// ask answers every address alike.
func (l linkPages) ask(w http.ResponseWriter, r *http.Request, email string) {
	if err := l.sendTo(r, email, l.purpose, l.letter); err != nil {
		guard.Refuse(w, r, err)
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
