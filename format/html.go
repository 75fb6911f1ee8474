package format

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/localpath"
	"github.com/go-guard/guard/internal/wiring"
)

// HTML is an error format for browsers: a small page with the message and a link. If
// login is not empty, a GET or HEAD that is refused with 401 is redirected to login,
// with the original path in the query parameter "next", "/" for one of more than 8 KiB;
// see [Next]. Other methods get a page with the 401, which says that nothing was changed
// and links to login: a redirect would lose what they sent without a word. So does a
// refused sign-in, such as the callback of a provider (signin_failed, signin_ended): a
// redirect would begin another one, which may be refused as well. The pages of a sign-in
// that was declined or is invalid link to login, too. A login page that is refused itself
// is not redirected: that would never end. Programs get otherwise, as by [Browser].
//
// An error whose Header has a Location that is a path of this site leads there in place
// of login: a guard knows better what the person lacks, as stepup.Enroll does. HTML panics
// if login is neither empty nor a path of this site.
func HTML(login string, otherwise guard.ErrorHandler) guard.ErrorHandler {
	if login != "" && !localpath.Is(login) {
		wiring.Panic("format", "HTML(%q): write a path of this site, such as \"/login\", or nothing", login)
	}
	return Browser(func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
		read := r.Method == http.MethodGet || r.Method == http.MethodHead
		login := login
		if to := e.Header.Get("Location"); localpath.Is(to) {
			login = to
		}
		signIn := e.Code == "signin_failed" || e.Code == "signin_ended"
		if e.Status == http.StatusUnauthorized && login != "" && read && !signIn {
			if !isAt(r, login) {
				w.Header().Set("Location", withNext(login, requested(r)))
				w.WriteHeader(http.StatusSeeOther)
				return
			}
			login = "" // this page: a link to it is refused as well
		}
		page(w, r, e, login)
	}, otherwise)
}

// Browser is the error format page for browsers, such as the form of a login with
// the mistake in it, and otherwise for programs: if Accept does not name text/html,
// or prefers application/json. A nil otherwise means guard.JSON. page writes the
// status of the error, and its Message. Browser panics if page is nil.
func Browser(page, otherwise guard.ErrorHandler) guard.ErrorHandler {
	if page == nil {
		wiring.Panic("format", "Browser: the page is nil")
	}
	if otherwise == nil {
		otherwise = guard.JSON
	}
	return func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
		w.Header().Add("Vary", "Accept")
		if html := accepts(r, "text/html"); html == 0 || html < accepts(r, "application/json") {
			otherwise(w, r, e)
			return
		}
		page(w, r, e)
	}
}

// Next returns the path to redirect to after a login: the "next" of the form if
// that was parsed and has one, else of the query. If it is not a path of this
// site, or there are two, Next returns fallback. It never returns another site's
// address.
func Next(r *http.Request, fallback string) string {
	next, _ := field.Query(r.URL.RawQuery, "next")
	switch values := r.PostForm["next"]; len(values) {
	case 0:
	case 1:
		next = values[0]
	default:
		return fallback
	}
	if localpath.Is(next) {
		return next
	}
	return fallback
}

// isAt reports whether r requests a page: its path and, if it has one, its query before
// anything else.
func isAt(r *http.Request, page string) bool {
	path, query, _ := strings.Cut(page, "?")
	requestedPath, rest, _ := strings.Cut(requested(r), "?")
	return requestedPath == path && (query == "" || rest == query || strings.HasPrefix(rest, query+"&"))
}

// withNext returns the address of the login page that leads to next afterwards.
func withNext(login, next string) string {
	sep := "?"
	if strings.Contains(login, "?") {
		sep = "&"
	}
	return login + sep + "next=" + url.QueryEscape(next)
}

// requested is the path and query that the client asked for, also behind
// http.StripPrefix, or "/" if they are too long for a link.
func requested(r *http.Request) string {
	if localpath.Is(r.RequestURI) {
		return r.RequestURI
	}
	if len(r.URL.Path)+len(r.URL.RawQuery) > localpath.MaxBytes {
		return "/"
	}
	if p := r.URL.RequestURI(); localpath.Is(p) {
		return p
	}
	return "/"
}
