package format_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/harness"
)

// TestOAuth: each refusal is an error object of RFC 6749, section 5.2, in its alphabet.
func TestOAuth(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  *guard.Error
		want string
	}{
		{"a word of OAuth", &guard.Error{Status: 400, Code: "invalid_scope", Message: "No such scope"}, `{"error":"invalid_scope","error_description":"No such scope"}`},
		{"a nonce", &guard.Error{Status: 400, Code: "use_dpop_nonce", Message: "Use the nonce"}, `{"error":"use_dpop_nonce","error_description":"Use the nonce"}`},
		{"a refresh token", &guard.Error{Status: 401, Code: "refresh_token_invalid", Message: "Invalid refresh token"}, `{"error":"invalid_grant","error_description":"Invalid refresh token"}`},
		{"a password", &guard.Error{Status: 401, Code: "login_invalid", Message: "Invalid credentials"}, `{"error":"invalid_grant","error_description":"Invalid credentials"}`},
		{"a sign-in that was ended", &guard.Error{Status: 401, Code: "signin_ended", Message: "Sign in again"}, `{"error":"invalid_grant","error_description":"Sign in again"}`},
		{"another credential", &guard.Error{Status: 401, Code: "key_expired", Message: "API key expired"}, `{"error":"invalid_client","error_description":"API key expired"}`},
		{"malformed", &guard.Error{Status: 400}, `{"error":"invalid_request","error_description":"The request is malformed"}`},
		{"a code of one's own", &guard.Error{Status: 403, Code: "x", Message: "No"}, `{"error":"invalid_request","error_description":"No"}`},
		{"a limit", &guard.Error{Status: 429, Message: "Later"}, `{"error":"temporarily_unavailable","error_description":"Later"}`},
		{"an outage", &guard.Error{Status: 503, Message: "Later"}, `{"error":"temporarily_unavailable","error_description":"Later"}`},
		{"a failure", &guard.Error{Status: 500}, `{"error":"server_error","error_description":"The request could not be processed"}`},
		{"an alphabet", &guard.Error{Status: 400, Message: "\"é\\\"\n<"}, `{"error":"invalid_request","error_description":"'?''?<"}`},
	} {
		refuse := func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, tt.err) }
		w, _ := harness.Serve(t, guard.OnError(format.OAuth), refuse, httptest.NewRequest("POST", "/token", nil))
		h, body := w.Header(), strings.ReplaceAll(w.Body.String(), `\u003c`, "<")
		if w.Code != tt.err.Status || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || body != tt.want {
			t.Errorf("%s: %d %v %s", tt.name, w.Code, h, body)
		}
	}
}

// FuzzOAuth: whatever the message, clients can read the answer.
func FuzzOAuth(f *testing.F) {
	f.Add("Invalid refresh token", "refresh_token_invalid")
	f.Add("\"\\\x00\xff\u2028", "invalid_grant")
	f.Fuzz(func(t *testing.T, message, code string) {
		w := httptest.NewRecorder()
		format.OAuth(w, httptest.NewRequest("POST", "/token", nil), &guard.Error{Status: 400, Message: message, Code: code})
		var body struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error == "" {
			t.Fatalf("%q: %v", w.Body, err)
		}
		if bad := strings.IndexFunc(body.Error+body.Description, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }); bad >= 0 {
			t.Errorf("%q has a character that RFC 6749 does not allow", w.Body)
		}
	})
}
