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
	a.link(a.signIn.page("login-mail", "login-link", func(w http.ResponseWriter, r *http.Request, in linked) (string, error) {
		step, err := a.signIn.redeemSignIn(w, r, in.Token)
		return stepPage(step, "/app/"), err
	}))
	a.route("/app/login", a.answer(a.showLogin), a.answer(a.plain("login").try(a.login)))
	totp, passkey := a.sessions.Step(totpStep), a.sessions.Step(passkeyStep)
	second := screen[factors]{a, "second", a.halfFactors}
	a.route("/app/second", guard.Optional(totp, passkey)(a.answer(second.show)).ServeHTTP, guard.Require(totp, passkey)(a.answer(second.try(a.secondFactor))).ServeHTTP)
	a.route("/app/logout", a.answer(a.plain("logout").show), a.sessions.LogoutHandler("/app/login?notice=signed-out").ServeHTTP)
	return err
}

// stepPage is the page that a sign-in leads to, or first that of the step that is missing.
func stepPage(step, page string) string {
	if step == "" {
		return page
	}
	return "/app/second?next=" + url.QueryEscape(page)
}

// showLogin is also where step-up leads to. Someone who has just signed in, and has no
// second factor, is led on to enroll one: to sign in again would not help, unless no one was
// asked anything at the provider.
func (a *app) showLogin(_ http.ResponseWriter, r *http.Request, _ User) (result, error) {
	next := format.Next(r, "")
	s, ok := a.session(r.Context())
	if ok && next != "" && time.Since(s.AuthTime()) < recent {
		step, err := a.secondStep(r.Context(), User{ID: s.Sub()})
		if err != nil || step == "" && !slices.Contains(s.AMR(), providerFactor) {
			return result{to: "/app/factor?next=" + url.QueryEscape(next)}, err
		}
	}
	return result{page: "login"}, nil
}

func (a *app) login(w http.ResponseWriter, r *http.Request, _ User) (result, error) {
	email, pw, missing := strings.TrimSpace(r.PostForm.Get("email")), r.PostForm.Get("password"), mistakes{}
	if email == "" {
		missing["email"] = "Enter your e-mail address."
	}
	if pw == "" {
		missing["password"] = "Enter your password."
	}
	if len(missing) > 0 {
		return result{}, missing
	}
	u, err := a.logins.Check(r, email, pw)
	step := ""
	if err == nil {
		var opts []session.CreateOption // without one, the cookie ends with the browser
		if r.PostForm.Get("keep") != "" {
			opts = append(opts, session.For(keepSignedIn))
		}
		step, err = a.create(w, r, u, "pwd", opts...)
	}
	return result{to: stepPage(step, format.Next(r, "/app/"))}, err
}

// halfFactors is the data of the second step.
func (a *app) halfFactors(r *http.Request, _ User) (factors, error) {
	half, ok := guard.PrincipalFrom[*session.Session[Device]](r.Context())
	if !ok {
		first := "/app/login?next=" + url.QueryEscape(format.Next(r, "/app/"))
		return factors{}, &guard.Error{Status: http.StatusUnauthorized, Message: "Sign in first", Header: http.Header{"Location": {first}}}
	}
	return a.factorsOf(r, User{ID: half.Sub()})
}

func (a *app) secondFactor(w http.ResponseWriter, r *http.Request, _ User) (result, error) {
	half, _ := guard.PrincipalFrom[*session.Session[Device]](r.Context())
	return result{to: format.Next(r, "/app/")}, a.complete(w, r, half, r.PostForm.Get("code"))
}
