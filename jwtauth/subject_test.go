package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// clientOrUser names tokens of client credentials.
func clientOrUser(claims map[string]any) string {
	id, _ := claims["client_id"].(string)
	return "client:" + id
}

// TestTokensWithoutSub: Subject is asked only where sub is absent.
func TestTokensWithoutSub(t *testing.T) {
	answer := func(s string) func(map[string]any) string { return func(map[string]any) string { return s } }
	number := func(claims map[string]any) string { return fmt.Sprint("id:", claims["id"]) }
	const unmapped = "jwtauth: sub is missing, and Subject has no answer"
	for _, tt := range []struct {
		name    string
		subject func(map[string]any) string
		edits   []string
		want    string // of Sub; "401 reason", "500" for a failure of ours
	}{
		{"no mapping", nil, []string{"sub="}, "401 " + subReason},
		{"mapped", clientOrUser, []string{"sub=", `client_id="cron"`}, "client:cron"},
		{"sub counts", clientOrUser, []string{`client_id="cron"`}, "1"},
		{"sub empty", clientOrUser, []string{`sub=""`, `client_id="cron"`}, "401 " + subReason},
		{"sub null", clientOrUser, []string{"sub=null", `client_id="cron"`}, "401 " + kindReason},
		{"sub a number", clientOrUser, []string{"sub=1", `client_id="cron"`}, "401 " + numberReason},
		{"SUB", clientOrUser, []string{"sub=", `SUB="root"`, `client_id="cron"`}, "client:cron"},
		{"without the claim", clientOrUser, []string{"sub="}, "401 " + unmapped},
		{"the claim is empty", clientOrUser, []string{"sub=", `client_id=""`}, "401 " + unmapped},
		{"the claim is no string", clientOrUser, []string{"sub=", `client_id=["cron"]`}, "401 " + unmapped},
		{"no answer", answer(""), []string{"sub="}, "401 " + unmapped},
		{"no namespace", answer("cron"), []string{"sub="}, "500"},
		{"an empty namespace", answer(":cron"), []string{"sub="}, "500"},
		{"a colon alone", answer(":"), []string{"sub="}, "500"},
		{"registered claims, too", func(c map[string]any) string { return fmt.Sprint("x:", c["iss"], c["jti"]) }, []string{"sub="}, "x:mej"},
		{"large numbers differ", number, []string{"sub=", "id=9007199254740993"}, "id:9007199254740993"},
		{"asked after the other checks", answer("cron"), []string{"sub=", "exp=1"}, "401 " + expReason},
	} {
		v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
			Issuer: "me", Audience: []string{"api"}, Now: atNoon, Subject: tt.subject, CacheSize: 10,
		}))
		for range 2 { // the second from the cache
			got := ""
			tok, err := v.Verify(t.Context(), forge(jwtHeader, payload(tt.edits...), hs256(secret)))
			switch e, refused := errors.AsType[*guard.Error](err); {
			case err == nil:
				got = tok.Sub()
			case refused:
				got = fmt.Sprint(e.Status, " ", reasonOf(err))
			default:
				got = "500"
			}
			if got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
		}
	}
}

// TestDenylistOfTokensWithoutSub: a token without sub is denied by its ID alone. A text for
// "the subject without a name" would be that of all such tokens of the issuer.
func TestDenylistOfTokensWithoutSub(t *testing.T) {
	spy := &spyDenylist{Denylist: guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: atNoon}))}
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, Subject: clientOrUser, Denylist: spy,
	}))
	tok, err := v.Verify(t.Context(), forge(jwtHeader, payload("sub=", `client_id="cron"`), hs256(secret)))
	if err != nil || tok.Sub() != "client:cron" {
		t.Fatal(tok, err)
	}
	if err := v.Revoke(t.Context(), tok); err != nil {
		t.Error(err)
	}
	if want := []string{"Denied of no subject", "Deny of no subject"}; !slices.Equal(spy.calls, want) {
		t.Errorf("%q, want %q", spy.calls, want)
	}
}

// spyDenylist notes whether it is called with a subject.
type spyDenylist struct {
	jwtauth.Denylist
	calls []string
}

func (s *spyDenylist) note(method, subject string) {
	of := "a subject"
	if subject == "" {
		of = "no subject"
	}
	s.calls = append(s.calls, method+" of "+of)
}

func (s *spyDenylist) Deny(ctx context.Context, until time.Time, subject string, ids ...string) error {
	s.note("Deny", subject)
	return s.Denylist.Deny(ctx, until, subject, ids...)
}

func (s *spyDenylist) Denied(ctx context.Context, issuedAt time.Time, subject string, ids ...string) (bool, error) {
	s.note("Denied", subject)
	return s.Denylist.Denied(ctx, issuedAt, subject, ids...)
}

// TestSubjectsOfSeveralIssuers: no issuer can name the user of another.
func TestSubjectsOfSeveralIssuers(t *testing.T) {
	trust := func(prefix string) *jwtauth.VerifierOptions {
		return &jwtauth.VerifierOptions{
			Issuer: "me", Audience: []string{"api"}, Now: atNoon, Prefix: prefix, Subject: clientOrUser,
			Trust: []jwtauth.Trust{{Issuer: "idp", Keys: jwtauth.HMAC("HS256", otherSecret), Audience: []string{"api"}, Prefix: "idp:", Subject: clientOrUser}},
		}
	}
	mine := func(edits ...string) string { return forge(jwtHeader, payload(edits...), hs256(secret)) }
	theirs := func(edits ...string) string {
		return forge(jwtHeader, payload(append([]string{`iss="idp"`}, edits...)...), hs256(otherSecret))
	}
	for _, tt := range []struct{ name, prefix, token, want string }{
		{"the first", "", mine(), "1"},
		{"the second", "", theirs(), "idp:1"},
		{"the first names one of the second", "", mine(`sub="idp:1"`), ""},
		{"the same by an escape", "", mine(`sub="idp\u003a1"`), ""},
		{"in another case, as databases may compare", "", mine(`sub="IDP:1"`), ""},
		{"a part of a prefix", "", mine(`sub="idp"`), "idp"},
		{"another namespace", "", mine(`sub="x:1"`), "x:1"},
		{"the second names one of the first's", "", theirs(`sub="me:1"`), "idp:me:1"},
		{"a client of the second", "", theirs("sub=", `client_id="c"`), "idp:client:c"},
		{"both have one", "me:", mine(`sub="idp:1"`), "me:idp:1"},
	} {
		v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), trust(tt.prefix)))
		users := guard.BySubject(v, func(_ context.Context, subject string) (string, bool, error) { return subject, true, nil })
		got := ""
		h := users.Wrap(guard.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, subject string) {
			got = subject
			if tok, _ := guard.CredentialFrom[*jwtauth.Token[profile]](r.Context()); tok.Sub() != subject {
				t.Errorf("%s: Sub is %q", tt.name, tok.Sub())
			}
		}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, bearer(tt.token))
		if got != tt.want || tt.want == "" && w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d, subject %q, want %q", tt.name, w.Code, got, tt.want)
		}
	}
	// Denials know the issuer and its sub.
	o := trust("me:")
	o.Denylist = guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: atNoon}))
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), o))
	if err := o.Denylist.Deny(t.Context(), noon.Add(time.Hour), "", jwtauth.DeniedToken("me", "j")); err != nil {
		t.Fatal(err)
	}
	if g := sendToken(t, v, mine()); g.message != "Token revoked" {
		t.Errorf("%d %s", g.status, g.reason)
	}
}

func TestMistakesOfPrefixes(t *testing.T) {
	hs := jwtauth.HMAC("HS256", secret)
	second := func(t jwtauth.Trust) *jwtauth.VerifierOptions {
		t.Issuer, t.Keys = "b", hs
		return &jwtauth.VerifierOptions{Issuer: "a", Prefix: "a:", Trust: []jwtauth.Trust{t}}
	}
	for _, tt := range []struct {
		name  string
		trust jwtauth.Trust
		want  string
	}{
		{"a prefix", jwtauth.Trust{Prefix: "A-z_0.9:"}, ""},
		{"the same subjects", jwtauth.Trust{InsecureSameSubjects: true}, ""},
		{"neither", jwtauth.Trust{}, "number 2 needs a Prefix"},
		{"both", jwtauth.Trust{Prefix: "b:", InsecureSameSubjects: true}, "contradicts Prefix"},
		{"the other's", jwtauth.Trust{Prefix: "a:"}, "number 2 has the Prefix of another"},
		{"the other's in another case", jwtauth.Trust{Prefix: "A:"}, "number 2 has the Prefix of another"},
		{"without a colon", jwtauth.Trust{Prefix: "b"}, `Prefix "b" is not`},
		{"a colon alone", jwtauth.Trust{Prefix: ":"}, `Prefix ":" is not`},
		{"two colons", jwtauth.Trust{Prefix: "a:b:"}, "is not"},
		{"a space", jwtauth.Trust{Prefix: "b :"}, "is not"},
		{"not ASCII", jwtauth.Trust{Prefix: "é:"}, "is not"},
	} {
		_, err := jwtauth.NewVerifier[profile](hs, second(tt.trust))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
