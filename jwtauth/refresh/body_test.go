package refresh_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const formType = "application/x-www-form-urlencoded"

// post sends a body of a type, without an access token.
func (g *rig) post(h http.Handler, kind, body string) *httptest.ResponseRecorder {
	r := request("POST", body)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	w := httptest.NewRecorder()
	g.observe()(h).ServeHTTP(w, r)
	return w
}

// TestRefreshBodies: JSON of any type, curl -d included, and RFC 6749's form. %s is the
// refresh token.
func TestRefreshBodies(t *testing.T) {
	const form = "grant_type=refresh_token&refresh_token=%s"
	for _, tt := range []struct {
		name, kind, body string
		status           int
		code             string
	}{
		{"a form", formType, form, 200, ""},
		{"a form with a charset", formType + "; charset=UTF-8", form, 200, ""},
		{"a form in other letters", "Application/X-WWW-Form-Urlencoded", form, 200, ""},
		{"without grant_type", formType, "refresh_token=%s", 200, ""},
		{"grant_type without a value is absent", formType, "grant_type=&refresh_token=%s", 200, ""},
		{"other parameters", formType, "client_id=app&scope=a+b&refresh_token=%s", 200, ""},
		{"JSON as a form", formType, `{"refresh_token":"%s"}`, 200, ""},
		{"JSON", "application/json", ` {"refresh_token":"%s"} `, 200, ""},
		{"JSON without a type", "", `{"refresh_token":"%s"}`, 200, ""},
		{"JSON as text", "text/plain", `{"refresh_token":"%s"}`, 200, ""},

		{"another grant_type", formType, "grant_type=password&refresh_token=%s", 400, "unsupported_grant_type"},
		{"a repeated token", formType, "refresh_token=%s&refresh_token=%s", 400, "invalid_request"},
		{"a repeated grant_type", formType, form + "&grant_type=refresh_token", 400, "invalid_request"},
		{"any repeated parameter", formType, "a=1&a=2&refresh_token=%s", 400, "invalid_request"},
		{"a malformed form", formType, "a=%%zz&refresh_token=%s", 400, "invalid_request"},
		{"a semicolon", formType, "a;refresh_token=%s", 400, "invalid_request"},
		{"an empty form", formType, "", 400, "invalid_request"},
		{"spaces", formType, " \n", 400, "invalid_request"},
		{"no body", "", "", 400, "invalid_request"},
		{"no JSON body", "application/json", "", 400, "invalid_request"},
		{"a form as JSON", "application/json", form, 400, "invalid_request"},
		{"a form without a type", "", form, 400, "invalid_request"},
		{"multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"refresh_token\"\r\n\r\n%s\r\n--x--\r\n", 400, "invalid_request"},
		{"JSON and more", "", `{"refresh_token":"%s"}x`, 400, "invalid_request"},
		{"half an object", formType, `{"refresh_token":"%s"`, 400, "invalid_request"},

		{"a form without the token", formType, "grant_type=refresh_token", 401, "refresh_token_invalid"},
		{"an empty token", formType, "refresh_token=", 401, "refresh_token_invalid"},
		{"the token's name in another case", formType, "Refresh_Token=%s", 401, "refresh_token_invalid"},
		{"token is for logouts", formType, "token=%s", 401, "refresh_token_invalid"},
		{"an array", "", `["%s"]`, 401, "refresh_token_invalid"},
		{"a member twice", "", `{"refresh_token":"%s","refresh_token":"%s"}`, 401, "refresh_token_invalid"},
		{"a long form", formType, form + "&a=" + strings.Repeat("a", 8<<10), 401, "refresh_token_invalid"},
	} {
		g := newRig(t, nil)
		first := g.start("1")
		body := strings.NewReplacer("%s", first.RefreshToken, "%%", "%").Replace(tt.body)
		w := g.post(g.refresher.RefreshHandler(), tt.kind, body)
		if w.Code != tt.status || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s, want %d", tt.name, w.Code, w.Body, tt.status)
		}
		d := g.seen[len(g.seen)-1]
		if e := refusalOf(d.Err); e.Code != tt.code || strings.Contains(d.Reason, first.RefreshToken) {
			t.Errorf("%s: %q, %s; want %q", tt.name, e.Code, d.Reason, tt.code)
		}
		g.refresh(first.RefreshToken) // still the newest, or within the grace period
	}
}

// TestRefreshTokenInTheURL: the query is not read (RFC 6749, section 2.3.1).
func TestRefreshTokenInTheURL(t *testing.T) {
	g := newRig(t, nil)
	first := g.start("1")
	r := httptest.NewRequest("POST", "/?"+url.Values{"refresh_token": {first.RefreshToken}}.Encode(), strings.NewReader("a=b"))
	r.Header.Set("Content-Type", formType)
	w := httptest.NewRecorder()
	if g.refresher.RefreshHandler().ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
