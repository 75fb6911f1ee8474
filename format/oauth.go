package format

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard"
)

// OAuth is the error format of a token endpoint and of those like it (RFC 6749, section
// 5.2; RFC 7009, section 2.2.1), which clients of OAuth read:
//
//	{"error":"invalid_grant","error_description":"Invalid refresh token"}
//
// "error" is the error's Code if that is a word of OAuth, such as invalid_scope or
// use_dpop_nonce. A refused refresh token or password is invalid_grant. Others have a word
// by their status: invalid_client for another 401, temporarily_unavailable for 429 and 503,
// server_error for other failures of ours, and invalid_request for the rest. The status
// remains that of the error: a refresh token that package refresh refuses is 401.
func OAuth(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	body, _ := json.Marshal(struct { // strings never fail
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{oauthWord(e), strings.Map(descriptive, detail(e))})
	write(w, r, e.Status, "application/json", body)
}

// oauthWords are the errors of RFC 6749, section 5.2, RFC 8628, section 3.5, RFC 8707,
// section 2, RFC 9449, sections 5 and 8, and those of section 4.1.2.1 of the first.
var oauthWords = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"authorization_pending", "slow_down", "access_denied", "expired_token",
	"invalid_target", "invalid_dpop_proof", "use_dpop_nonce", "server_error", "temporarily_unavailable",
}

func oauthWord(e *guard.Error) string {
	switch {
	case slices.Contains(oauthWords, e.Code):
		return e.Code
	case strings.HasPrefix(e.Code, "refresh_token_"), e.Code == "login_invalid", e.Code == "signin_ended":
		return "invalid_grant"
	case e.Status == http.StatusUnauthorized:
		return "invalid_client"
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusServiceUnavailable:
		return "temporarily_unavailable"
	case e.Status >= 500:
		return "server_error"
	}
	return "invalid_request"
}

// descriptive replaces what an error_description must not have: it is printable ASCII
// without quotes and backslashes.
func descriptive(c rune) rune {
	switch {
	case c == '"', c == '\\':
		return '\''
	case c < ' ', c > '~':
		return '?'
	}
	return c
}
