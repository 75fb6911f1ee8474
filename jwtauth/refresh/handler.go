package refresh

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/jwtauth"
)

// RefreshHandler answers a POST with the next pair of tokens, or with the refusal
// of [Refresher.Refresh]. The body is {"refresh_token":"…"}, or a form with
// refresh_token and perhaps grant_type=refresh_token (RFC 6749, section 6). A body
// that is neither is answered 400, invalid_request; one of more than 8 KiB has no
// token. With Options.Cookie, only the cookie is read.
//
// The token of a login that is bound to a key (StartOptions.JKT) needs a proof in the same
// request. One that is wrong is refused as Options.Proofs says, and nothing ends.
func (r *Refresher[C]) RefreshHandler() http.Handler {
	return r.post(decision("refresh", ""), func(w http.ResponseWriter, req *http.Request) (subject string, err error) {
		refreshToken, err := r.readToken(w, req, toRefresh)
		if err != nil {
			return "", err
		}
		tokens, subject, err := r.refresh(req.Context(), refreshToken, req)
		if err == nil {
			if r.opts.Proofs != nil {
				r.opts.Proofs.Accepted(w.Header())
			}
			tokens.Respond(w)
		}
		return subject, err
	})
}

// LogoutHandler answers a POST with 200 after it ended the login of a refresh
// token and denied its access tokens. The refresh token suffices (RFC 7009): the
// access token may have expired. The body is {"refresh_token":"…"}, or a form with
// refresh_token or, as RFC 7009 has it, token. With Options.Cookie, only the cookie
// is read, and then cleared. A client that disconnects stops no logout that has
// begun; it ends within 5 seconds.
//
// It authenticates no one. If a guard that wraps it has authenticated the request
// by an access token of the issuer, that token is denied, too, and the refresh
// token of another subject is refused with 400.
//
// A token that is forged or missing is refused with 400, "Invalid token". RFC 7009,
// section 2.2, answers it with 200: then a client that sends the wrong token would
// believe that its login had ended. One that has ended or expired is answered 200.
func (r *Refresher[C]) LogoutHandler() http.Handler {
	return r.post(decision("sign-out", ""), func(w http.ResponseWriter, req *http.Request) (subject string, err error) {
		refreshToken, err := r.readToken(w, req, toLogout)
		if errors.Is(err, errBody) {
			err = refuseLogout(err)
		}
		if err != nil {
			return "", err
		}
		if subject, err = r.logout(req.Context(), refreshToken); err == nil {
			r.respond(w, `{"message":"Logged out successfully"}`)
		}
		return subject, err
	})
}

// logout ends the login of a refresh token, and denies the access token that
// authenticated the request even if it belongs to another login.
func (r *Refresher[C]) logout(ctx context.Context, refreshToken string) (subject string, err error) {
	ctx, cancel := detach(ctx)
	defer cancel()
	t, err := r.keys.open(refreshToken)
	access, _ := guard.CredentialFrom[*jwtauth.Token[C]](ctx)
	if access == nil || access.Issuer != r.issuer.Name {
		if err != nil {
			return "", refuseLogout(err)
		}
		return t.subject, r.end(ctx, t.subject, t.familyID(), r.now())
	}
	subject = r.issuer.Sub(access) // as the refresh token has it
	id, err := r.revoke(ctx, subject, refreshToken, access.ExpiresAt)
	if err == nil && access.SessionID != id {
		err = r.denyToken(ctx, access)
	}
	return subject, err
}

// LogoutAllHandler answers a POST with 200 after it ended all logins of the
// subject of the access token, which it authenticates by the Issuer's Verifier,
// and denied that token. With Options.Cookie, it clears the cookie.
func (r *Refresher[C]) LogoutAllHandler() http.Handler {
	d := decision("sign-out", "")
	d.Guard = allLogins
	return r.verifier.Wrap(r.post(d, func(w http.ResponseWriter, req *http.Request) (subject string, err error) {
		access, err := guard.Authenticated[*jwtauth.Token[C]](req.Context())
		if err != nil {
			return "", err
		}
		if err = r.logoutAll(req.Context(), access); err == nil {
			r.respond(w, `{"message":"Logged out everywhere"}`)
		}
		return access.Sub(), err
	}))
}

func (r *Refresher[C]) logoutAll(ctx context.Context, access *jwtauth.Token[C]) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	if err := r.endAll(ctx, access.Sub(), access.SessionID); err != nil {
		return err
	}
	if access.SessionID == "" { // the access token belongs to no login
		return r.denyToken(ctx, access)
	}
	return r.deny(ctx, access.ExpiresAt, access.Sub(), access.SessionID)
}

// post returns a handler of POST alone, so that following a link logs no one
// out, and with Options.Cookie from the same origin alone. It reports d with the
// subject that f returns, and answers an error of f as guard.Refuse does. Unlike
// Deny, that reports the pattern of the route.
func (r *Refresher[C]) post(d guard.Decision, f func(http.ResponseWriter, *http.Request) (subject string, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		d := d
		var err error
		if req.Method != http.MethodPost {
			err = refusal.MethodNotAllowed(http.MethodPost)
		} else if err = r.checkOrigin(req); err == nil {
			d.Subject, err = f(w, req)
		}
		if err != nil {
			r.clearDead(w, req, err)
			d.Refuse(w, req, err)
			return
		}
		d.Report(req)
	})
}

// respond answers a logout.
func (r *Refresher[C]) respond(w http.ResponseWriter, body string) {
	r.clearCookie(w)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	field.NoStore(h)
	_, _ = io.WriteString(w, body) // the client may have left
}
