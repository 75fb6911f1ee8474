package guard

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Negotiate is the error format that the request's Accept prefers: [Problem]
// for application/problem+json, else [JSON].
func Negotiate(w http.ResponseWriter, r *http.Request, e *Error) {
	if accepts(r, "application/problem+json") > max(accepts(r, "application/json"), accepts(r, "application/*")) {
		Problem(w, r, e)
		return
	}
	JSON(w, r, e)
}

// HTML is an error format for browsers: a small page or, where a GET or HEAD is
// answered 401 and login is not empty, a redirect to login that tells in its
// query's "next" where to return; see [Next]. Other methods get the page with
// the 401: a redirect would lose what they sent. Requests whose Accept does not
// name text/html, or prefers application/json, get otherwise, or [JSON] where it
// is nil.
func HTML(login string, otherwise ErrorHandler) ErrorHandler {
	if otherwise == nil {
		otherwise = JSON
	}
	return func(w http.ResponseWriter, r *http.Request, e *Error) {
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

// Next is where a login page sends a browser back to: the "next" of the
// request's query, or of its form where that was parsed, if it is a path on
// this site, and otherwise fallback. It is never another site's address.
func Next(r *http.Request, fallback string) string {
	next := r.URL.Query().Get("next")
	if r.PostForm != nil && r.PostForm.Has("next") {
		next = r.PostForm.Get("next")
	}
	if localPath(next) {
		return next
	}
	return fallback
}

// requested is the path and query that the client asked for, also behind
// http.StripPrefix.
func requested(r *http.Request) string {
	if localPath(r.RequestURI) {
		return r.RequestURI
	}
	if p := r.URL.RequestURI(); localPath(p) {
		return p
	}
	return "/"
}

// localPath reports whether a browser takes s for a path of the same site: it
// takes a backslash for a slash, drops tabs and line breaks, and reads "//" as
// the start of a host (WHATWG URL, section 4.4).
func localPath(s string) bool {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
}

var errorPage = template.Must(template.New("error").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<main><h1>{{.Title}}</h1><p>{{.Message}}</p></main></html>
`))

func page(w http.ResponseWriter, r *http.Request, e *Error) {
	var b strings.Builder
	_ = errorPage.Execute(&b, struct{ Title, Message string }{titleOf(e.Status), e.message()}) // a Builder never fails
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	write(w, r, e.Status, "text/html; charset=utf-8", []byte(b.String()))
}

// accepts is the weight that the request's Accept gives to a media range that
// it names, 0 where it does not (RFC 9110, section 12.5.1).
func accepts(r *http.Request, mediaType string) float64 {
	best := 0.0
	for _, line := range r.Header["Accept"] {
		for member := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(member, ";")
			if !strings.EqualFold(strings.TrimSpace(name), mediaType) {
				continue
			}
			q := 1.0
			for p := range strings.SplitSeq(params, ";") {
				if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, "q") {
					parsed, err := strconv.ParseFloat(v, 64)
					if err != nil || !(parsed >= 0 && parsed <= 1) { // NaN, too
						parsed = 0
					}
					q = parsed
				}
			}
			best = max(best, q)
		}
	}
	return best
}
