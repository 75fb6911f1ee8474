package jwtauth_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

func TestToken(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api", "web"}, Now: atNoon,
	}))
	tok := sendToken(t, v, forge(jwtHeader, payload(`aud=["x","web"]`, `sid="s"`, `scope="a b"`, `scp=["c"]`, `email="a@b"`), hs256(secret))).token
	if tok.Sub() != "1" || tok.Issuer != "me" || !slices.Equal(tok.Audience, []string{"x", "web"}) || tok.ID != "j" || tok.SessionID != "s" ||
		!tok.IssuedAt.Equal(noon) || !tok.ExpiresAt.Equal(noon.Add(time.Minute)) || !slices.Equal(tok.Scopes(), []string{"a", "b"}) ||
		tok.Claims != (profile{"a@b", "user"}) {
		t.Errorf("%+v", tok)
	}
	for _, tt := range []struct {
		claim string
		want  []string
	}{
		{`scp=["a","b"]`, []string{"a", "b"}}, {`scp="a  b"`, []string{"a", "b"}}, {`scope=["a","b"]`, []string{"a", "b"}},
		{`scope=""`, nil}, {`scope=7`, nil}, {`scope={"a":1}`, nil}, {`x=1`, nil},
	} {
		g := sendToken(t, v, forge(jwtHeader, payload(tt.claim), hs256(secret)))
		if g.status != 200 || !slices.Equal(g.token.Scopes(), tt.want) {
			t.Errorf("%s: %d %v", tt.claim, g.status, g.token)
		}
	}
}

func TestScopesOfAToken(t *testing.T) {
	for _, tt := range []struct {
		name   string
		claims []string
		want   []string
	}{
		// Only %x20 separates scopes (RFC 6749, section 3.3).
		{"a no-break space splits none", []string{"scope=\"a\u00a0admin\""}, []string{"a\u00a0admin"}},
		{"an em space splits none", []string{`scope="a\u2003admin"`}, []string{"a\u2003admin"}},
		{"a tab splits none", []string{`scope="a\tadmin"`}, []string{"a\tadmin"}},
		{"an element of a list is one scope", []string{`scp=["read admin","x"]`}, []string{"read admin", "x"}},
		// scp stands in for a scope that is missing, not for one that grants nothing.
		{"empty", []string{`scope=""`, `scp=["admin"]`}, nil},
		{"an empty list", []string{`scope=[]`, `scp=["admin"]`}, nil},
		{"null", []string{"scope=null", `scp="admin"`}, nil},
		{"a number", []string{"scope=7", `scp=["admin"]`}, nil},
		{"scp before scope", []string{`scp=["admin"]`, `scope=""`}, nil},
		// What is neither a string nor a list of strings grants nothing.
		{"a list with a number", []string{`scope=["a",1]`}, nil},
		{"a list with null", []string{`scp=["a",null]`}, nil},
		{"a list of lists", []string{`scp=[["a"]]`}, nil},
		{"an object", []string{`scope={"a":1}`}, nil},
		{"true", []string{"scp=true"}, nil},
	} {
		tok, err := verifyAs[profile](t.Context(), tt.claims...)
		if err != nil || !slices.Equal(tok.Scopes(), tt.want) {
			t.Errorf("%s: %+v, %v; want %q", tt.name, tok, err, tt.want)
		}
	}
	for claim, want := range map[string]string{
		`scope=["a",{"b":1,"b":2}]`: twiceReason, `scope=["a",nope]`: jsonReason, `scp=["a"`: jsonReason, `scp=[1 2]`: jsonReason,
	} {
		if _, err := verifyAs[profile](t.Context(), claim); reasonOf(err) != want {
			t.Errorf("%s: %v; want %q", claim, err, want)
		}
	}
}

func TestTimesAreUTC(t *testing.T) {
	for _, exp := range []string{"exp=1800000060", "exp=1800000060.5"} {
		tok, err := verifyAs[profile](t.Context(), exp)
		if err != nil || tok.ExpiresAt.Location() != time.UTC || tok.IssuedAt.Location() != time.UTC {
			t.Errorf("%+v, %v", tok, err)
		}
	}
}

func TestTokensAreNotLogged(t *testing.T) {
	tokens := &jwtauth.Tokens{AccessToken: "acc-marker", RefreshToken: "ref-marker"}
	type nested struct{ T jwtauth.Tokens }
	var b strings.Builder
	for _, v := range []any{tokens, *tokens, nested{*tokens}, &nested{*tokens}, map[string]any{"t": tokens}, []*jwtauth.Tokens{tokens}} {
		for _, h := range []slog.Handler{slog.NewJSONHandler(&b, nil), slog.NewTextHandler(&b, nil)} {
			slog.New(h).Info("login", "v", v)
		}
		fmt.Fprintf(&b, "%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v)
	}
	if got := b.String(); strings.Contains(got, "marker") || strings.Contains(got, fmt.Sprintf("%x", "marker")) {
		t.Error(got)
	}
	if b, err := json.Marshal(tokens); err == nil || strings.Contains(err.Error(), "marker") {
		t.Errorf("%s, %v", b, err)
	}
}
