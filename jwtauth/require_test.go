package jwtauth_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

func TestRequiredClaims(t *testing.T) {
	require := map[string]string{"tid": "a-tenant", "jti": "", "role": "", "nested": ""}
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, Require: require, CacheSize: 10,
	}))
	require["tid"], require["more"] = "changed", ""
	missing := func(name string) string {
		return fmt.Sprintf("jwtauth: claim %q is missing, null or empty", name)
	}
	const other = `jwtauth: claim "tid" has another value`
	for _, tt := range []struct {
		edits  []string
		reason string
	}{
		{nil, ""},
		{[]string{`tid="a\u002dtenant"`}, ""},
		{[]string{`nested=[]`}, ""},
		{[]string{`nested=false`}, ""},
		{[]string{`tid=`}, missing("tid")},
		{[]string{`tid=null`}, missing("tid")},
		{[]string{`tid=""`}, missing("tid")},
		{[]string{`tid=`, `TID="a-tenant"`}, missing("tid")},
		{[]string{`tid=`, `nested={"tid":"a-tenant"}`}, missing("tid")},
		{[]string{`tid="b-tenant"`}, other},
		{[]string{`tid="A-TENANT"`}, other},
		{[]string{`tid=["a-tenant"]`}, other},
		{[]string{`tid={"a-tenant":1}`}, other},
		{[]string{`tid=1`}, other},
		{[]string{`tid=true`}, other},
		{[]string{`jti=`}, missing("jti")},
		{[]string{`jti=""`}, missing("jti")},
		{[]string{`role=`}, missing("role")},
		{[]string{`role=""`}, missing("role")},
		{[]string{`nested=null`}, missing("nested")},
		{[]string{`tid=`, "exp=1"}, expReason},
		{[]string{`tid=`, `aud="x"`}, audReason},
		{[]string{`tid="\ud83d"`}, jsonReason},
	} {
		edits := append([]string{`tid="a-tenant"`, `nested={"a":1}`}, tt.edits...)
		g := sendToken(t, v, forge(jwtHeader, payload(edits...), hs256(secret)))
		if g.reason != tt.reason || tt.reason != "" && (g.status != 401 || g.message != messageOf(tt.reason)) {
			t.Errorf("%q: %d %q, want %q", tt.edits, g.status, g.reason, tt.reason)
		}
		if tt.reason == "" && g.token.Claims.Role != "user" {
			t.Errorf("%q: %+v", tt.edits, g.token)
		}
	}
	many := map[string]string{}
	for i := range 65 {
		many[fmt.Sprint(i)] = ""
	}
	for want, claims := range map[string]map[string]string{"without a name": {"": "x"}, "at most 64": many} {
		_, err := jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Require: claims})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestMaxAge: iat refuses a token only where MaxAge asks for it.
func TestMaxAge(t *testing.T) {
	const (
		missing = "jwtauth: iat is missing, and MaxAge needs it"
		ahead   = "jwtauth: iat is in the future"
		old     = "jwtauth: iat is longer ago than MaxAge"
	)
	for _, tt := range []struct {
		maxAge, leeway time.Duration
		iat            string
		message        string
		reason         string
	}{
		{0, 0, "iat=", "", ""},
		{0, 0, "iat=1", "", ""},
		{0, 0, "iat=1900000000", "", ""},
		{time.Minute, 0, "iat=", "Invalid token", missing},
		{time.Minute, 0, "iat=0", "Token expired", old},
		{time.Minute, 0, "iat=1799999941", "", ""},
		{time.Minute, 0, "iat=1799999940", "Token expired", old},
		{time.Minute, time.Second, "iat=1799999940", "", ""},
		{time.Minute, 0, "iat=1800000000.4", "", ""},
		{time.Minute, 0, "iat=1800000005", "", ""},
		{time.Minute, 0, "iat=1800000006", "Token not yet valid", ahead},
		{time.Minute, 10 * time.Second, "iat=1800000010", "", ""},
	} {
		v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
			Issuer: "me", Audience: []string{"api"}, Now: atNoon, MaxAge: tt.maxAge, Leeway: tt.leeway,
		}))
		g := sendToken(t, v, forge(jwtHeader, payload(tt.iat), hs256(secret)))
		if g.reason != tt.reason || g.message != tt.message {
			t.Errorf("%v, %v, %s: %d %q %q, want %q", tt.maxAge, tt.leeway, tt.iat, g.status, g.message, g.reason, tt.reason)
		}
	}

	now := noon
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, MaxAge: 10 * time.Second, CacheSize: 10, Now: func() time.Time { return now },
	}))
	token := forge(jwtHeader, payload(), hs256(secret))
	for age, want := range map[time.Duration]string{9 * time.Second: "", 10 * time.Second: old} {
		now = noon
		sendToken(t, v, token)
		now = noon.Add(age)
		if g := sendToken(t, v, token); g.reason != want {
			t.Errorf("cached for %v: %q, want %q", age, g.reason, want)
		}
	}
	if _, err := jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{MaxAge: -1}); err == nil {
		t.Error("a negative MaxAge")
	}
}

// TestMembersOfLargeTokens: MaxTokenBytes bounds members, too.
func TestMembersOfLargeTokens(t *testing.T) {
	raw := func(members int) string {
		return forge(jwtHeader, payload()[:len(payload())-1]+numbered(members-8)+"}", hs256(secret))
	}
	for _, tt := range []struct {
		size, members int
		reason        string
	}{
		{0, 512, ""}, {0, 513, membersReason}, {8192, 512, ""}, {16384, 1024, ""}, {16384, 1025, membersReason},
		{65536, 4096, ""}, {65536, 4097, membersReason}, {8191, 512, ""}, {4096, 513, tooLongReason},
	} {
		v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
			Issuer: "me", Audience: []string{"api"}, Now: atNoon, MaxTokenBytes: tt.size,
		}))
		if g := sendToken(t, v, raw(tt.members)); g.reason != tt.reason {
			t.Errorf("%d bytes, %d members: %d %q, want %q", tt.size, tt.members, g.status, g.reason, tt.reason)
		}
	}
	long := strings.Repeat("a", 9000)
	for where, r := range map[string]string{"header": long, "spaces": strings.Repeat(" ", 9000) + long} {
		v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), nil))
		if g := sendToken(t, v, r); g.reason != tooLongReason {
			t.Errorf("%s: %q", where, g.reason)
		}
	}
}
