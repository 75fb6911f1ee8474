package main

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
)

var (
	//go:embed passkeys.html
	passkeysHTML string
	//go:embed passkey.js
	passkeyJS []byte

	passkeysTemplate = template.Must(template.New("passkeys").Parse(passkeysHTML))
	// passkeyPolicy also allows the script, and what it fetches.
	passkeyPolicy = strings.Replace(pagePolicy, ";", "; script-src 'self'; connect-src 'self';", 1)
)

// A passkeysPage is the data of passkeys.html: the list for someone who has signed in recently,
// a sign-in to confirm for others, the second step of a half sign-in, or a sign-in.
type passkeysPage struct {
	Manage, Confirm, Half bool
	Codes                 bool   // the half sign-in waits for a code, or a passkey
	Factor                string // that a sign-in to confirm needs
	HasKeys               bool
	Email, Next, Notice   string
	Keys                  []listedPasskey
	Suggested             string // name of a new passkey
	PublicURL             string // where passkeys work
	Style                 template.CSS
}

// Title is the page's title.
func (p passkeysPage) Title() string {
	switch {
	case p.Manage:
		return "Passkeys"
	case p.Confirm:
		return "Confirm that it is you"
	}
	return "Sign in"
}

// Only reports whether a removal leaves no passkey.
func (p passkeysPage) Only() bool { return len(p.Keys) == 1 }

// Seen is the last sign-in, in words.
func (l listedPasskey) Seen() string {
	if l.LastUsed == nil {
		return "never used"
	}
	return "last used " + ago(*l.LastUsed)
}

// passkeyNotices are the messages about the last action that the page can show.
var passkeyNotices = map[string]string{
	"added":   "The passkey is added.",
	"renamed": "The passkey has its new name.",
	"removed": "The passkey is removed, and your other sessions have ended.",
	"gone":    "That passkey was removed already.",
	"confirm": "Nothing was changed: your sign-in is too long ago.",
}

// passkeyPages returns the handler of the page. recently is the gate of the list, and half
// accepts half sign-ins.
func (a accounts) passkeyPages(recently, half guard.Middleware) http.Handler {
	manage := guard.Chain(guard.OnError(a.confirmPasskeys), recently)(guard.HandlerFunc(a.managePasskeys))
	signIn := half(http.HandlerFunc(a.passkeySignIn))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := guard.PrincipalFrom[User](r.Context()); ok {
			manage.ServeHTTP(w, r)
			return
		}
		signIn.ServeHTTP(w, r)
	})
}

func (a accounts) managePasskeys(w http.ResponseWriter, r *http.Request, u User) {
	list, err := a.keys.List(r.Context(), u.ID)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	p := passkeysPage{Manage: true, Email: u.Email, Suggested: device(r.UserAgent())}
	for _, c := range list {
		p.Keys = append(p.Keys, listed(c))
	}
	a.showPasskeys(w, r, http.StatusOK, p)
}

// confirmPasskeys shows a form to sign in again in place of the list, and any other error as a
// page.
func (a accounts) confirmPasskeys(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	u, ok := guard.PrincipalFrom[User](r.Context())
	p := passkeysPage{Confirm: true, Email: u.Email, Next: "/passkey/"}
	var err error
	if ok && e.Status == http.StatusUnauthorized {
		p.HasKeys, p.Factor, err = a.factorOf(r.Context(), u)
	}
	if !ok || e.Status != http.StatusUnauthorized || err != nil {
		format.HTML("/session/", guard.JSON)(w, r, e)
		return
	}
	a.showPasskeys(w, r, e.Status, p)
}

// factorOf describes the second factor of an account.
func (a accounts) factorOf(ctx context.Context, u User) (hasKeys bool, factor string, err error) {
	step, err := a.secondStep(ctx, u)
	if err == nil {
		hasKeys, err = a.hasPasskeys(ctx, u.ID)
	}
	switch {
	case step == passkeyStep:
		factor = "a passkey"
	case step == totpStep && hasKeys:
		factor = "a passkey or a code"
	case step == totpStep:
		factor = "a code"
	}
	return hasKeys, factor, err
}

// passkeySignIn is for everyone, and completes a half sign-in.
func (a accounts) passkeySignIn(w http.ResponseWriter, r *http.Request) {
	p := passkeysPage{Next: format.Next(r, "/passkey/")}
	if half, ok := guard.PrincipalFrom[*session.Session[Device]](r.Context()); ok {
		u, found, err := a.users.ByID(r.Context(), half.Sub())
		var step string
		if err == nil {
			step, err = a.secondStep(r.Context(), u)
		}
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		p.Half, p.Email, p.Codes = found, u.Email, step == totpStep
	}
	a.showPasskeys(w, r, http.StatusOK, p)
}

func (a accounts) showPasskeys(w http.ResponseWriter, r *http.Request, status int, p passkeysPage) {
	p.Style, p.Notice, p.PublicURL = template.CSS(pageCSS), passkeyNotices[r.URL.Query().Get("notice")], a.publicURL
	showPage(w, status, passkeyPolicy, passkeysTemplate, p)
}

// servePasskeyScript serves the script of the pages that use passkeys.
func servePasskeyScript(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", `"`+strings.Trim(source(string(passkeyJS)), "'")+`"`)
	http.ServeContent(w, r, "passkey.js", time.Time{}, bytes.NewReader(passkeyJS))
}
