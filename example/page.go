package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/link"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
	pagePolicy   = contentPolicy(pageCSS, "")
)

// contentPolicy returns the Content-Security-Policy of a page: it allows this style
// sheet, this script unless it is empty, and forms of this site.
func contentPolicy(css, script string) string {
	policy := "default-src 'none'; style-src " + source(css)
	if script != "" {
		policy += "; script-src " + source(script)
	}
	return policy + "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// source allows text in a page, by its digest.
func source(text string) string {
	digest := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'"
}

// A page is the data of page.html: a sign-in form, or the user's account.
type page struct {
	Notice   string
	Form     loginForm
	User     *User
	Sessions []listedSession
	Demo     []User // who can sign in, in a demonstration
	Passkeys bool   // there is a page for them
	Style    template.CSS
}

type loginForm struct {
	Email, Next               string // as sent
	Keep                      bool   // as sent
	Refused                   string // the reason if the credentials were refused
	EmailError, PasswordError string // the mistakes in the fields
}

type listedSession struct {
	ID, Device        string
	Created, LastSeen time.Time
	Bound             bool // to the device
	This              bool
}

// Title is the page's title. It begins with a refusal, for screen readers.
func (p page) Title() string {
	switch {
	case p.User != nil:
		return "Your account"
	case p.Form.Refused+p.Form.EmailError+p.Form.PasswordError != "":
		return "Error: sign in"
	}
	return "Sign in"
}

// Others reports whether there is another session to end.
func (p page) Others() bool { return len(p.Sessions) > 1 }

// FocusEmail reports whether the e-mail field gets the focus.
func (f loginForm) FocusEmail() bool { return f.Email == "" || f.EmailError != "" }

// Seen is the time since the last use of the session, in words.
func (s listedSession) Seen() string { return ago(s.LastSeen) }

// ago is the time since t, in words.
func ago(t time.Time) string {
	switch d := time.Since(t); {
	case d < 2*time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// waiting puts Retry-After into words.
func waiting(retryAfter string) string {
	switch seconds, err := strconv.Atoi(retryAfter); {
	case err != nil || seconds < 1:
		return "Try again later."
	case seconds < 90:
		return fmt.Sprintf("Wait %d seconds.", seconds)
	default:
		return fmt.Sprintf("Wait %d minutes.", (seconds+59)/60)
	}
}

// show answers with the page.
func (a accounts) show(w http.ResponseWriter, r *http.Request, status int, p page) {
	if a.demo && p.User == nil {
		p.Demo, _ = a.users.All(r.Context()) // the form also works without the names
	}
	p.Style, p.Passkeys = template.CSS(pageCSS), a.keys != nil
	showPage(w, status, pagePolicy, pageTemplate, p)
}

// showPage answers with a page. Pages are private, and never cached.
func showPage(w http.ResponseWriter, status int, policy string, t *template.Template, data any) {
	var b strings.Builder
	_ = t.Execute(&b, data) // a Builder never fails
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Referrer-Policy") == "" { // a link's is stricter
		h.Set("Referrer-Policy", "same-origin")
	}
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String()))
}

// pageHeaders sets the header fields of pages for every answer, also for refusals of programs.
func pageHeaders(policy string) guard.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", policy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cache-Control", "no-store")
			if strings.Contains(r.URL.RawQuery, "token") {
				link.SetHeaders(h)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// device names the browser and system of a User-Agent, as far as it is known. The
// name helps users to recognize a session, and proves nothing.
func device(userAgent string) string {
	browser := firstOf(userAgent, "Unknown browser", "Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox",
		"Chrome/", "Chrome", "Safari/", "Safari", "curl/", "curl")
	system := firstOf(userAgent, "", "Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows",
		"Mac OS X", "macOS", "CrOS", "ChromeOS", "Linux", "Linux")
	if system == "" {
		return browser
	}
	return browser + " on " + system
}

// firstOf returns the name of the first mark that s contains.
func firstOf(s, defaultName string, marksAndNames ...string) string {
	for i := 0; i < len(marksAndNames); i += 2 {
		if strings.Contains(s, marksAndNames[i]) {
			return marksAndNames[i+1]
		}
	}
	return defaultName
}
