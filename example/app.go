package main

import (
	"cmp"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/format"
)

// An app is a small web application in HTML. It shares its accounts and the session
// cookie with /session, /link, /totp, /passkey and /stepup, and what they can do is there:
// the files app*.go have its pages alone. docs/web-application.md lists them.
//
// To add a page: write app/NAME.html, which defines "title" and "main"; mount it with
// [app.route], for signed-in users through [app.mine] or [app.sudo]; describe its data and
// forms by a [screen], and add a line to the nav of app/layout.html.
type app struct {
	accounts
	mux      *http.ServeMux
	outer    *http.ServeMux // for what comes from another site
	policy   string         // Content-Security-Policy of the pages
	provider string         // the host with which people sign in, or empty
	ring     *apikey.Ring

	reset, signIn linkPages
	signUps       signUpLinks
	addresses     addressLinks
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
	a := app{accounts: shared, mux: http.NewServeMux(), outer: mux, policy: appPolicy, ring: ring}
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
	chain := guard.Chain(pageHeaders(appPolicy), guard.OnError(format.Browser(a.refused, guard.JSON)), limitBody, a.sameOrigin, guard.Optional(user), parsedForm)
	mux.Handle("/app/", chain(a.mux))
	return nil
}

// route mounts a page, and what its form is posted to. A nil post is none.
func (a *app) route(pattern string, get, post http.HandlerFunc) {
	allow := "GET, HEAD, POST"
	if post == nil {
		allow = "GET, HEAD"
	}
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
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

// An action does what a request of u asks for, the zero User for anonymous visitors. It
// writes cookies alone: the result is the answer.
type action func(w http.ResponseWriter, r *http.Request, u User) (result, error)

// A result is a path to lead to or, without one, a page: a name, and its data.
type result struct {
	to, page string
	data     any
	status   int // 0 is 200
}

// answer is the handler of an action for everyone.
func (a *app) answer(f action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, _ := guard.PrincipalFrom[User](r.Context())
		done, err := f(w, r, u)
		switch m, inForm := errors.AsType[mistake](err); {
		case inForm:
			m.show(a, w, r)
		case err != nil:
			guard.Refuse(w, r, err)
		case done.to != "":
			http.Redirect(w, r, done.to, http.StatusSeeOther)
		default:
			a.page(w, r, cmp.Or(done.status, http.StatusOK), done.page, done.data)
		}
	}
}

// mine is the handler of an action of the signed-in user. A form must be from the user's own
// page: in another tab another user may have signed in since it was shown.
func (a *app) mine(f action) http.HandlerFunc {
	return guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
		if r.Method != http.MethodPost || fromPageOf(w, r, u, "/app/") {
			a.answer(f)(w, r)
		}
	})
}

// sudo is mine for changes that a stolen session must not make: see [accounts.recently].
func (a *app) sudo(f action) http.HandlerFunc { return a.recently()(a.mine(f)).ServeHTTP }

// A screen is a page with data, which shows the mistakes of its forms in place.
type screen[D any] struct {
	app  *app
	page string
	data func(*http.Request, User) (D, error)
}

// plain is a screen without data.
func (a *app) plain(page string) screen[any] {
	return screen[any]{a, page, func(*http.Request, User) (any, error) { return nil, nil }}
}

// show is the action that shows the page.
func (s screen[D]) show(_ http.ResponseWriter, r *http.Request, u User) (result, error) {
	data, err := s.data(r, u)
	return result{page: s.page, data: data}, err
}

// try is the action of a form of the page.
func (s screen[D]) try(f action) action {
	return func(w http.ResponseWriter, r *http.Request, u User) (result, error) {
		done, err := f(w, r, u)
		if err == nil {
			return done, nil
		}
		data, failed := s.data(r, u)
		if failed != nil {
			return result{}, err
		}
		return result{}, mistake{err, s.page, data}
	}
}
