package oauth_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

const (
	gitHubToken  = "github.com/login/oauth/access_token"
	gitHubUser   = "api.github.com/user"
	gitHubEmails = "api.github.com/user/emails"
)

// newGitHub answers as GitHub's documentation shows.
func newGitHub(t *testing.T) *sites {
	withToken := func(body string) func(*http.Request, url.Values) (int, string) {
		return func(r *http.Request, _ url.Values) (int, string) {
			if r.Header.Get("Authorization") != "Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a" {
				return 401, `{"message":"Bad credentials"}`
			}
			return 200, body
		}
	}
	return &sites{t: t, answers: map[string]func(*http.Request, url.Values) (int, string){
		gitHubToken: func(_ *http.Request, form url.Values) (int, string) {
			if form.Get("code") != "the-code" || form.Get("code_verifier") == "" {
				return 200, `{"error":"bad_verification_code","error_description":"The code passed is incorrect or expired.","error_uri":"https://docs.github.com"}`
			}
			return 200, `{"access_token":"gho_16C7e42F292c6912E7710c838347Ae178B4a","scope":"read:org,user:email","token_type":"bearer"}`
		},
		gitHubUser:   withToken(`{"login":"octocat","id":583231,"node_id":"MDQ6VXNlcjE=","type":"User","name":"monalisa octocat","email":"public@example.com","email_verified":true,"plan":{"name":"Medium"}}`),
		gitHubEmails: withToken(`[{"email":"old@example.com","verified":true,"primary":false,"visibility":null},{"email":"octocat@github.com","verified":true,"primary":true,"visibility":"public"}]`),
	}}
}

func TestGitHub(t *testing.T) {
	for _, tt := range []struct {
		name     string
		at, body string // another answer
		code     int    // of that answer, if not 200; -1 for no answer
		scopes   []string
		callback url.Values
		want     int
		email    string
		verified bool
		reason   string
	}{
		{name: "as documented", want: 303, email: "octocat@github.com", verified: true},
		{name: "its iss", callback: url.Values{"iss": {"https://github.com/login/oauth"}}, want: 303, email: "octocat@github.com", verified: true},
		{name: "another iss of its host", callback: url.Values{"iss": {"https://github.com"}}, want: 401, reason: "iss is another"},
		{name: "iss of another host", callback: url.Values{"iss": {"https://evil.example"}}, want: 401, reason: "iss is another"},
		{name: "an empty iss", callback: url.Values{"iss": {""}}, want: 401, reason: "iss is another"},
		{name: "declined", callback: url.Values{"code": nil, "error": {"access_denied"}, "error_description": {"The user has denied your application access."}}, want: 403},
		{name: "an error with 200", at: gitHubToken, body: `{"error":"bad_verification_code","error_description":"x"}`, want: 401, reason: "invalid_grant"},
		{name: "wrong credentials with 200", at: gitHubToken, body: `{"error":"incorrect_client_credentials"}`, want: 500, reason: "invalid_client"},
		{name: "a wrong redirect with 200", at: gitHubToken, body: `{"error":"redirect_uri_mismatch"}`, want: 500},
		{name: "a token and an error", at: gitHubToken, body: `{"access_token":"a","token_type":"bearer","error":"bad_verification_code"}`, want: 401},
		{name: "no token", at: gitHubToken, body: `{}`, want: 503},
		{name: "a form in place of JSON", at: gitHubToken, body: `access_token=a&token_type=bearer`, want: 503},
		{name: "no user", at: gitHubUser, body: `{"login":"octocat"}`, want: 401, reason: "id is missing"},
		{name: "the user endpoint is down", at: gitHubUser, code: 502, want: 503},

		{name: "the primary is not verified", at: gitHubEmails, body: `[{"email":"victim@example.com","verified":false,"primary":true},{"email":"mine@example.com","verified":true,"primary":false}]`, want: 303, email: "public@example.com"},
		{name: "no primary", at: gitHubEmails, body: `[{"email":"a@example.com","verified":true,"primary":false}]`, want: 303, email: "public@example.com"},
		{name: "no address", at: gitHubEmails, body: `[]`, want: 303, email: "public@example.com"},
		{name: "an empty address", at: gitHubEmails, body: `[{"email":"","verified":true,"primary":true}]`, want: 303, email: "public@example.com"},
		{name: "two primaries", at: gitHubEmails, body: `[{"email":"a@example.com","verified":true,"primary":true},{"email":"b@example.com","verified":true,"primary":true}]`, want: 503, reason: "not what its protocol has"},
		{name: "two primaries, one verified", at: gitHubEmails, body: `[{"email":"a@example.com","verified":true,"primary":true},{"email":"b@example.com","verified":false,"primary":true}]`, want: 503},
		{name: "verified is a string", at: gitHubEmails, body: `[{"email":"a@example.com","verified":"true","primary":true}]`, want: 503},
		{name: "verified twice", at: gitHubEmails, body: `[{"email":"a@example.com","verified":false,"verified":true,"primary":true}]`, want: 503},
		{name: "an object in place of the list", at: gitHubEmails, body: `{"message":"x"}`, want: 503},
		{name: "a list that ends the object", at: gitHubEmails, body: `[],"addresses":[{"email":"a@example.com","verified":true,"primary":true}]`, want: 503},
		{name: "emails are down", at: gitHubEmails, code: 503, want: 503},
		{name: "emails do not answer", at: gitHubEmails, code: -1, want: 503},
		{name: "emails are too many", at: gitHubEmails, body: `[` + strings.Repeat(" ", 1<<20) + `]`, want: 503},
		{name: "the token is unknown to emails", at: gitHubEmails, code: 401, want: 503},
		{name: "the scope was not granted", at: gitHubEmails, code: 404, body: `{"message":"Not Found"}`, want: 303, email: "public@example.com"},
		{name: "the app lacks the permission", at: gitHubEmails, code: 403, body: `{"message":"Resource not accessible by integration"}`, want: 303, email: "public@example.com"},
		{name: "no scope", scopes: []string{}, want: 303, email: "public@example.com"},
		{name: "another scope", scopes: []string{"read:org"}, want: 303, email: "public@example.com"},
		{name: "a scope that includes it", scopes: []string{"user"}, want: 303, email: "octocat@github.com", verified: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newGitHub(t)
			if tt.at != "" {
				code := 200
				if tt.code != 0 {
					code = max(tt.code, 0)
				}
				s.answers[tt.at] = status(code, tt.body)
			}
			a := appAt(t, s, oauth.GitHub(), registered, oauth.Options{Scopes: tt.scopes, KeepTokens: true})
			w := a.signInAt(tt.callback)
			if w.Code != tt.want || (a.calls == 1) != (tt.want == 303) || !strings.Contains(a.reason(), tt.reason) {
				t.Fatalf("%d, %d calls, %s", w.Code, a.calls, a.reason())
			}
			a.checkNoSecrets(w)
			if tt.want != 303 {
				return
			}
			if who := a.who; who.Issuer != "https://github.com" || who.Subject != "583231" || who.Email != tt.email || who.EmailVerified != tt.verified || who.Claims.Name != "monalisa octocat" {
				t.Errorf("%+v", who)
			}
			if tokens := a.who.Tokens; !slices.Equal(tokens.Scopes, []string{"read:org", "user:email"}) || !tokens.ExpiresAt.IsZero() {
				t.Errorf("%q, expires %v", tokens.Scopes, tokens.ExpiresAt)
			}
		})
	}
}

func TestGitHubRequest(t *testing.T) {
	a := appAt(t, newGitHub(t), oauth.GitHub(), registered, oauth.Options{})
	u := guard.Must(url.Parse(a.begin("")))
	q := u.Query()
	if u.Host+u.Path != "github.com/login/oauth/authorize" || q.Get("scope") != "user:email" || q.Get("code_challenge_method") != "S256" || q.Has("nonce") || q.Has("access_type") {
		t.Error(u)
	}
}
