package jwtauth_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/golang-jwt/jwt/v5"
)

func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(guard.Must(rawURL(strings.Split(token, ".")[1])), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestIssue(t *testing.T) {
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret).WithID("k"), &jwtauth.IssuerOptions{
		Issuer: "me", Audience: []string{"api", "web"}, Now: atNoon, Lifetime: time.Hour + time.Millisecond, Types: []string{"at+jwt"},
	}))
	tokens := guard.Must(i.Issue("1", profile{"a@b", "admin"}))
	m := claimsOf(t, tokens.AccessToken)
	if m["iss"] != "me" || m["sub"] != "1" || m["type"] != "access" || m["iat"] != 1.8e9 || m["exp"] != 1.8e9+3600 ||
		m["email"] != "a@b" || m["role"] != "admin" || len(m["aud"].([]any)) != 2 || len(m["jti"].(string)) != 26 || len(m) != 9 {
		t.Error(m)
	}
	if h := string(guard.Must(rawURL(strings.Split(tokens.AccessToken, ".")[0]))); h != `{"alg":"HS256","typ":"at+jwt","kid":"k"}` {
		t.Error(h)
	}
	if again := guard.Must(i.Issue("1", profile{})); claimsOf(t, again.AccessToken)["jti"] == m["jti"] {
		t.Error("two tokens of one id")
	}

	w := httptest.NewRecorder()
	tokens.Respond(w)
	want := `{"access_token":"` + tokens.AccessToken + `","token_type":"bearer","expires_in":3600}`
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Pragma") != "no-cache" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	tokens.RefreshToken = "r"
	w = httptest.NewRecorder()
	w.Header().Set("CDN-Cache-Control", "max-age=600") // of an outer handler
	if tokens.Respond(w); w.Header().Get("CDN-Cache-Control") != "" || !strings.HasSuffix(w.Body.String(), `,"refresh_token":"r"}`) {
		t.Error(w.Body)
	}
}

func TestIssueOfAMediaType(t *testing.T) {
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Types: []string{"application/at+jwt"}}))
	token := tokenOf(t, i)
	if g := sendToken(t, i.Verifier(), token); g.status != 200 {
		t.Errorf("%d: %s", g.status, g.reason)
	}
	if h := string(guard.Must(rawURL(strings.Split(token, ".")[0]))); h != `{"alg":"HS256","typ":"at+jwt"}` {
		t.Error(h)
	}
}

func TestIssueMistakes(t *testing.T) {
	hs := jwtauth.HMAC("HS256", secret)
	i := guard.Must(jwtauth.NewIssuer[map[string]any](hs, nil))
	for name, try := range map[string]func() (*jwtauth.Tokens, error){
		"no subject":     func() (*jwtauth.Tokens, error) { return i.Issue("", nil) },
		"broken subject": func() (*jwtauth.Tokens, error) { return i.Issue("\xff", nil) },
		"sub":            func() (*jwtauth.Tokens, error) { return i.Issue("1", map[string]any{"sub": "2"}) },
		"aud":            func() (*jwtauth.Tokens, error) { return i.Issue("1", map[string]any{"aud": "x"}) },
		"nbf":            func() (*jwtauth.Tokens, error) { return i.Issue("1", map[string]any{"nbf": 0}) },
		"type":           func() (*jwtauth.Tokens, error) { return i.Issue("1", map[string]any{"type": "x"}) },
		"EXP":            func() (*jwtauth.Tokens, error) { return i.Issue("1", map[string]any{"EXP": 1e9}) },
		"not JSON":       func() (*jwtauth.Tokens, error) { return i.Issue("1", map[string]any{"x": make(chan int)}) },
		"too long":       func() (*jwtauth.Tokens, error) { return i.Issue("1", map[string]any{"x": strings.Repeat("x", 8192)}) },
		"too deep":       func() (*jwtauth.Tokens, error) { return i.Issue("1", map[string]any{"x": nest(40)}) },
		"not an object":  func() (*jwtauth.Tokens, error) { return guard.Must(jwtauth.NewIssuer[odd](hs, nil)).Issue("1", odd{}) },
		"half an object": func() (*jwtauth.Tokens, error) {
			return guard.Must(jwtauth.NewIssuer[odd](hs, nil)).Issue("1", odd{`""`})
		},
		"a member twice": func() (*jwtauth.Tokens, error) {
			return guard.Must(jwtauth.NewIssuer[odd](hs, nil)).Issue("1", odd{`{"a":1,"a":2}`})
		},
		"a subject of its own": func() (*jwtauth.Tokens, error) {
			return guard.Must(jwtauth.NewIssuer[odd](hs, nil)).Issue("1", odd{`{"sub":"2"}`})
		},
	} {
		tokens, err := try()
		if err == nil || tokens != nil || !strings.HasPrefix(err.Error(), "jwtauth: ") {
			t.Errorf("%s: %v, %v", name, tokens, err)
		}
	}
	for name, claims := range map[string]map[string]any{"nil": nil, "empty": {}, "nested": {"x": nest(20)}, "scope": {"scope": "a"}} {
		tokens, err := i.Issue("1", claims)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := i.Verifier().Verify(t.Context(), tokens.AccessToken); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An Issuer issued tokens that its Verifier refused.
func TestIssueWhatItsVerifierRefuses(t *testing.T) {
	hs, o := jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "me", Audience: []string{"api"}}
	i := guard.Must(jwtauth.NewIssuer[map[string]any](hs, o))
	many := func(n int) map[string]any {
		m := map[string]any{}
		for k := range n {
			m[strconv.Itoa(k)] = 0
		}
		return m
	}
	for name, try := range map[string]func() (*jwtauth.Tokens, error){
		"506 members and 7 registered ones": func() (*jwtauth.Tokens, error) { return i.Issue("1", many(506)) },
		"cnf": func() (*jwtauth.Tokens, error) {
			return i.Issue("1", map[string]any{"cnf": map[string]any{"jkt": "x"}})
		},
		"claims that are not read back": func() (*jwtauth.Tokens, error) {
			return guard.Must(jwtauth.NewIssuer[oneWay](hs, o)).Issue("1", oneWay{"x"})
		},
	} {
		if tokens, err := try(); err == nil || tokens != nil || !strings.Contains(err.Error(), " would be refused: ") {
			t.Errorf("%s: %v, %v", name, tokens, err)
		}
	}
	for name, claims := range map[string]map[string]any{"505 members": many(505), "scope": {"scope": []int{1}}, "scp": {"scp": []any{"a", nil}}} {
		tokens, err := i.Issue("1", claims)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tok, err := i.Verifier().Verify(t.Context(), tokens.AccessToken); err != nil || len(tok.Scopes()) > 0 {
			t.Errorf("%s: %v, %v", name, tok, err)
		}
	}
}

// oneWay is written as a number.
type oneWay struct {
	Text string `json:"text"`
}

func (oneWay) MarshalJSON() ([]byte, error) { return []byte(`{"text":1}`), nil }

func nest(n int) any {
	if n == 0 {
		return 1
	}
	return []any{nest(n - 1)}
}

// odd writes whatever JSON it holds.
type odd struct{ text string }

func (o odd) MarshalJSON() ([]byte, error) {
	if o.text == "" {
		return []byte("[]"), nil
	}
	return []byte(o.text), nil
}

func TestIssuerKeyRotation(t *testing.T) {
	a, b := jwtauth.HMAC("HS256", secret), jwtauth.HMAC("HS256", []byte(strings.Repeat("n", 32)))
	for name, keys := range map[string][2]jwtauth.Key{
		"without ids":   {a, b},
		"with ids":      {a.WithID("a"), b.WithID("b")},
		"new with id":   {a, b.WithID("b")},
		"another kind":  {a, jwtauth.Ed25519("EdDSA", edKey())},
		"both Ed names": {jwtauth.Ed25519("EdDSA", edKey()), jwtauth.Ed25519("Ed25519", edKey())},
	} {
		before := guard.Must(jwtauth.NewIssuer[profile](keys[0], nil))
		after := guard.Must(jwtauth.NewIssuer[profile](keys[1], &jwtauth.IssuerOptions{Previous: keys[:1]}))
		gone := guard.Must(jwtauth.NewIssuer[profile](keys[1], nil))
		old, fresh := tokenOf(t, before), tokenOf(t, after)
		if s := sendToken(t, after.Verifier(), old).status; s != 200 {
			t.Errorf("%s: the old key's token: %d", name, s)
		}
		if s := sendToken(t, after.Verifier(), fresh).status; s != 200 {
			t.Errorf("%s: the new key's token: %d", name, s)
		}
		if s := sendToken(t, gone.Verifier(), old).status; s != 401 && name != "both Ed names" {
			t.Errorf("%s: the removed key's token: %d", name, s)
		}
	}
}

// A token that was signed elsewhere with an Issuer's key needs no jti.
func TestTokenWithoutID(t *testing.T) {
	secret := []byte(strings.Repeat("k", 32))
	issuer, err := jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", secret), nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "1", "type": "access", "exp": time.Now().Add(time.Minute).Unix(),
	}).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := issuer.Verifier().Verify(t.Context(), token); err != nil || got.Sub() != "1" {
		t.Errorf("%v, %v", got, err)
	}
}

// fmt calls no methods of what is in an unexported field, as of settings or of
// an Issuer, and none of ours may show its secret there.
func TestKeyInAnUnexportedFieldPrintsNoSecret(t *testing.T) {
	key := jwtauth.HMAC("HS256", []byte(strings.Repeat("S", 64)))
	i := guard.Must(jwtauth.NewIssuer[profile](key, nil))
	for _, v := range []any{struct{ key jwtauth.Key }{key}, &struct{ key jwtauth.Key }{key}, key, []jwtauth.Key{key}, i, *i, i.Verifier()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			s := fmt.Sprintf(verb, v)
			for _, leak := range []string{"SSSS", "53535353", "83 83 83", "0x53, 0x53"} {
				if strings.Contains(s, leak) {
					t.Errorf("%s of %T shows the secret", verb, v)
				}
			}
		}
	}
}
