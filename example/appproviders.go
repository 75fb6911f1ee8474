package main

import (
	"net/http"
	"net/url"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/example/backend"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/oauth"
)

// providerRoutes mounts the sign-in with the provider of /oauth, and the page of the
// identities that sign in to an account. Without a provider there is none.
func (a *app) providerRoutes(set settings) (err error) {
	if !set.oauth.mounted() {
		return nil
	}
	u, err := url.Parse(set.oauth.issuer + set.oauth.endpoints.Authorize) // there is one of the two
	if err != nil {
		return err
	}
	a.provider, a.policy = u.Host, formsTo(appPolicy, u)
	login, err := newProvider(set, "/app/oauth/callback", func(r *http.Request) (ask oauth.AuthRequest) {
		if _, again := guard.PrincipalFrom[User](r.Context()); again && r.Method == http.MethodGet && set.oauth.issuer != "" {
			ask.MaxAge = recent // someone who is signed in signs in again: step-up
		}
		return ask
	})
	if err != nil {
		return err
	}
	a.mux.Handle("GET /app/oauth/login", login.Begin())
	callback := login.Complete(a.fromProvider)
	if set.oauth.formPost { // comes from another site: the state and its cookie bind it to this browser
		a.outer.Handle("/app/oauth/callback", guard.Chain(pageHeaders(appPolicy), guard.OnError(format.Browser(a.refused, guard.JSON)))(callback))
	} else {
		a.mux.Handle("/app/oauth/callback", callback)
	}
	identities := screen[[]backend.Identity]{a, "providers", a.identities}
	a.route("/app/providers", a.mine(identities.show), a.sudo(identities.try(a.removeIdentity)))
	begin := guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
		if fromPageOf(w, r, u, "/app/") {
			login.Link(a.linkTo).ServeHTTP(w, r)
		}
	})
	a.route("/app/providers/link", http.RedirectHandler("/app/providers", http.StatusSeeOther).ServeHTTP, a.recently()(begin).ServeHTTP)
	return nil
}

// fromProvider signs in to the account of an identity, or adds it to the account that asked.
func (a *app) fromProvider(w http.ResponseWriter, r *http.Request, who *oauth.Identity[struct{}]) error {
	if who.LinkTo != "" {
		who.Next = "/app/providers?notice=linked"
		return a.addIdentity(r.Context(), who)
	}
	u, err := a.userBy(r.Context(), who)
	if err != nil {
		return err
	}
	step, err := a.create(w, r, u, factorOf(who), session.Ref(who.Ref())) // for the end of the provider's session
	if who.Next == "" {
		who.Next = "/app/"
	}
	who.Next = stepPage(step, who.Next)
	return err
}

// linkTo names the account and the session that ask for another identity.
func (a *app) linkTo(r *http.Request) (string, error) {
	s, _ := a.session(r.Context()) // behind sudo
	return s.Sub() + " " + s.ID(), nil
}

func (a *app) identities(r *http.Request, u User) ([]backend.Identity, error) {
	return a.users.Identities(r.Context(), u.ID)
}

// removeIdentity removes one, and ends all other sessions: some began with it.
func (a *app) removeIdentity(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	removed, err := a.users.RemoveIdentity(r.Context(), u.ID, backend.Identity{Issuer: r.PostForm.Get("issuer"), Subject: r.PostForm.Get("subject")})
	if err == nil && !removed {
		err = conflict("Nothing was removed. Your only way to sign in stays: choose a password first")
	}
	if err == nil {
		a.mails.notify(u, "A way to sign in to your account was removed: a provider.")
		_, err = a.sessions.DestroyAll(r.Context(), u.ID, a.sessionID(r))
	}
	return result{to: "/app/providers?notice=unlinked"}, err
}
