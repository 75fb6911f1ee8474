package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
)

func (a *app) loginRoutes(set settings) (err error) {
	a.signIn, err = a.signInLinks(set, "/app/login/link")
	a.link(linkPage{
		path: a.signIn.path, ask: "login-mail", form: "login-link", purpose: a.signIn.purpose, links: a.signIn.links, letter: a.signIn.letter,
		use: func(w http.ResponseWriter, r *http.Request, in linked) error {
			step, err := a.signIn.redeemSignIn(w, r, in.Token)
			if err == nil {
				lead(w, r, step, "/app/")
			}
			return err
		},
	})
	a.route("/app/login", a.showLogin, a.login)
	totp, passkey := a.sessions.Step(totpStep), a.sessions.Step(passkeyStep)
	a.route("/app/second", guard.Optional(totp, passkey)(http.HandlerFunc(a.showSecond)).ServeHTTP, guard.Require(totp, passkey)(guard.HandlerFunc(a.secondFactor)).ServeHTTP)
	a.route("/app/logout", a.show("logout"), a.sessions.LogoutHandler("/app/login?notice=signed-out").ServeHTTP)
	return err
}

// lead leads to a page of this site after a sign-in, or first to the step that is missing.
func lead(w http.ResponseWriter, r *http.Request, step, page string) {
	http.Redirect(w, r, stepPage(step, page), http.StatusSeeOther)
}

func stepPage(step, page string) string {
	if step == "" {
		return page
	}
	return "/app/second?next=" + url.QueryEscape(page)
}

// showLogin is also where step-up leads to. Someone who has just signed in, and has no
// second factor, is led on to enroll one: to sign in again would not help, unless no one was
// asked anything at the provider.
func (a *app) showLogin(w http.ResponseWriter, r *http.Request) {
	next := format.Next(r, "")
	s, ok := a.session(r.Context())
	if ok && next != "" && time.Since(s.AuthTime()) < recent {
		step, err := a.secondStep(r.Context(), User{ID: s.Sub()})
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		if step == "" && !slices.Contains(s.AMR(), providerFactor) {
			http.Redirect(w, r, "/app/factor?next="+url.QueryEscape(next), http.StatusSeeOther)
			return
		}
	}
	a.page(w, r, http.StatusOK, "login", nil)
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	email, pw, mistakes := r.PostForm.Get("email"), r.PostForm.Get("password"), map[string]string{}
	if strings.TrimSpace(email) == "" {
		mistakes["email"] = "Enter your e-mail address."
	}
	if pw == "" {
		mistakes["password"] = "Enter your password."
	}
	if len(mistakes) > 0 {
		a.invalid(w, r, "login", nil, mistakes)
		return
	}
	u, err := a.attempts.Check(r, email, pw)
	step := ""
	if err == nil {
		var opts []session.CreateOption // without one, the cookie ends with the browser
		if r.PostForm.Get("keep") != "" {
			opts = append(opts, session.For(keepSignedIn))
		}
		step, err = a.create(w, r, u, "pwd", opts...)
	}
	if err != nil {
		a.mistake(w, r, "login", nil, err)
		return
	}
	lead(w, r, step, format.Next(r, "/app/"))
}

// showSecond shows the second step, which a request without the first one is led to.
func (a *app) showSecond(w http.ResponseWriter, r *http.Request) {
	half, ok := guard.PrincipalFrom[*session.Session[Device]](r.Context())
	if !ok {
		http.Redirect(w, r, "/app/login?next="+url.QueryEscape(format.Next(r, "/app/")), http.StatusSeeOther)
		return
	}
	a.showFactors("second")(w, r, User{ID: half.Sub()})
}

func (a *app) secondFactor(w http.ResponseWriter, r *http.Request, half *session.Session[Device]) {
	f, err := a.factorsOf(r.Context(), half.Sub())
	if err == nil {
		err = a.complete(w, r, half, r.PostForm.Get("code"))
	}
	if err != nil {
		a.mistake(w, r, "second", f, err)
		return
	}
	http.Redirect(w, r, format.Next(r, "/app/"), http.StatusSeeOther)
}
