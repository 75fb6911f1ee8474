package refresh

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/jwtauth"
)

// RefreshHandler answers a POST of {"refresh_token":"…"} with the next pair of
// tokens, or 401 {"error":"Invalid refresh token"}.
func (r *Refresher[C]) RefreshHandler() http.Handler {
	return post("refresh", func(w http.ResponseWriter, req *http.Request) error {
		refreshToken, err := readToken(w, req)
		if err != nil {
			return err
		}
		tokens, err := r.refresh(req.Context(), refreshToken)
		if err == nil {
			tokens.Respond(w)
		}
		return err
	})
}

// LogoutHandler answers a POST of {"refresh_token":"…"} with 200 after it ended
// that login and denied the access token of the request, which it authenticates
// by the Issuer's Verifier. A refresh token that is invalid or belongs to another
// subject is answered 400 {"error":"Invalid token"}.
func (r *Refresher[C]) LogoutHandler() http.Handler {
	return r.verifier.Wrap(post("logout", func(w http.ResponseWriter, req *http.Request) error {
		access, err := guard.Authenticated[*jwtauth.Token[C]](req.Context())
		if err != nil {
			return err
		}
		refreshToken, err := readToken(w, req)
		if err != nil {
			return err
		}
		id, err := r.revoke(req.Context(), access.Sub(), refreshToken, access.ExpiresAt)
		if err == nil && access.SessionID != id { // the access token belongs to another login
			err = r.verifier.Revoke(req.Context(), access)
		}
		if err == nil {
			respond(w, http.StatusOK, `{"message":"Logged out successfully"}`)
		}
		return err
	}))
}

// LogoutAllHandler answers a POST with 200 after it ended all logins of the
// subject of the access token, which it authenticates by the Issuer's Verifier,
// and denied that token.
func (r *Refresher[C]) LogoutAllHandler() http.Handler {
	return r.verifier.Wrap(post("logout everywhere", func(w http.ResponseWriter, req *http.Request) error {
		access, err := guard.Authenticated[*jwtauth.Token[C]](req.Context())
		if err != nil {
			return err
		}
		if err := r.endAll(req.Context(), access.Sub(), access.SessionID); err != nil {
			return err
		}
		if access.SessionID != "" {
			err = r.deny(req.Context(), access.ExpiresAt, access.SessionID)
		} else { // the access token belongs to no login
			err = r.verifier.Revoke(req.Context(), access)
		}
		if err == nil {
			respond(w, http.StatusOK, `{"message":"Logged out everywhere"}`)
		}
		return err
	}))
}

// post returns a handler of POST alone, so that following a link logs no one
// out. It reports the outcome of f, and answers an error of f as guard.Refuse
// does, except that an invalid refresh token has the body of one member that
// clients of token endpoints expect.
func post(guardName string, f func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := decision(guardName)
		if r.Method != http.MethodPost {
			d.Refuse(w, r, &guard.Error{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {http.MethodPost}}})
			return
		}
		err := f(w, r)
		e, refused := errors.AsType[*guard.Error](err)
		switch {
		case err == nil:
			d.Report(r)
		case refused && e.Code == invalidGrant && e.Status < http.StatusInternalServerError:
			refuseToken(w, r, d, e)
		default:
			d.Refuse(w, r, err)
		}
	})
}

// refuseToken answers {"error":"…"} with the message of e. Unlike Deny, it
// reports the pattern of the request, and unlike Refuse, it does not use the
// error format of guard.OnError.
func refuseToken(w http.ResponseWriter, r *http.Request, d guard.Decision, e *guard.Error) {
	d.Outcome, d.Status, d.Reason, d.Err = guard.Refused, e.Status, e.Code, e.Clone()
	if e.Err != nil {
		d.Reason = e.Err.Error()
	}
	d.Report(r)
	if e.Status == http.StatusUnauthorized {
		w.Header()["Www-Authenticate"] = e.Challenges
	}
	body, _ := json.Marshal(map[string]string{"error": e.Message}) // a string never fails
	respond(w, e.Status, string(body))
}

func respond(w http.ResponseWriter, status int, body string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store") // RFC 6749, section 5.1
	w.WriteHeader(status)
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
		return "", &guard.Error{Status: http.StatusBadRequest, Err: err}
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
