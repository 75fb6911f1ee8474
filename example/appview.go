package main

import (
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

// An anchor is a link of a page.
type anchor struct{ Href, Text string }

// nav are the pages that every page leads to. u is nil for anonymous visitors.
func (a *app) nav(u *User) []anchor {
	if u == nil {
		return []anchor{{"/app/login", "Sign in"}, {"/app/signup", "Sign up"}}
	}
	pages := []anchor{
		{"/app/", "Account"}, {"/app/sessions", "Sessions"}, {"/app/password", "Password"}, {"/app/email", "E-mail address"}, {"/app/factor", "Second factor"},
		{"/app/passkeys", "Passkeys"}, {"/app/keys", "API keys"},
	}
	if a.provider != "" {
		pages = append(pages, anchor{"/app/providers", "Providers"})
	}
	if u.Role == "admin" {
		pages = append(pages, anchor{"/app/admin", "All accounts"})
	}
	return pages
}

// appNotices are the messages about the last action that a page can show.
var appNotices = map[string]string{
	"signed-out":   "You are signed out.",
	"ended":        "The session was ended.",
	"gone":         "That session had ended already.",
	"others-ended": "All other sessions were ended.",
	"other-user":   "Nothing was changed: another user has signed in here meanwhile.",
	"welcome":      "Welcome! Your account is ready.",
	"password":     "Your password was changed. All other sessions were ended.",
	"reset":        "Your password was changed, and all sessions were ended. Sign in with the new one.",
	"email":        "The address was changed. All other sessions were ended.",
	"undone":       "The change is undone, and all sessions were ended. We have mailed you a link, with which you choose a new password.",
	"revoked":      "The key is revoked: no request with it is accepted.",
	"linked":       "From now on this signs you in, too.",
	"unlinked":     "It signs you in no more. All other sessions were ended.",
	"suspended":    "The account is suspended, and its sessions were ended.",
	"restored":     "The account can be signed in to again.",
	"factor-gone":  "The second factor was removed. All other sessions were ended.",
	"added":        "The passkey is added.",
	"renamed":      "The passkey has its new name.",
	"removed":      "The passkey is removed. All other sessions were ended.",
	"confirm":      "Nothing was changed: your sign-in was too long ago.",
}

// A view is what a template of app/ gets.
type view struct {
	Path, Notice string
	Next         string // where the form leads to, or empty
	User         *User  // nil for anonymous visitors
	Nav          []anchor
	Demo         bool
	Provider     string // the host with which people sign in, or empty
	Script       bool   // the page uses passkeys
	Style        template.CSS
	Data         any // of the page

	Refused  string            // a mistake that no field has
	Mistakes map[string]string // by field
	Failed   bool              // the page shows an error
	sent     func(string) string
	focused  bool
}

// page answers with the page of app/NAME.html.
func (a *app) page(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	a.render(w, r, status, name, view{Data: data})
}

func (a *app) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Path, v.Notice, v.Next = r.URL.Path, appNotices[r.URL.Query().Get("notice")], format.Next(r, "")
	v.Provider = a.provider
	v.Demo, v.Style, v.Failed, v.sent = a.demo, template.CSS(appCSS), status >= 400, r.PostForm.Get
	if u, ok := guard.PrincipalFrom[User](r.Context()); ok {
		v.User = &u
	}
	v.Nav = a.nav(v.User)
	policy := a.policy
	if v.Script = a.keys != nil && (name == "login" || name == "second" || name == "passkeys"); v.Script {
		policy = strings.Replace(policy, ";", "; script-src 'self'; connect-src 'self';", 1)
	}
	showPage(w, status, policy, appPages[name], &v)
}

// Sent returns what was typed into a field.
func (v *view) Sent(name string) string { return v.sent(name) }

// Page is the page of a form that was refused: /app/factor of /app/factor/remove.
func (v *view) Page() string {
	parts := strings.SplitN(v.Path, "/", 4)
	return strings.Join(parts[:min(len(parts), 3)], "/")
}

// Autofill is the autocomplete of an input whose autofill also offers passkeys.
func (v *view) Autofill(what string) string {
	if v.Script {
		what += " webauthn"
	}
	return what
}

// An appField is an input with its label. It keeps what was typed, but for secrets.
type appField struct {
	keyField
	Autocomplete string
	Focus        bool
}

// Field returns an input. The focus is in the first with a mistake or, on a page without
// mistakes, in the first that is empty and not of a code.
func (v *view) Field(name, label, kind, autocomplete, hint string) appField {
	f := appField{keyField{Name: name, Label: label, Type: kind, Hint: hint, Error: v.Mistakes[name]}, autocomplete, false}
	if kind == "email" {
		f.Value = strings.TrimSpace(v.sent(name))
	}
	f.Focus = !v.focused && (f.Error != "" || len(v.Mistakes) == 0 && f.Value == "" && v.Path != "/app/factor")
	v.focused = v.focused || f.Focus
	return f
}

// invalid shows a form again, with the mistakes in its fields.
func (a *app) invalid(w http.ResponseWriter, r *http.Request, name string, data any, mistakes map[string]string) {
	a.render(w, r, http.StatusUnprocessableEntity, name, view{Data: data, Mistakes: mistakes})
}

// mistake answers err in the form that was sent, if the person can correct it there, and
// any other error as a page.
func (a *app) mistake(w http.ResponseWriter, r *http.Request, name string, data any, err error) {
	inForm := func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
		v := view{Data: data, Mistakes: map[string]string{}}
		text := strings.TrimSuffix(e.Message, ".") + "."
		switch {
		case e.Code == "login_invalid" && r.PostForm.Has("old"):
			v.Mistakes["old"] = "That is not your password."
		case e.Code == "login_invalid":
			v.Refused = "That e-mail address and password do not match an account. Try again."
		case e.Code == "code_invalid":
			v.Mistakes["code"] = "That code is not right. Enter the one that your authenticator shows now: each works once."
		case e.Status == http.StatusUnprocessableEntity:
			v.Mistakes["password"] = text
		case e.Status == http.StatusTooManyRequests:
			v.Refused = "Too many attempts. " + waiting(w.Header().Get("Retry-After"))
		case e.Status == http.StatusConflict:
			v.Refused = text
		default:
			a.refused(w, r, e)
			return
		}
		a.render(w, r, e.Status, name, v)
	}
	guard.OnError(format.Browser(inForm, guard.JSON))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, err)
	})).ServeHTTP(w, r)
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

// refused is a refusal as a page. A visitor who must sign in first is led to the form, and
// back, but not to the callback of a provider, which works once.
func (a *app) refused(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	if e.Status == http.StatusUnauthorized && r.URL.Path != "/app/oauth/callback" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		format.HTML("/app/login", guard.JSON)(w, r, e)
		return
	}
	a.page(w, r, e.Status, "error", struct {
		*guard.Error
		Retry string
	}{e, waiting(w.Header().Get("Retry-After"))})
}
