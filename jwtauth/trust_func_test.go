package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/idp"
	"github.com/go-guard/guard/jwtauth"
)

const acme = "https://acme.example.com"

// tenant is the Trust of a tenant whose tokens tenantToken makes.
func tenant(iss, prefix string) jwtauth.Trust {
	return jwtauth.Trust{Issuer: iss, Keys: jwtauth.HMAC("HS256", otherSecret), Audience: []string{"api"}, Prefix: prefix}
}

func tenantToken(iss string, edits ...string) string {
	edits = append([]string{fmt.Sprintf("iss=%q", iss), "exp=9999999999", "type="}, edits...)
	return forge(jwtHeader, payload(edits...), hs256(otherSecret))
}

type trustFunc func(context.Context, string) (jwtauth.Trust, bool, error)

func noTenant(context.Context, string) (jwtauth.Trust, bool, error) {
	return jwtauth.Trust{}, false, nil
}

func tenants(f trustFunc) *jwtauth.Verifier[profile] {
	return guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{TrustFunc: f}))
}

// TestTrustFunc has tenants beside an own issuer.
func TestTrustFunc(t *testing.T) {
	own := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "me"}))
	var asked []string
	v := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{
		Trust: []jwtauth.Trust{own.Trust()},
		TrustFunc: func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
			asked = append(asked, iss)
			tr := tenant(iss, "acme:")
			tr.Require = map[string]string{"tid": "42"}
			return tr, iss == acme, nil
		},
	}))
	long := "https://" + strings.Repeat("a", 505)
	for _, tt := range []struct {
		name, token, subject, reason string
		asked                        string
	}{
		{"own", guard.Must(own.Issue("1", profile{})).AccessToken, "1", "", ""},
		{"own, with a subject like a tenant's", guard.Must(own.Issue("acme:1", profile{})).AccessToken, "", "jwtauth: sub begins with the Prefix of another issuer", ""},
		{"a tenant's", tenantToken(acme, `tid="42"`), "acme:1", "", acme},
		{"a tenant's again", tenantToken(acme, `tid="42"`), "acme:1", "", ""},
		{"with another tid", tenantToken(acme, `tid="43"`), "", `jwtauth: claim "tid" has another value`, ""},
		{"badly signed", forge(jwtHeader, payload(`iss="`+acme+`"`), hs256(secret)), "", sigReason, ""},
		{"unknown", tenantToken("https://evil.example.com"), "", trustReason, "https://evil.example.com"},
		{"unknown again", tenantToken("https://evil.example.com"), "", trustReason, ""},
		{"a slash more", tenantToken(acme + "/"), "", trustReason, acme + "/"},
		{"http", tenantToken("http://acme.example.com"), "", notAskedReason, ""},
		{"HTTPS", tenantToken("HTTPS://acme.example.com"), "", notAskedReason, ""},
		{"credentials", tenantToken("https://u@acme.example.com"), "", notAskedReason, ""},
		{"a query", tenantToken(acme + "?a"), "", notAskedReason, ""},
		{"a fragment", tenantToken(acme + "#"), "", notAskedReason, ""},
		{"no host", tenantToken("https:///x"), "", notAskedReason, ""},
		{"not UTF-8", tenantToken(acme, `iss="`+acme+"/\xff\""), "", notAskedReason, ""},
		{"not ASCII", tenantToken(acme + "/ä"), "", notAskedReason, ""},
		{"a space", tenantToken(acme + "/ "), "", notAskedReason, ""},
		{"a control character", tenantToken(acme, `iss="`+acme+`/\u0000"`), "", notAskedReason, ""},
		{"512 bytes", tenantToken(long[:512]), "", trustReason, long[:512]},
		{"513 bytes", tenantToken(long), "", trustReason, ""},
		{"not a text", tenantToken(acme, "iss=1"), "", trustReason, ""},
	} {
		asked = nil
		g := sendToken(t, v, tt.token)
		if got := strings.Join(asked, " "); g.reason != tt.reason || got != tt.asked {
			t.Errorf("%s: %q, asked for %q; want %q, %q", tt.name, g.reason, got, tt.reason, tt.asked)
		}
		if g.token != nil && g.token.Sub() != tt.subject || (g.token == nil) != (tt.subject == "") {
			t.Errorf("%s: %d %+v, want subject %q", tt.name, g.status, g.token, tt.subject)
		}
		if g.token == nil && (g.status != http.StatusUnauthorized || g.message != "Invalid token") {
			t.Errorf("%s: %d %q", tt.name, g.status, g.message)
		}
	}
}

// TestUnusableTrust: a tenant that is not configured safely is our failure.
func TestUnusableTrust(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*jwtauth.Trust)
		want string
	}{
		{"another issuer", func(tr *jwtauth.Trust) { tr.Issuer += "/" }, `Issuer is "https://acme.example.com/"`},
		{"no issuer", func(tr *jwtauth.Trust) { tr.Issuer = "" }, `Issuer is ""`},
		{"no audience", func(tr *jwtauth.Trust) { tr.Audience = nil }, "Audience is empty"},
		{"any audience", func(tr *jwtauth.Trust) { tr.Audience, tr.InsecureAnyAudience = nil, true }, "Audience is empty"},
		{"no prefix", func(tr *jwtauth.Trust) { tr.Prefix = "" }, "Prefix is empty"},
		{"no keys", func(tr *jwtauth.Trust) { tr.Keys = nil }, "no keys"},
		{"the zero Trust", func(tr *jwtauth.Trust) { *tr = jwtauth.Trust{} }, "no keys"},
		{"a type that C defines", func(tr *jwtauth.Trust) { tr.Type = "access" }, `defines "type"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := guard.Must(jwtauth.NewVerifier[struct {
				Type string `json:"type"`
			}](nil, &jwtauth.VerifierOptions{TrustFunc: func(context.Context, string) (jwtauth.Trust, bool, error) {
				tr := tenant(acme, "acme:")
				tt.edit(&tr)
				return tr, true, nil
			}}))
			_, err := v.Verify(t.Context(), tenantToken(acme))
			var e *guard.Error
			if !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable || !strings.Contains(e.Err.Error(), tt.want) {
				t.Errorf("%v, want 503 with %q", err, tt.want)
			}
		})
	}
}

// TestTenantWithAnOwnPrefix: a tenant with the Prefix of an issuer of Trust, in any case,
// could name its subjects. That is our failure, and no token of the tenant is accepted.
func TestTenantWithAnOwnPrefix(t *testing.T) {
	prefix := "idp:"
	v := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{
		Trust: []jwtauth.Trust{tenant("https://idp.example.com", "idp:")},
		TrustFunc: func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
			return tenant(iss, prefix), true, nil
		},
	}))
	for _, prefix = range []string{"idp:", "IDP:"} {
		g := sendToken(t, v, tenantToken(acme))
		if g.status != 503 || !strings.Contains(g.reason, "is that of an issuer of Trust") {
			t.Errorf("%s: %d %q", prefix, g.status, g.reason)
		}
	}
}

// TestPrefixOfAnotherTenant: the second tenant with a Prefix, in any case, is our
// failure, the first goes on; one that has given its Prefix up is no obstacle.
func TestPrefixOfAnotherTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prefixes := map[string]string{acme: "t:", acme + "/2": "T:"}
		v := tenants(func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
			return tenant(iss, prefixes[iss]), true, nil
		})
		for _, tt := range []struct {
			iss  string
			want int
		}{{acme, 200}, {acme + "/2", 503}, {acme, 200}} {
			if g := sendToken(t, v, tenantToken(tt.iss)); g.status != tt.want {
				t.Errorf("%s: %d, want %d", tt.iss, g.status, tt.want)
			}
		}
		time.Sleep(time.Minute)
		prefixes[acme] = "u:"
		for _, iss := range []string{acme, acme + "/2"} {
			if g := sendToken(t, v, tenantToken(iss)); g.status != 200 {
				t.Errorf("%s with a Prefix of its own: %d %s", iss, g.status, g.reason)
			}
		}
	})
}

// TestTrustFuncOverTime: answers are used for a minute, and five while it fails.
func TestTrustFuncOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, answer := 0, "found"
		v := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{
			TrustFunc: func(ctx context.Context, iss string) (jwtauth.Trust, bool, error) {
				calls++
				switch answer {
				case "error":
					return jwtauth.Trust{}, false, errors.New("down")
				case "panic":
					panic("oh")
				case "hang":
					<-ctx.Done()
					return jwtauth.Trust{}, false, ctx.Err()
				}
				return tenant(iss, "t:"), answer == "found", nil
			},
		}))
		for i, tt := range []struct {
			after  time.Duration
			answer string
			status int
			calls  int
		}{
			{0, "error", 503, 1},
			{0, "panic", 503, 1},
			{0, "hang", 503, 1},
			{0, "not found", 401, 1},
			{59 * time.Second, "found", 401, 0},
			{time.Second, "found", 200, 1},
			{59 * time.Second, "not found", 200, 0},
			{time.Second, "error", 200, 1},
			{time.Second, "panic", 200, 1},
			{time.Second, "hang", 200, 1},
			{3*time.Minute + 50*time.Second, "error", 200, 1},
			{10 * time.Second, "error", 503, 1},
			{0, "found", 200, 1},
			{time.Minute, "not found", 401, 1},
			{0, "found", 401, 0},
		} {
			time.Sleep(tt.after)
			calls, answer = 0, tt.answer
			g := sendToken(t, v, tenantToken(acme))
			synctest.Wait()
			if g.status != tt.status || calls != tt.calls {
				t.Errorf("step %d, %s: %d with %d calls (%s), want %d with %d", i, tt.answer, g.status, calls, g.reason, tt.status, tt.calls)
			}
			if tt.answer == "hang" {
				time.Sleep(5 * time.Second) // the call ends
				synctest.Wait()
			}
		}
	})
}

// TestTrustFuncAtOnce: calls for one issuer are one, at most 16 run, and those of
// strangers take nothing from known issuers: eight are for these alone.
func TestTrustFuncAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most, calls atomic.Int32
		v := tenants(func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
			calls.Add(1)
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			if iss != acme {
				time.Sleep(time.Second)
			}
			return tenant(iss, "acme:"), iss == acme, nil
		})
		if g := sendToken(t, v, tenantToken(acme)); g.status != 200 {
			t.Fatal(g.status, g.reason)
		}
		time.Sleep(6 * time.Minute) // the answer is too old
		var statuses [600]atomic.Int32
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				_, err := v.Verify(t.Context(), tenantToken(fmt.Sprintf("https://%d.example.com", i/2)))
				var e *guard.Error
				errors.As(err, &e)
				statuses[e.Status].Add(1)
			})
		}
		time.Sleep(10 * time.Millisecond)
		if g := sendToken(t, v, tenantToken(acme)); g.status != 200 {
			t.Errorf("the known tenant among strangers: %d %s", g.status, g.reason)
		}
		wg.Wait()
		if statuses[401].Load() < 8 || statuses[401].Load() > 16 || statuses[401].Load()+statuses[503].Load() != 100 || most.Load() != 9 {
			t.Errorf("%d 401, %d 503, %d at once", statuses[401].Load(), statuses[503].Load(), most.Load())
		}
		before := calls.Load()
		for i := range 100 {
			_, _ = v.Verify(t.Context(), tenantToken(fmt.Sprintf("https://x.example.com/%d?", i)))
		}
		if calls.Load() != before {
			t.Errorf("%d calls for what is no issuer", calls.Load()-before)
		}
	})
}

// TestFloodOfIssuers: their number is bounded, and the known one is asked for once.
func TestFloodOfIssuers(t *testing.T) {
	forAcme := 0
	v := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{
		Now: atNoon,
		TrustFunc: func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
			if iss == acme {
				forAcme++
			}
			return tenant(iss, "acme:"), iss == acme, nil
		},
	}))
	for i := range 25_000 {
		if i%5_000 == 0 {
			if g := sendToken(t, v, tenantToken(acme)); g.status != 200 {
				t.Fatal(g.status, g.reason)
			}
		}
		if _, err := v.Verify(t.Context(), tenantToken(fmt.Sprintf("https://x.example.com/%d", i))); err == nil {
			t.Fatal("accepted")
		}
	}
	if forAcme != 1 {
		t.Errorf("%d calls for the known issuer", forAcme)
	}
}

// TestCachedTokenOfATenant: a token cache with a long CacheTTL does not keep the
// tokens of a tenant that is withdrawn.
func TestCachedTokenOfATenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trusted := true
		v := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{
			CacheSize: 10, CacheTTL: time.Hour,
			TrustFunc: func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
				return tenant(iss, "t:"), trusted, nil
			},
		}))
		if g := sendToken(t, v, tenantToken(acme)); g.status != 200 {
			t.Fatal(g.status, g.reason)
		}
		trusted = false
		time.Sleep(time.Minute)
		if g := sendToken(t, v, tenantToken(acme)); g.status != 401 {
			t.Errorf("status %d", g.status)
		}
	})
}

// TestKeysOfATenantAreKept: a TrustFunc that makes its KeySource at each call does
// not fetch at each call.
func TestKeysOfATenantAreKept(t *testing.T) {
	issuer := idpIssuing("k")
	server := &idp.Server{}
	server.Serve(jwksOf(issuer))
	now := noon
	for name, keys := range map[string]func(*jwtauth.RemoteOptions) jwtauth.KeySource{
		"RemoteKeys": func(o *jwtauth.RemoteOptions) jwtauth.KeySource { return jwtauth.RemoteKeys(idp.JWKSURL, o) },
		"Discover":   func(o *jwtauth.RemoteOptions) jwtauth.KeySource { return jwtauth.Discover(idp.Issuer, o) },
	} {
		server.Set(func() {
			server.Answers["/.well-known/openid-configuration"] = fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, idp.Issuer, idp.JWKSURL)
		})
		calls, before := 0, server.Count()
		v := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{
			Now: func() time.Time { return now },
			TrustFunc: func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
				calls++
				tr := tenant(iss, "t:")
				tr.Keys = keys(&jwtauth.RemoteOptions{Client: server.Client(), Now: func() time.Time { return now }})
				return tr, true, nil
			},
		}))
		token := guard.Must(issuer.Issue("1", profile{})).AccessToken
		for range 3 {
			if g := sendToken(t, v, token); g.status != 200 {
				t.Fatal(name, g.status, g.reason)
			}
			now = now.Add(time.Minute)
		}
		if n := server.Count() - before; calls != 3 || n > 2 {
			t.Errorf("%s: %d calls, %d requests", name, calls, n)
		}
		now = noon
	}
}
