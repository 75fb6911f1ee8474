package jwtauth_test

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/idp"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/source"
)

// headerOrCookie are the sources of the tests with a cookie.
var headerOrCookie = []source.Source{source.Authorization("Bearer"), source.Cookie("tok")}

// refusals is a token for each code of a refusal. dead is whether no later request
// can use it.
var refusals = []struct {
	name, token, code string
	dead              bool
}{
	{"not a token", "a b", "token_invalid", true},
	{"empty", "", "token_invalid", true},
	{"too long", strings.Repeat("a", 9000), "token_invalid", true},
	{"not three segments", "a.b", "token_invalid", true},
	{"another key's", forge(jwtHeader, payload(), hs256([]byte(strings.Repeat("x", 32)))), "token_invalid", true},
	{"an unknown key's", forge(`{"alg":"HS384","typ":"JWT"}`, payload(), hs256(secret)), "token_invalid", true},
	{"expired", forge(jwtHeader, payload("exp=1"), hs256(secret)), "token_expired", true},
	{"without exp", forge(jwtHeader, payload("exp="), hs256(secret)), "token_expired", true},
	{"early by nbf", forge(jwtHeader, payload("nbf=1800000030"), hs256(secret)), "token_not_yet_valid", false},
	{"another type", forge(jwtHeader, payload(`type="refresh"`), hs256(secret)), "token_type_invalid", true},
	{"another issuer", forge(jwtHeader, payload(`iss="you"`), hs256(secret)), "token_issuer_invalid", true},
	{"another audience", forge(jwtHeader, payload(`aud="you"`), hs256(secret)), "token_audience_invalid", true},
	{"revoked", forge(jwtHeader, payload(`jti="denied"`), hs256(secret)), "token_revoked", true},
}

func cookieVerifier() *jwtauth.Verifier[profile] {
	denied := denylist(func(ids []string) (bool, error) { return strings.HasSuffix(ids[0], "denied"), nil })
	return guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Type: "access", Now: atNoon, Denylist: denied, Sources: headerOrCookie,
	}))
}

func inCookie(token string, headers ...string) *http.Request {
	return harness.Request("/", append(headers, "Cookie", "tok="+token)...)
}

// inHeader is bearer also for an empty token.
func inHeader(token string) *http.Request {
	r := bearer("")
	r.Header["Authorization"] = []string{"Bearer " + token}
	return r
}

// TestCodes: a refusal has a stable code, which is finer than the challenge's error,
// and is dead only if its token was in the cookie.
func TestCodes(t *testing.T) {
	v := cookieVerifier()
	for _, tt := range refusals {
		verify := func() error { _, err := v.Verify(t.Context(), tt.token); return err }
		authenticate := func(r *http.Request) error { _, err := v.Authenticate(r); return err }
		for where, err := range map[string]error{
			"Verify": verify(), "header": authenticate(inHeader(tt.token)), "cookie": authenticate(inCookie(tt.token)),
		} {
			e, ok := errors.AsType[*guard.Error](err)
			if !ok {
				t.Errorf("%s, %s: %v", tt.name, where, err)
				continue
			}
			if e.Code != tt.code {
				t.Errorf("%s, %s: code %q, want %q", tt.name, where, e.Code, tt.code)
			}
			if want := tt.dead && where == "cookie"; e.Dead != want {
				t.Errorf("%s, %s: dead %t, want %t", tt.name, where, e.Dead, want)
			}
			if len(e.Challenges) != 1 || e.Challenges[0] != `Bearer error="invalid_token"` {
				t.Errorf("%s, %s: challenges %q", tt.name, where, e.Challenges)
			}
		}
	}
	good := forge(jwtHeader, payload(), hs256(secret))
	for code, r := range map[string]*http.Request{
		"invalid_request": inCookie(good, "Authorization", "Bearer "+good+"x"),
		"cross_origin":    inCookie(good, "Sec-Fetch-Site", "cross-site"),
	} {
		r.Method = http.MethodPost
		_, err := v.Authenticate(r)
		if e, ok := errors.AsType[*guard.Error](err); !ok || e.Code != code || e.Dead {
			t.Errorf("%s: %+v", code, e)
		}
	}
}

// TestDeadCookieIsCleared: under Optional a dead token in the cookie is anonymous
// and cleared, under Require it is refused and cleared; a token in the header, or one
// that is not dead, is refused and nothing is cleared.
func TestDeadCookieIsCleared(t *testing.T) {
	v := cookieVerifier()
	const cleared = "tok=; Path=/; Max-Age=0; HttpOnly"
	serve := func(mw guard.Middleware, r *http.Request) (status int, reached bool, setCookie string) {
		w, reached := harness.Serve(t, mw, nil, r)
		return w.Code, reached, strings.Join(w.Header()["Set-Cookie"], "|")
	}
	for _, tt := range refusals {
		status, clear := http.StatusOK, cleared
		if !tt.dead {
			status, clear = http.StatusUnauthorized, ""
		}
		if got, reached, set := serve(guard.Optional(v), inCookie(tt.token)); got != status || reached != (status == 200) || set != clear {
			t.Errorf("%s, Optional: %d, reached %t, Set-Cookie %q", tt.name, got, reached, set)
		}
		if got, reached, set := serve(v.Wrap, inCookie(tt.token)); got != 401 || reached || set != clear {
			t.Errorf("%s, Require: %d, reached %t, Set-Cookie %q", tt.name, got, reached, set)
		}
		if got, reached, set := serve(v.Wrap, inCookie(tt.token, "Sec-Fetch-Mode", "cors")); got != 401 || reached || set != "" {
			t.Errorf("%s, by a script: %d, reached %t, Set-Cookie %q", tt.name, got, reached, set)
		}
		if got, reached, set := serve(guard.Optional(v), inHeader(tt.token)); got != 401 || reached || set != "" {
			t.Errorf("%s, in the header: %d, reached %t, Set-Cookie %q", tt.name, got, reached, set)
		}
	}
	good := forge(jwtHeader, payload(), hs256(secret))
	if got, reached, set := serve(guard.Optional(v), inCookie(good)); got != 200 || !reached || set != "" {
		t.Errorf("a good token: %d, reached %t, Set-Cookie %q", got, reached, set)
	}
	plain := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), nil))
	if plain.Scheme().Ambient != nil {
		t.Error("without a cookie: Ambient is set")
	}
}

// TestTokenOfANewKeyIsNotDead: until the keys of an authorization server are fetched
// again, the token may be one of a newer key. Keys of this program do not change, and
// no key set has secrets. A token was dead if its new key had the ID of an old one, or
// if it had no kid.
func TestTokenOfANewKeyIsNotDead(t *testing.T) {
	now := harness.NewClock()
	known := idpIssuing("a")
	server := &idp.Server{}
	server.Serve(jwksOf(known))
	remote := remoteVerifier(t, server, func(r *jwtauth.RemoteOptions, o *jwtauth.VerifierOptions) { r.Now, o.Sources = now.Now, headerOrCookie })
	static := guard.Must(jwtauth.NewVerifier[profile](jwtauth.ECDSA("ES256", ecKey()).WithID("a"), &jwtauth.VerifierOptions{Sources: headerOrCookie}))
	for _, tt := range []struct {
		name, token, reason string
		dead                bool // also while newer keys may not be fetched
	}{
		{"a new kid", tokenOf(t, idpIssuing("b")), "no key of this kid", false},
		{"a known kid", forge(`{"alg":"ES256","typ":"JWT","kid":"a"}`, payload(), es256By(newECKey())), "the signature does not verify", false},
		{"no kid", forge(`{"alg":"ES256","typ":"JWT"}`, payload(), es256By(newECKey())), "the signature does not verify", false},
		{"a known kid, another alg", forge(`{"alg":"EdDSA","typ":"JWT","kid":"a"}`, payload(), eddsa), "alg is not the key's", false},
		{"no kid, another alg", forge(`{"alg":"EdDSA","typ":"JWT"}`, payload(), eddsa), "alg is not the key's", false},
		{"a known kid, HS256", forge(`{"alg":"HS256","typ":"JWT","kid":"a"}`, payload(), hs256(secret)), "alg is not the key's", true},
		{"alg none", forge(`{"alg":"none"}`, payload(), eddsa), "alg is not the key's", true},
	} {
		check := func(keys string, v *jwtauth.Verifier[profile], want bool) {
			t.Helper()
			_, err := v.Authenticate(inCookie(tt.token))
			e, ok := errors.AsType[*guard.Error](err)
			if !ok || e.Code != "token_invalid" || !strings.Contains(e.Err.Error(), tt.reason) {
				t.Errorf("%s, %s: %v", tt.name, keys, err)
			} else if e.Dead != want {
				t.Errorf("%s, %s: dead %t, want %t", tt.name, keys, e.Dead, want)
			}
		}
		check("static", static, true)
		check("remote", remote, tt.dead)
		now.Advance(10 * time.Second)
		check("remote, fetched again", remote, true)
	}
}

// TestCookieOfAReplacedKey: the server replaces a key and keeps its ID. The cookie of
// a token of the new key is refused until the keys are fetched again, and then
// accepted. The refusal used to clear it.
func TestCookieOfAReplacedKey(t *testing.T) {
	now := harness.NewClock()
	server := &idp.Server{}
	issuing := func(key *ecdsa.PrivateKey) *jwtauth.Issuer[profile] {
		return guard.Must(jwtauth.NewIssuer[profile](jwtauth.ECDSA("ES256", key).WithID("a"), &jwtauth.IssuerOptions{
			Issuer: idp.Issuer, Audience: []string{"api"}, Lifetime: 24 * time.Hour, Now: now.Now,
		}))
	}
	before, after := issuing(ecKey()), issuing(newECKey())
	server.Serve(jwksOf(before))
	v := remoteVerifier(t, server, func(r *jwtauth.RemoteOptions, o *jwtauth.VerifierOptions) {
		r.Now, o.Now, o.Sources = now.Now, now.Now, headerOrCookie
	})
	serve := func(name, token string, want int) {
		t.Helper()
		w, reached := harness.Serve(t, v.Wrap, nil, inCookie(token))
		if set := w.Header()["Set-Cookie"]; w.Code != want || reached != (want == 200) || set != nil {
			t.Errorf("%s: %d %s, reached %t, Set-Cookie %q; want %d", name, w.Code, w.Body, reached, set, want)
		}
	}
	serve("the old key", tokenOf(t, before), 200)
	server.Serve(jwksOf(after))
	token := tokenOf(t, after)
	serve("the new key", token, 401)
	now.Advance(10 * time.Second)
	serve("the new key, fetched", token, 200)
}

// TestTokenOfADeletedUser: it is dead in the cookie, and refused in the header.
func TestTokenOfADeletedUser(t *testing.T) {
	step := guard.Optional(guard.BySubject(cookieVerifier(), func(context.Context, string) (profile, bool, error) { return profile{}, false, nil }))
	good := forge(jwtHeader, payload(), hs256(secret))
	if w, reached := harness.Serve(t, step, nil, inCookie(good)); !reached || w.Header().Get("Set-Cookie") == "" {
		t.Errorf("in the cookie: status %d, Set-Cookie %q", w.Code, w.Header()["Set-Cookie"])
	}
	if w, reached := harness.Serve(t, step, nil, inHeader(good)); reached || w.Code != 401 || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("in the header: status %d, Set-Cookie %q", w.Code, w.Header()["Set-Cookie"])
	}
}
