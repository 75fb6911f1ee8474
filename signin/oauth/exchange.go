package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/strictjson"
)

// Tokens are the provider's: see Options.KeepTokens. They are credentials: store them
// encrypted, or not at all.
type Tokens struct {
	AccessToken  guard.Secret
	RefreshToken guard.Secret // nil without one
	ExpiresAt    time.Time    // of AccessToken; zero if the provider does not say
	Scopes       []string     // that were granted
}

// A grant is the answer of a token endpoint (RFC 6749, section 5.1).
type grant struct {
	AccessToken  string          `json:"access_token"`
	TokenType    string          `json:"token_type"`
	IDToken      string          `json:"id_token"`
	RefreshToken string          `json:"refresh_token"`
	ExpiresIn    json.RawMessage `json:"expires_in"` // some write a string
	Scope        json.RawMessage `json:"scope"`      // some write an array
	Error        string          `json:"error"`      // GitHub's, with 200
}

// exchange exchanges a code for tokens (RFC 6749, section 4.1.3; RFC 7636, section 4.5).
// spent is false where the same code may be exchanged again.
func (l *Login[C]) exchange(ctx context.Context, m *metadata, p *pending, code string) (g *grant, spent bool, err error) {
	a, err := l.post(ctx, m, m.token, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {l.callback}, "code_verifier": {p.Verifier},
	})
	if err != nil {
		return nil, false, err
	}
	if a.status/100 != 2 {
		outage, err := a.problem()
		return nil, !outage, err
	}
	g, err = a.grant()
	return g, true, err
}

// grant reads the tokens of an answer.
func (a *answer) grant() (*grant, error) {
	if a.err != nil {
		return nil, guard.Unavailable(a.err)
	}
	g := new(grant)
	if strictjson.Unmarshal(a.body, g) != nil {
		return nil, guard.Unavailable(errAnswerUnreadable)
	}
	if g.Error != "" {
		_, err := ofCode(g.Error)
		return nil, err
	}
	if !strings.EqualFold(g.TokenType, "bearer") || !isVisible(g.AccessToken) { // RFC 6749, appendices A.12 and A.13
		return nil, guard.Unavailable(errAnswerUnreadable)
	}
	return g, nil
}

// isVisible reports whether s is one or more printable characters of ASCII.
func isVisible(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return s != ""
}

// tokens returns what KeepTokens keeps. Without a scope in the answer, those that were
// requested are granted (RFC 6749, section 5.1).
func (g *grant) tokens(now time.Time, requested []string, s *server) Tokens {
	t := Tokens{AccessToken: guard.Secret(g.AccessToken), Scopes: append([]string(nil), requested...)}
	if g.RefreshToken != "" {
		t.RefreshToken = guard.Secret(g.RefreshToken)
	}
	var text string
	switch {
	case json.Unmarshal(g.Scope, &text) == nil && text != "":
		t.Scopes = field.Scopes(s.scopeText(text))
	case bytes.HasPrefix(g.Scope, []byte("[")):
		t.Scopes = texts(g.Scope)
	}
	if seconds, err := strconv.ParseFloat(strings.Trim(string(g.ExpiresIn), `"`), 64); err == nil && seconds >= 0 && seconds < 1<<31 { // also one with a fraction
		t.ExpiresAt = now.Add(time.Duration(seconds) * time.Second)
	}
	return t
}
