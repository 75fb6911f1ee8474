package main

import (
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

// A view is what a template of app/ gets.
type view struct {
	Path     string
	Notice   string // the name of a message about the last action
	Next     string // where the form leads to, or empty
	User     *User  // nil for anonymous visitors
	Demo     bool
	Printed  bool   // mail is a line on standard error
	Passkeys bool   // there are some
	Provider string // the host with which people sign in, or empty
	Script   bool   // the page uses passkeys
	Style    template.CSS
	Data     any // of the page

	Refused  string // a mistake that no field has
	Mistakes mistakes
	Failed   bool // the page shows an error
	sent     func(string) string
	focused  bool
}

// page answers with the page of app/NAME.html.
func (a *app) page(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	a.render(w, r, status, name, view{Data: data})
}

func (a *app) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Path, v.Notice, v.Next = r.URL.Path, r.URL.Query().Get("notice"), format.Next(r, "")
	v.Demo, v.Printed, v.Passkeys, v.Provider = a.demo, a.mails.prints(), a.keys != nil, a.provider
	v.Style, v.Failed, v.sent = template.CSS(appCSS), status >= 400, r.PostForm.Get
	if u, ok := guard.PrincipalFrom[User](r.Context()); ok {
		v.User = &u
	}
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
		if f.Value == "" && v.User != nil && v.Path == "/app/login" && !v.Failed { // to sign in again
			f.Value = v.User.Email
		}
	}
	f.Focus = !v.focused && (f.Error != "" || len(v.Mistakes) == 0 && f.Value == "" && v.Path != "/app/factor")
	v.focused = v.focused || f.Focus
	return f
}

// mistakes are those of a form, by field: 422.
type mistakes map[string]string

func (mistakes) Error() string { return "a form has mistakes" }

// A mistake is an error for the page of the form that was sent, with its data.
type mistake struct {
	error
	page string
	data any
}

// show answers in the form, if the person can correct it there, and otherwise as a page.
func (m mistake) show(a *app, w http.ResponseWriter, r *http.Request) {
	if fields, ok := errors.AsType[mistakes](m.error); ok {
		a.render(w, r, http.StatusUnprocessableEntity, m.page, view{Data: m.data, Mistakes: fields})
		return
	}
	inForm := func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
		v := view{Data: m.data, Mistakes: mistakes{}}
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
		a.render(w, r, e.Status, m.page, v)
	}
	guard.OnError(format.Browser(inForm, guard.JSON))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, m.error)
	})).ServeHTTP(w, r)
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
