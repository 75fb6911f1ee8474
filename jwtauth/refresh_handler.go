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
	return post(func(w http.ResponseWriter, req *http.Request) {
		token, err := readRefreshToken(w, req)
		if err != nil {
			guard.Refuse(w, req, err)
			return
		}
		tokens, err := r.Refresh(req.Context(), token)
		if err != nil {
			refuse(w, req, err)
			return
		}
		tokens.Respond(w)
	})
}

// LogoutHandler answers a POST of {"refresh_token":"…"}, authenticated by an
// access token of the same subject, with 200, and then both tokens are dead.
// One that is no refresh token, or somebody else's, is 400
// {"error":"Invalid token"}. It asks the Issuer's Verifier for the access
// token by itself.
func (r *Refresher[C]) LogoutHandler() http.Handler {
	return r.issuer.verifier.Wrap(post(guard.HandlerFunc(func(w http.ResponseWriter, req *http.Request, access *Token[C]) {
		token, err := readRefreshToken(w, req)
		var sid string
		if err == nil {
			sid, err = r.revoke(req.Context(), access.subject, token)
		}
		if err == nil && access.SessionID != sid { // the access token is of another login
			err = r.issuer.verifier.Revoke(req.Context(), access)
		}
		if err != nil {
			refuse(w, req, err)
			return
		}
		answer(w, http.StatusOK, `{"message":"Logged out successfully"}`)
	})))
}

// LogoutAllHandler ends all logins of whoever POSTs to it with an access token,
// and that token.
func (r *Refresher[C]) LogoutAllHandler() http.Handler {
	return r.issuer.verifier.Wrap(post(guard.HandlerFunc(func(w http.ResponseWriter, req *http.Request, access *Token[C]) {
		err := r.RevokeSubject(req.Context(), access.subject)
		if err == nil {
			err = r.issuer.verifier.Revoke(req.Context(), access)
		}
		if err != nil {
			guard.Refuse(w, req, err)
			return
		}
		answer(w, http.StatusOK, `{"message":"Logged out everywhere"}`)
	})))
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
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
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

// refuse answers with the one-key body that clients of token endpoints know;
// what is not about the token goes by guard.Refuse.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	var e *guard.Error
	if !errors.As(err, &e) || e.Code != invalidGrant {
		guard.Refuse(w, r, err)
		return
	}
	if e.Status == http.StatusUnauthorized {
		w.Header()["Www-Authenticate"] = e.Challenges
	}
	b, _ := json.Marshal(map[string]string{"error": e.Message}) // no string fails
	answer(w, e.Status, string(b))
}

func answer(w http.ResponseWriter, status int, body string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store") // RFC 6749, section 5.1
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client may have left
}

// post refuses other methods: a link must not log anybody out.
func post(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			guard.Refuse(w, r, &guard.Error{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {http.MethodPost}}})
			return
		}
		next(w, r)
	}
}
