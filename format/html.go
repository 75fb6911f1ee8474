package format

import (
	"html"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/localpath"
	"github.com/go-guard/guard/internal/status"
)

// HTML is an error format for browsers: a small page. If login is not empty, a GET
// or HEAD that is refused with 401 is redirected to login, with the original path
// in the query parameter "next"; see [Next]. Other methods get the page with the
// 401: a redirect would lose what they sent. If Accept does not name text/html, or
// prefers application/json, otherwise writes the response; nil means guard.JSON.
func HTML(login string, otherwise guard.ErrorHandler) guard.ErrorHandler {
	if otherwise == nil {
		otherwise = guard.JSON
	}
	return func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
		w.Header().Add("Vary", "Accept")
		read := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case accepts(r, "text/html") == 0 || accepts(r, "text/html") < accepts(r, "application/json"):
			otherwise(w, r, e)
		case e.Status == http.StatusUnauthorized && login != "" && read:
			sep := "?"
			if strings.Contains(login, "?") {
				sep = "&"
			}
			w.Header().Set("Location", login+sep+"next="+url.QueryEscape(requested(r)))
			w.WriteHeader(http.StatusSeeOther)
		default:
			page(w, r, e)
		}
	}
}

// Next returns the path to redirect to after a login: the "next" of the form if
// that was parsed and has one, else of the query. If it is not a path of this
// site, Next returns fallback. It never returns another site's address.
func Next(r *http.Request, fallback string) string {
	next := r.URL.Query().Get("next")
	if r.PostForm != nil && r.PostForm.Has("next") {
		next = r.PostForm.Get("next")
	}
	if localpath.Is(next) {
		return next
	}
	return fallback
}

// requested is the path and query that the client asked for, also behind
// http.StripPrefix.
func requested(r *http.Request) string {
	if localpath.Is(r.RequestURI) {
		return r.RequestURI
	}
	if p := r.URL.RequestURI(); localpath.Is(p) {
		return p
	}
	return "/"
}

func page(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	heading := html.EscapeString(status.Title(e.Status))
	write(w, r, e.Status, "text/html; charset=utf-8", []byte(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>`+heading+`</title>
<main><h1>`+heading+`</h1><p>`+html.EscapeString(detail(e))+`</p></main></html>
`))
}
