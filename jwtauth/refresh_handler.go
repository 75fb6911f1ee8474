package jwtauth

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/go-guard/guard"
)

// RefreshHandler answers a POST of {"refresh_token":"…"} with the next pair of
// tokens, or 401 {"error":"Invalid refresh token"}.
func (r *Refresher[C]) RefreshHandler() http.Handler {
	return post("refresh", func(w http.ResponseWriter, req *http.Request) error {
		token, err := readRefreshToken(w, req)
		if err != nil {
			return err
		}
		tokens, err := r.refresh(req.Context(), token)
		if err == nil {
			tokens.Respond(w)
		}
		return err
	})
}

// LogoutHandler answers a POST of {"refresh_token":"…"}, authenticated by an
// access token of the same subject, with 200, and then both tokens are dead.
// One that is no refresh token, or somebody else's, is 400
// {"error":"Invalid token"}. It asks the Issuer's Verifier for the access
// token by itself.
func (r *Refresher[C]) LogoutHandler() http.Handler {
	return r.issuer.verifier.Wrap(post("logout", func(w http.ResponseWriter, req *http.Request) error {
		access, err := guard.Authenticated[*Token[C]](req.Context())
		if err != nil {
			return err
		}
		token, err := readRefreshToken(w, req)
		if err != nil {
			return err
		}
		sid, err := r.revoke(req.Context(), access.subject, token, access.ExpiresAt)
		if err == nil && access.SessionID != sid { // the access token is of another login
			err = r.issuer.verifier.Revoke(req.Context(), access)
		}
		if err == nil {
			answer(w, http.StatusOK, `{"message":"Logged out successfully"}`)
		}
		return err
	}))
}

// LogoutAllHandler ends all logins of whoever POSTs to it with an access token,
// and that token.
func (r *Refresher[C]) LogoutAllHandler() http.Handler {
	return r.issuer.verifier.Wrap(post("logout everywhere", func(w http.ResponseWriter, req *http.Request) error {
		access, err := guard.Authenticated[*Token[C]](req.Context())
		if err == nil {
			err = r.endAll(req.Context(), access.subject, access.SessionID)
		}
		switch {
		case err != nil:
		case access.SessionID != "":
			err = r.deny(req.Context(), access.ExpiresAt, access.SessionID)
		default: // it is of no login
			err = r.issuer.verifier.Revoke(req.Context(), access)
		}
		if err == nil {
			answer(w, http.StatusOK, `{"message":"Logged out everywhere"}`)
		}
		return err
	}))
}

// post is a handler of POST alone: a link must not log anybody out. What f
// could not do it answers, with the one-key body that clients of token
// endpoints know, or where it is not about the token as every guard does.
func post(what string, f func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error = &guard.Error{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {http.MethodPost}}}
		if r.Method == http.MethodPost {
			err = f(w, r)
		}
		e, refused := errors.AsType[*guard.Error](err)
		switch {
		case err == nil:
			decision(what, nil).Report(r)
		case refused && e.Code == invalidGrant:
			decision(what, err).Report(r)
			if e.Status == http.StatusUnauthorized {
				w.Header()["Www-Authenticate"] = e.Challenges
			}
			b, _ := json.Marshal(map[string]string{"error": e.Message}) // no string fails
			answer(w, e.Status, string(b))
		default:
			guard.Decision{Package: "jwtauth", Guard: what}.Refuse(w, r, err)
		}
	})
}

func answer(w http.ResponseWriter, status int, body string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store") // RFC 6749, section 5.1
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client may have left
}

// Bounds of a body: what is longer is no token, or not read to its end.
const (
	maxRefreshBody = 8 << 10
	maxBody        = 1 << 20
)

// readRefreshToken is the refresh token of a request's JSON, or "" where there
// is none, which is as wrong as any. The error is that the body cannot be read.
func readRefreshToken(w http.ResponseWriter, r *http.Request) (string, error) {
	body := http.MaxBytesReader(w, r.Body, maxBody)
	b, err := io.ReadAll(io.LimitReader(body, maxRefreshBody+1))
	if err == nil && len(b) > maxRefreshBody {
		b = nil
		_, err = io.Copy(io.Discard, body)
	}
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return "", err
		}
		return "", &guard.Error{Status: http.StatusBadRequest, Err: err}
	}
	// By a map: a struct's field would match "Refresh_Token", too.
	var members map[string]json.RawMessage
	var token string
	if json.Unmarshal(b, &members) != nil || json.Unmarshal(members["refresh_token"], &token) != nil {
		return "", nil
	}
	return token, nil
}
