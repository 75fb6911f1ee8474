package refresh_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// sessionOf is the sid of an access token.
func sessionOf(t *testing.T, access string) (string, error) {
	t.Helper()
	var c struct {
		Sid string `json:"sid"`
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(access, ".")[1])
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || c.Sid == "" {
		t.Fatalf("no sid in %s: %v", b, err)
	}
	return c.Sid, err
}

// TestForgedRefreshTokens: a forged token is refused before the store and reload
// are called.
func TestForgedRefreshTokens(t *testing.T) {
	g := newRig(t, nil)
	good := g.start("1")
	raw, err := base64.RawURLEncoding.DecodeString(good.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	elsewhere := func(key jwtauth.Key, o *jwtauth.IssuerOptions) string {
		issuer := guard.Must(jwtauth.NewIssuer[claims](key, o))
		return guard.Must(guard.Must(refresh.New(issuer, g.reload, nil)).Start(t.Context(), "1", nil)).RefreshToken
	}
	forged := map[string]string{
		"garbage":                 "garbage",
		"an access token":         good.AccessToken,
		"cut":                     good.RefreshToken[:len(good.RefreshToken)-1],
		"longer":                  good.RefreshToken + "A",
		"padded":                  good.RefreshToken + "=",
		"a line break":            good.RefreshToken + "\n",
		"a line break within":     good.RefreshToken[:20] + "\r\n" + good.RefreshToken[20:],
		"a space in front":        " " + good.RefreshToken,
		"the other base64":        strings.NewReplacer("-", "+", "_", "/").Replace(good.RefreshToken) + "+",
		"zeros":                   encode(make([]byte, len(raw))),
		"no subject":              encode(append(raw[:28:28], raw[29:]...)),
		"huge":                    strings.Repeat("A", 1<<20),
		"another secret":          elsewhere(jwtauth.HMAC("HS256", []byte(strings.Repeat("x", 32))), &jwtauth.IssuerOptions{Issuer: "app"}),
		"another issuer's":        elsewhere(jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "app2"}),
		"no issuer's":             elsewhere(jwtauth.HMAC("HS256", secret), nil),
		"another audience's":      elsewhere(jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "app", Audience: []string{"admin"}}),
		"another type's":          elsewhere(jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "app", Type: "admin"}),
		"the MAC of the id alone": encode(append(raw[:16:16], raw[len(raw)-32:]...)),
	}
	if last := good.RefreshToken[len(good.RefreshToken)-1]; len(raw)%3 != 0 { // unused bits of the last letter
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		forged["not canonical"] = good.RefreshToken[:len(good.RefreshToken)-1] + string(letters[strings.IndexByte(letters, last)|1])
	}
	calls := len(g.store.calls)
	g.reloadErr = guard.NotFound("reload was called")
	for name, token := range forged {
		if token == good.RefreshToken {
			t.Fatalf("%s is the token itself", name)
		}
		g.refused(token, 401, "not a refresh token of this issuer")
		if err := g.refresher.Revoke(t.Context(), "1", token); err == nil || !strings.Contains(err.Error(), "not a refresh token") {
			t.Errorf("%s: Revoke: %v", name, err)
		}
	}
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			g.refused(encode(raw), 401, "not a refresh token of this issuer")
			raw[i] ^= 1 << bit
		}
	}
	g.clock.Advance(30 * 24 * time.Hour)
	g.refused(good.RefreshToken, 401, "the login has expired") // the token holds this time, too
	if len(g.store.calls) != calls {
		t.Errorf("the store was called %d times", len(g.store.calls)-calls)
	}
}

// TestRefreshTokenIsNoAccessToken: it is refused as an access token, also with
// dots that a lenient parser may accept.
func TestRefreshTokenIsNoAccessToken(t *testing.T) {
	g := newRig(t, nil)
	token := g.start("1").RefreshToken
	for _, s := range []string{token, token + "..", "." + token + ".", "e30." + token + "." + token} {
		if _, err := g.issuer.Verifier().Verify(t.Context(), s); err == nil || !strings.Contains(err.Error(), "Invalid token") {
			t.Errorf("%v", err)
		}
	}
}

// TestStoreHoldsNothingUsable: the arguments of a store's methods contain no token
// and no part of one that can be used.
func TestStoreHoldsNothingUsable(t *testing.T) {
	g := newRig(t, nil)
	first := g.start("1")
	second := g.refresh(first.RefreshToken)
	g.refresh(first.RefreshToken)
	third := g.refresh(second.RefreshToken)
	_ = g.refresher.Revoke(t.Context(), "1", third.RefreshToken)
	dump := strings.Join(g.store.calls, "\n")
	for _, tk := range []*jwtauth.Tokens{first, second, third} {
		raw, _ := base64.RawURLEncoding.DecodeString(tk.RefreshToken)
		mac := raw[len(raw)-32:]
		for _, usable := range []string{
			tk.RefreshToken, tk.RefreshToken[len(tk.RefreshToken)-20:], tk.AccessToken,
			string(mac), base64.RawURLEncoding.EncodeToString(mac), string(mac[:8]),
		} {
			if strings.Contains(dump, usable) {
				t.Errorf("the store received %q", usable)
			}
		}
	}
	for _, word := range strings.FieldsFunc(dump, func(r rune) bool { return strings.ContainsRune(" {}[]:\n", r) }) {
		g.refused(word, 401, "not a refresh token of this issuer")
	}
}

// TestRefreshKeyRotation: old refresh tokens are valid until they expire, and
// their successors are made with the new key.
func TestRefreshKeyRotation(t *testing.T) {
	_, ed1, _ := ed25519.GenerateKey(rand.Reader)
	_, ed2, _ := ed25519.GenerateKey(rand.Reader)
	ec1, ec2 := guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	rs1 := guard.Must(rsa.GenerateKey(rand.Reader, 2048))
	repeat := func(b byte) []byte { return []byte(strings.Repeat(string(b), 32)) }
	tests := []struct {
		name       string
		from, to   jwtauth.Key
		before     *refresh.Options
		after      *refresh.Options
		stillValid bool
	}{
		{"HMAC", jwtauth.HMAC("HS256", repeat('a')).WithID("1"), jwtauth.HMAC("HS256", repeat('b')).WithID("2"), nil, nil, true},
		{"EdDSA", jwtauth.Ed25519("EdDSA", ed1).WithID("1"), jwtauth.Ed25519("EdDSA", ed2).WithID("2"), nil, nil, true},
		{"ES256", jwtauth.ECDSA("ES256", ec1).WithID("1"), jwtauth.ECDSA("ES256", ec2).WithID("2"), nil, nil, true},
		{"another algorithm", jwtauth.RSA("RS256", rs1).WithID("1"), jwtauth.ECDSA("ES256", ec2).WithID("2"), nil, nil, true},
		{"a public previous key", jwtauth.ECDSA("ES256", &ec1.PublicKey).WithID("1"), jwtauth.ECDSA("ES256", ec2).WithID("2"), nil, nil, false},
		{
			"Options.Key", jwtauth.ECDSA("ES256", &ec1.PublicKey).WithID("1"), jwtauth.ECDSA("ES256", ec2).WithID("2"),
			&refresh.Options{Key: repeat('c')}, &refresh.Options{Key: repeat('c')}, true,
		},
		{
			"Options.PreviousKeys", jwtauth.ECDSA("ES256", &ec1.PublicKey).WithID("1"), jwtauth.ECDSA("ES256", ec2).WithID("2"),
			&refresh.Options{Key: repeat('c')}, &refresh.Options{PreviousKeys: []guard.Secret{repeat('c')}}, true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, nil)
			build := func(key jwtauth.Key, previous []jwtauth.Key, o *refresh.Options) *refresh.Refresher[claims] {
				issuer := guard.Must(jwtauth.NewIssuer[claims](key, &jwtauth.IssuerOptions{Previous: previous, Now: g.clock.Now}))
				var c refresh.Options
				if o != nil {
					c = *o
				}
				c.Store = g.store
				return guard.Must(refresh.New(issuer, g.reload, &c))
			}
			private := tt.from
			if strings.Contains(tt.name, "Options") || strings.Contains(tt.name, "public") {
				private = jwtauth.ECDSA("ES256", ec1).WithID("1")
			}
			before, after := build(private, nil, tt.before), build(tt.to, []jwtauth.Key{tt.from}, tt.after)
			first := guard.Must(before.Start(t.Context(), "1", nil))
			second, err := after.Refresh(t.Context(), first.RefreshToken)
			if (err == nil) != tt.stillValid {
				t.Fatalf("after the rotation: %v", err)
			}
			if err == nil {
				third := guard.Must(after.Refresh(t.Context(), second.RefreshToken))
				if _, err := before.Refresh(t.Context(), third.RefreshToken); err == nil && tt.before == nil {
					t.Error("the old key made the new token")
				}
			}
		})
	}
}

// FuzzRefreshToken: only the token itself reaches the store, not any other text
// and not the token with a part replaced.
func FuzzRefreshToken(f *testing.F) {
	random := make([]byte, 32) // each worker has its own secret and token
	_, _ = rand.Read(random)
	store := &spyStore{Store: guard.Must(refresh.NewMemory(nil))}
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", random), nil))
	g := &rig{users: map[string]claims{"1": {}}}
	refresher := guard.Must(refresh.New(issuer, g.reload, &refresh.Options{Store: store}))
	good := guard.Must(refresher.Start(f.Context(), "1", nil))
	for _, s := range []string{"", "garbage", good.RefreshToken, good.AccessToken, "\n", "=", "A"} {
		f.Add(s, uint(0), uint(0))
		f.Add(s, uint(7), uint(8))
	}
	f.Fuzz(func(t *testing.T, text string, from, to uint) {
		n := uint(len(good.RefreshToken)) + 1
		from, to = min(from%n, to%n), max(from%n, to%n)
		for _, token := range []string{text, good.RefreshToken[:from] + text + good.RefreshToken[to:]} {
			calls := len(store.calls)
			_, err := refresher.Refresh(t.Context(), token)
			if token != good.RefreshToken && (err == nil || len(store.calls) != calls) {
				t.Errorf("%q reached the store: %v", token, err)
			}
		}
	})
}

// TestRefreshTokenOfAnotherAudience: with one secret and one store, a refresh
// token for one service is refused by another.
func TestRefreshTokenOfAnotherAudience(t *testing.T) {
	g := newRig(t, nil)
	refresher := func(issuer, typ string, audience ...string) *refresh.Refresher[claims] {
		i := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{
			Issuer: issuer, Type: typ, Audience: audience, Now: g.clock.Now,
		}))
		return guard.Must(refresh.New(i, g.reload, &refresh.Options{Store: g.store}))
	}
	token := guard.Must(refresher("app", "access", "web", "api").Start(t.Context(), "1", nil)).RefreshToken
	for name, other := range map[string]*refresh.Refresher[claims]{
		"another audience":   refresher("app", "access", "admin"),
		"one more":           refresher("app", "access", "web", "api", "admin"),
		"one less":           refresher("app", "access", "web"),
		"the same run on":    refresher("app", "access", "webapi"),
		"another type":       refresher("app", "admin", "web", "api"),
		"another issuer":     refresher("app2", "access", "web", "api"),
		"moved to the left":  refresher("appaccess", "web", "api"),
		"moved to the right": refresher("", "app", "access", "web", "api"),
	} {
		if _, err := other.Refresh(t.Context(), token); err == nil || !strings.Contains(err.Error(), "not a refresh token of this issuer") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := refresher("app", "", "api", "web").Refresh(t.Context(), token); err != nil { // the order does not matter
		t.Error(err)
	}
}
