package refresh

import (
	"errors"
	"io"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/jwtauth"
)

// RefreshHandler answers a POST of {"refresh_token":"…"} with the next pair of
// tokens, or with the refusal of [Refresher.Refresh]. A body that cannot be read is
// answered 400, invalid_request.
func (r *Refresher[C]) RefreshHandler() http.Handler {
	return post(decision("refresh", ""), func(w http.ResponseWriter, req *http.Request) (subject string, err error) {
		refreshToken, err := readToken(w, req)
		if err != nil {
			return "", err
		}
		tokens, subject, err := r.refresh(req.Context(), refreshToken)
		if err == nil {
			tokens.Respond(w)
		}
		return subject, err
	})
}

// LogoutHandler answers a POST of {"refresh_token":"…"} with 200 after it ended
// that login and denied the access token of the request, which it authenticates
// by the Issuer's Verifier. A refresh token that is invalid or belongs to another
// subject is refused as by [Refresher.Revoke].
func (r *Refresher[C]) LogoutHandler() http.Handler {
	return r.logout(decision("sign-out", ""), func(w http.ResponseWriter, req *http.Request, access *jwtauth.Token[C]) error {
		refreshToken, err := readToken(w, req)
		if err != nil {
			return err
		}
		id, err := r.revoke(req.Context(), access.Sub(), refreshToken, access.ExpiresAt)
		if err == nil && access.SessionID != id { // the access token belongs to another login
			err = r.denyToken(req.Context(), access)
		}
		if err == nil {
			respond(w, `{"message":"Logged out successfully"}`)
		}
		return err
	})
}

// LogoutAllHandler answers a POST with 200 after it ended all logins of the
// subject of the access token, which it authenticates by the Issuer's Verifier,
// and denied that token.
func (r *Refresher[C]) LogoutAllHandler() http.Handler {
	d := decision("sign-out", "")
	d.Guard = allLogins
	return r.logout(d, func(w http.ResponseWriter, req *http.Request, access *jwtauth.Token[C]) error {
		err := r.endAll(req.Context(), access.Sub(), access.SessionID)
		switch {
		case err != nil:
		case access.SessionID != "":
			err = r.deny(req.Context(), access.ExpiresAt, access.SessionID)
		default: // the access token belongs to no login
			err = r.denyToken(req.Context(), access)
		}
		if err == nil {
			respond(w, `{"message":"Logged out everywhere"}`)
		}
		return err
	})
}

// logout is post for an authenticated request.
func (r *Refresher[C]) logout(d guard.Decision, f func(http.ResponseWriter, *http.Request, *jwtauth.Token[C]) error) http.Handler {
	return r.verifier.Wrap(post(d, func(w http.ResponseWriter, req *http.Request) (subject string, err error) {
		access, err := guard.Authenticated[*jwtauth.Token[C]](req.Context())
		if err != nil {
			return "", err
		}
		return access.Sub(), f(w, req, access)
	}))
}

// post returns a handler of POST alone, so that following a link logs no one
// out. It reports d with the subject that f returns, and answers an error of f as
// guard.Refuse does. Unlike Deny, that reports the pattern of the route.
func post(d guard.Decision, f func(http.ResponseWriter, *http.Request) (subject string, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := d
		var err error
		if r.Method != http.MethodPost {
			err = refusal.MethodNotAllowed(http.MethodPost)
		} else {
			d.Subject, err = f(w, r)
		}
		if err != nil {
			d.Refuse(w, r, err)
			return
		}
		d.Report(r)
	})
}

func respond(w http.ResponseWriter, body string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, body) // the client may have left
}

const (
	maxTokenBody = 8 << 10 // a longer body holds no refresh token
	maxBody      = 1 << 20 // a longer body is not read to its end
)

const tokenMember = "refresh_token"

// tokenShape refuses "Refresh_Token" beside it.
var tokenShape = (*strictjson.Shape)(nil).With(tokenMember)

// readToken returns the refresh token in the JSON of a request. It is "", which
// is invalid, if there is none. An error means that the body cannot be read.
func readToken(w http.ResponseWriter, r *http.Request) (string, error) {
	body := http.MaxBytesReader(w, r.Body, maxBody)
	b, err := io.ReadAll(io.LimitReader(body, maxTokenBody+1))
	if err == nil && len(b) > maxTokenBody {
		b = nil
		_, err = io.Copy(io.Discard, body)
	}
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return "", err
		}
		return "", &guard.Error{Status: http.StatusBadRequest, Code: "invalid_request", Err: err}
	}
	var refreshToken string
	visit := func(s *strictjson.Scanner, m strictjson.Member) bool {
		if string(m.Name) != tokenMember {
			return false
		}
		refreshToken = string(s.Text())
		return true
	}
	if !new(strictjson.Scanner).Read(b, tokenShape, strictjson.VisitorFunc(visit), strictjson.MaxMembers) {
		return "", nil
	}
	return refreshToken, nil
}
