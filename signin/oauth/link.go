package oauth

import (
	"errors"
	"net/http"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
)

// maxLinkTo is the length of a subject in bytes, as in package session.
const maxLinkTo = 255

// Link is [Login.Begin] for a person who is signed in and adds an account at the
// provider: the function of [Login.Complete] receives the answer of subject in
// Identity.LinkTo. subject returns the account of the request, which has 1 to 255 bytes,
// and refuses a request without a recent and complete sign-in, such as one whose session
// waits for a second factor; its error is answered by guard.Refuse.
//
// The function of Complete must refuse an identity that another account has, and a LinkTo
// that is not the account of the request's session any more: another person may use the
// browser by then, or the owner has ended all sessions. With FormPost the callback has no
// SameSite=Lax cookie, and so no session: let subject return the session's ID beside the
// account, and refuse one that session.Manager.List no longer has. [Login.Logout] ends what
// Link began in that browser. The function must never link by e-mail.
//
// Link serves POST, with the query parameter next of Begin. A cross-site request is 403,
// whatever subject would return. If the page with the form has a Content-Security-Policy
// with form-action, it must list the provider. LinkTo is sealed in the cookie of the sign-in: it
// arrives only in the browser that sent the POST, and within ten minutes.
func (l *Login[C]) Link(subject func(r *http.Request) (string, error)) http.Handler {
	if subject == nil {
		wiring.Panic("oauth", "the function of Link is nil")
	}
	link := func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != http.MethodPost {
			return refusal.MethodNotAllowed(http.MethodPost)
		}
		if field.CrossOrigin(new(http.CrossOriginProtection), r) != nil {
			return crossOrigin()
		}
		account, err := subject(r)
		switch {
		case err != nil:
			return err
		case account == "" || len(account) > maxLinkTo:
			return errors.New("oauth: the function of Link returned a subject that is empty or longer than 255 bytes")
		}
		return l.begin(w, r, account)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := link(w, r); err != nil {
			d := l.decision()
			d.Action = actionLink
			d.Refuse(w, r, err)
		}
	})
}
