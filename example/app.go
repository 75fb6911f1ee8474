package main

import (
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/link"
	"github.com/go-guard/guard/signin/password"
)

// An app is a small web application in HTML. It shares its accounts and the session
// cookie with /session, /link, /totp, /passkey and /stepup. Its files:
//
//	app.go          this: what is mounted, and how
//	appview.go      how a page is shown, and a form with its mistakes in place
//	applink.go      the pages of links by mail
//	appsignup.go    sign up with an address that is proven first
//	applogin.go     sign in, by password or link, the second step, and sign out
//	apppassword.go  a forgotten password, and a change of the password
//	appemail.go     a change of the e-mail address, and its undoing: address.go does it
//	appfactor.go    the second factor
//	apppasskeys.go  passkeys, whose script is that of /passkey
//	appsessions.go  the home page, and the sessions of an account
//	appkeys.go      the API keys of an account
//	appproviders.go sign in with a provider, and the identities of an account
//	appadmin.go     the page of administrators
//
// To add a page: write app/NAME.html, which defines "title" and "main"; mount it with
// [app.route], for signed-in users through [app.mine] or [app.sudo]; answer with
// [app.page], and add a line to [app.nav].
type app struct {
	accounts
	mux       *http.ServeMux
	outer     *http.ServeMux // for what comes from another site
	publicURL string
	policy    string // Content-Security-Policy of the pages
	provider  string // the host with which people sign in, or empty
	ring      *apikey.Ring
	attempts  *password.Login[User] // with a limit

	reset, signIn        linkPages
	verify, change, undo *link.Links // of addresses that sign up, of new ones, and of old ones
	changes              addressChanges
}

var (
	//go:embed app
	appFiles embed.FS

	appCSS    = string(guard.Must(appFiles.ReadFile("app/style.css")))
	appPolicy = contentPolicy(appCSS, "")
	appPages  = parseAppPages()
)

// parseAppPages returns the template of each page: the layout with what its file defines.
func parseAppPages() map[string]*template.Template {
	pages := map[string]*template.Template{}
	for _, file := range guard.Must(appFiles.ReadDir("app")) {
		if name, ok := strings.CutSuffix(file.Name(), ".html"); ok && name != "layout" {
			pages[name] = template.Must(template.ParseFS(appFiles, "app/layout.html", "app/"+file.Name()))
		}
	}
	return pages
}

// appSection mounts the application. It needs mail and a key, as /link does.
func appSection(mux *http.ServeMux, set settings, shared accounts, ring *apikey.Ring, log *slog.Logger) error {
	if why := set.withoutLinks(); why != "" {
		log.Warn(why + ": /app is not mounted")
		return nil
	}
	a := app{accounts: shared, mux: http.NewServeMux(), outer: mux, publicURL: set.publicURL, policy: appPolicy, ring: ring}
	failures, err := ratelimit.NewLogin(set.clientIP(), &ratelimit.LoginOptions{
		Store: set.stores.Limits, Secret: set.derive("app logins"), Timeout: time.Second,
	})
	if err != nil {
		return err
	}
	a.attempts = a.newLogins(failures)
	for _, routes := range []func(*app, settings) error{
		(*app).homeRoutes, (*app).signUpRoutes, (*app).loginRoutes, (*app).passwordRoutes, (*app).emailRoutes, (*app).factorRoutes, (*app).passkeyRoutes,
		(*app).keyRoutes, (*app).providerRoutes, (*app).adminRoutes,
	} {
		if err := routes(&a, set); err != nil {
			return err
		}
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, guard.NotFound("")) })
	user := guard.BySubject(a.sessions, a.users.ByID)
	chain := guard.Chain(appHeaders, guard.OnError(format.Browser(a.refused, guard.JSON)), limitBody, a.sameOrigin, guard.Optional(user), parsed)
	mux.Handle("/app/", chain(a.mux))
	return nil
}

// appHeaders sets the header fields of every answer, also of refusals for programs.
func appHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", appPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if strings.Contains(r.URL.RawQuery, "token") {
			link.SetHeaders(h)
		}
		next.ServeHTTP(w, r)
	})
}

// parsed reads the form of a POST, so that a handler sees no half of one.
func parsed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			guard.Refuse(w, r, unreadable(err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// route mounts a page, and what its form is posted to. A nil post is none.
func (a *app) route(pattern string, get, post http.HandlerFunc) {
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		allow := "GET, HEAD, POST"
		if post == nil {
			allow = "GET, HEAD"
		}
		switch {
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			get(w, r)
		case r.Method == http.MethodPost && post != nil:
			post(w, r)
		default:
			guard.Refuse(w, r, &guard.Error{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {allow}}})
		}
	})
}

// mine is a handler for the signed-in user. A form must be from the user's own page: in
// another tab another user may have signed in since it was shown.
func (a *app) mine(f func(http.ResponseWriter, *http.Request, User)) http.HandlerFunc {
	return guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
		if r.Method != http.MethodPost || fromPageOf(w, r, u, "/app/") {
			f(w, r, u)
		}
	})
}

// sudo is mine for changes that a stolen session must not make: it asks for a sign-in of
// the last five minutes, with the second factor where the account has one.
func (a *app) sudo(f func(http.ResponseWriter, *http.Request, User)) http.HandlerFunc {
	return a.recently()(a.mine(f)).ServeHTTP
}

// show is a handler of a page without data.
func (a *app) show(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { a.page(w, r, http.StatusOK, name, nil) }
}
