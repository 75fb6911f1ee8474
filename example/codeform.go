package main

import (
	"net/http"
	"net/url"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

func readCode(r *http.Request, form bool) (string, error) {
	if form {
		if err := r.ParseForm(); err != nil {
			return "", unreadable(err)
		}
		return r.PostForm.Get("code"), nil
	}
	var in struct {
		Code string `json:"code"`
	}
	err := readObject(r, &in)
	return in.Code, err
}

// codeForm is the page for the second step of a browser.
func (a accounts) codeForm(r *http.Request) step {
	s := step{
		Title: "Enter your code", Text: "It is in your authenticator app. A recovery code works, too.", Action: "/totp/verify", Button: "Sign in",
		Next: format.Next(r, "/session/"), Field: &stepField{"code", "Code", "text", "one-time-code"},
	}
	if a.keys != nil {
		s.Link, s.LinkText = "/passkey/?next="+url.QueryEscape(s.Next), "Use a passkey"
	}
	return s
}

// showCodeForm is for everyone: what the form sends is checked.
func (a accounts) showCodeForm(w http.ResponseWriter, r *http.Request) {
	a.codeForm(r).show(w, http.StatusOK)
}

// refusedCode shows a code that is refused in the form, and any other error as a page.
func (a accounts) refusedCode(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	if e.Code != "code_invalid" && e.Status != http.StatusTooManyRequests {
		format.HTML("/session/", guard.JSON)(w, r, e)
		return
	}
	page := a.codeForm(r)
	page.Mistake = e.Message
	page.show(w, e.Status)
}

// parsedForm reads the form of a POST, so that a handler sees no half of one.
func parsedForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			guard.Refuse(w, r, unreadable(err))
			return
		}
		next.ServeHTTP(w, r)
	})
}
