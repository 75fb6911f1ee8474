package format

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/localpath"
	"github.com/go-guard/guard/internal/status"
)

const style = `:root{color-scheme:light dark}` +
	`body{margin:0;font:1rem/1.5 system-ui,sans-serif;background:#f4f5f7;color:#1a1f2b}` +
	`main{max-width:34rem;margin:0 auto;padding:12vh 1.25rem 3rem}h1{font-size:1.6rem;line-height:1.25;margin:0}p{margin:.75rem 0}a{color:#1f5fd0}a+a{margin-left:1.5rem}` +
	`@media(prefers-color-scheme:dark){body{background:#12151c;color:#e8eaf0}a{color:#8ab4ff}}`

// again reports whether the person is signed in, and is to sign in again: the refusal is
// one of package stepup.
func again(e *guard.Error) bool { return e.Code == "insufficient_user_authentication" }

// known are the headings and hints of refusals, by their code, whose status would mislead
// a person: someone whose sign-in or code is refused may be signed in already, such as
// after the back button, or adds a provider or a factor to the account.
var known = map[string]struct{ heading, hint string }{
	"signin_declined": {"Sign-in not completed", "Nothing was changed. You can sign in again at any time."},
	"signin_invalid":  {"Sign-in not completed", "You may be signed in already. If not, sign in again."},
	"signin_failed":   {"Sign-in not completed", "Sign in again. If that fails as well, contact the operator of this site."},
	"link_invalid":    {"This link does not work", "A link works once and for a limited time. Request a new one."},
	"code_invalid":    {"This code does not work", "Nothing was changed. Check the code, or wait for a new one."},
}

// refusedSignIn reports whether a sign-in at a provider was refused in its callback. The
// page links to login, and to the start page, for those who are signed in.
func refusedSignIn(e *guard.Error) bool {
	return e.Code == "signin_declined" || e.Code == "signin_invalid" || e.Code == "signin_failed"
}

// policy allows the page its style, and nothing else.
func policy() string {
	digest := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}

// page answers with a page that has the refusal's sentence and a way on.
func page(w http.ResponseWriter, r *http.Request, e *guard.Error, login string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy())
	h.Set("X-Content-Type-Options", "nosniff")
	heading := html.EscapeString(status.Title(e.Status))
	switch refusal, ok := known[e.Code]; {
	case ok:
		heading = refusal.heading
	case again(e) && login != "":
		heading = "Sign in again"
	case e.Status == http.StatusUnprocessableEntity:
		heading = "Check what you entered"
	case e.Status == http.StatusUnauthorized && login != "":
		heading = "You are not signed in"
	}
	hint, link, href := wayOn(r, e, login, h.Get("Retry-After"))
	sentence := html.EscapeString(detail(e))
	if sentence == heading {
		sentence = "" // not the same words twice
	} else {
		sentence = "<p>" + sentence + "</p>"
	}
	start := ""
	if refusedSignIn(e) && href != "/" {
		start = `<a href="/">Go to the start page</a>`
	}
	if hint != "" {
		hint = "<p>" + html.EscapeString(hint) + "</p>"
	}
	write(w, r, e.Status, "text/html; charset=utf-8", []byte(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>`+heading+`</title><style>`+style+`</style></head>
<body><main><h1>`+heading+`</h1>`+sentence+hint+`<p><a href="`+html.EscapeString(href)+`">`+link+`</a>`+start+`</p></main></body></html>
`))
}

// wayOn returns what the person can do, and a link for it.
func wayOn(r *http.Request, e *guard.Error, login, retryAfter string) (hint, link, href string) {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case e.Header.Get("Location") == login && login != "":
		return "Nothing was changed.", "Continue", signIn(r, login)
	case again(e) && login != "":
		return "Nothing was changed. Sign in again, then repeat it.", "Sign in", signIn(r, login)
	case refusedSignIn(e) && login != "":
		return known[e.Code].hint, "Sign in", login
	case e.Status == http.StatusUnauthorized && login != "" && e.Code != "code_invalid":
		// A guard refused the request before a handler ran.
		return "Nothing was changed. Sign in and try again.", "Sign in", signIn(r, login)
	case e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable:
		hint = waiting(retryAfter)
		if read {
			return hint, "Try again", requested(r)
		}
	case e.Status == http.StatusUnprocessableEntity && !read && referrer(r) == nil:
		hint = "Use the back button of your browser to correct it." // a page whose URL is secret sends no Referer
	default:
		hint = known[e.Code].hint
	}
	if back := referrer(r); back != nil && (!read || back.Path != r.URL.Path) {
		return hint, "Go back", back.RequestURI()
	}
	return hint, "Go to the start page", "/"
}

// signIn returns the address of the login page that leads back to the page with
// the form. A form on the login page itself keeps what that leads to.
func signIn(r *http.Request, login string) string {
	back := referrer(r)
	if back == nil {
		return login
	}
	if page, _, _ := strings.Cut(login, "?"); back.Path == page {
		return back.RequestURI()
	}
	return withNext(login, back.EscapedPath()) // its query may have a credential
}

// referrer returns the page of this site that the request came from, or nil.
func referrer(r *http.Request) *url.URL {
	if len(r.Referer()) > localpath.MaxBytes {
		return nil
	}
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host == "" || u.Host != r.Host || !localpath.Is(u.RequestURI()) {
		return nil
	}
	return u
}

// waiting puts Retry-After, in seconds, into words.
func waiting(retryAfter string) string {
	seconds, err := strconv.Atoi(retryAfter)
	if err != nil || seconds <= 0 {
		return ""
	}
	amount := func(length int, unit string) string {
		n := (seconds-1)/length + 1
		if n != 1 {
			unit += "s"
		}
		return fmt.Sprintf("Try again in %d %s.", n, unit)
	}
	switch {
	case seconds < 90:
		return amount(1, "second")
	case seconds < 90*60:
		return amount(60, "minute")
	case seconds < 48*60*60:
		return amount(60*60, "hour")
	}
	return amount(24*60*60, "day")
}
