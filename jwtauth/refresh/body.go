package refresh

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/strictjson"
)

const (
	maxTokenBody = 8 << 10 // a longer body holds no refresh token
	maxBody      = 1 << 20 // a longer body is not read to its end
)

const tokenMember = "refresh_token"

// tokenShape refuses "Refresh_Token" beside it.
var tokenShape = (*strictjson.Shape)(nil).With(tokenMember)

// errBody is the cause where a body is neither JSON nor a form.
var errBody = errors.New("refresh: the body is neither JSON nor a form")

// toRefresh returns the refresh token in a request of RFC 6749, section 6.
func toRefresh(form url.Values) (string, error) {
	if grant := form.Get("grant_type"); grant != "" && grant != "refresh_token" {
		return "", &guard.Error{Status: http.StatusBadRequest, Code: "unsupported_grant_type", Message: "grant_type must be refresh_token"}
	}
	return form.Get(tokenMember), nil
}

// toLogout returns the refresh token in a request of RFC 7009, section 2.1.
func toLogout(form url.Values) (string, error) {
	token, refreshToken := form.Get("token"), form.Get(tokenMember)
	if token != "" && refreshToken != "" {
		return "", badBody("both token and refresh_token")
	}
	return cmp.Or(token, refreshToken), nil
}

// readToken returns the refresh token of a request. It is "", which is invalid, if
// there is none. of reads it from the parameters of a form. An error means that the
// body cannot be read, or is neither JSON nor a form.
func (r *Refresher[C]) readToken(w http.ResponseWriter, req *http.Request, of func(url.Values) (string, error)) (string, error) {
	if r.opts.Cookie {
		refreshToken, _ := field.RawCookie(req.Header, r.cookieName()) // "" if there are two
		return refreshToken, nil
	}
	b, err := readBody(w, req)
	if err != nil || len(b) > maxTokenBody {
		return "", err
	}
	b = bytes.TrimSpace(b)
	// curl -d sends JSON as a form. No form begins like JSON.
	kind := field.MediaType(req.Header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" || len(b) == 0 || b[0] == '{' {
		return fromJSON(b)
	}
	form, err := url.ParseQuery(string(b))
	if err != nil {
		return "", badBody("a malformed form") // the cause may quote the token
	}
	for _, values := range form {
		if len(values) > 1 { // RFC 6749, section 3.2
			return "", badBody("a parameter is repeated")
		}
	}
	return of(form)
}

// readBody returns the body, or more than maxTokenBody bytes of it.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body := http.MaxBytesReader(w, r.Body, maxBody)
	b, err := io.ReadAll(io.LimitReader(body, maxTokenBody+1))
	if err == nil && len(b) > maxTokenBody {
		_, err = io.Copy(io.Discard, body)
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); err != nil && !tooLarge {
		return nil, &guard.Error{Status: http.StatusBadRequest, Code: "invalid_request", Err: err}
	}
	return b, err
}

// fromJSON returns the refresh token in an object. It is "" in any other JSON.
func fromJSON(b []byte) (string, error) {
	var refreshToken string
	visit := func(s *strictjson.Scanner, m strictjson.Member) bool {
		if string(m.Name) != tokenMember {
			return false
		}
		refreshToken = string(s.Text())
		return true
	}
	if new(strictjson.Scanner).Read(b, tokenShape, strictjson.VisitorFunc(visit), strictjson.MaxMembers) {
		return refreshToken, nil
	}
	if !json.Valid(b) {
		return "", badBody("no JSON")
	}
	return "", nil
}

// badBody refuses a body (RFC 6749, section 5.2).
func badBody(cause string) error {
	return &guard.Error{
		Status: http.StatusBadRequest, Code: "invalid_request",
		Message: "The body must be a JSON object or a form with one refresh_token", Err: fmt.Errorf("%w: %s", errBody, cause),
	}
}
