package jwtauth_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/jwtauth"
)

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	issuer := func(cache int) *jwtauth.Issuer[profile] {
		return guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{
			Issuer: "me", Audience: []string{"api"}, CacheSize: cache,
		}))
	}
	plain, caching := issuer(0), issuer(10)
	token := guard.Must(plain.Issue("1", profile{"alice@example.com", "admin"})).AccessToken
	for _, tt := range []struct {
		name  string
		v     *jwtauth.Verifier[profile]
		token string
		most  float64
	}{
		{"HS256", plain.Verifier(), token, 9},
		{"cached", caching.Verifier(), token, 2},
		{"no credential", plain.Verifier(), "", 4},
		{"garbage", plain.Verifier(), strings.Repeat("g", 200), 4},
		{"three segments of garbage", plain.Verifier(), "eyJ.eyJ." + strings.Repeat("g", 200), 6},
		{"800 KB", plain.Verifier(), strings.Repeat("g", 800<<10), 4},
		{"800 KB of dots", plain.Verifier(), strings.Repeat(".", 800<<10), 4},
	} {
		h := tt.v.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		if n := harness.NewDiscard().Allocs(h, bearer(tt.token)); n > tt.most {
			t.Errorf("%s: %v allocations; the budget is %v", tt.name, n, tt.most)
		}
	}
}

// A field of 800 KB, of any characters, costs at most 1 KB of memory.
func TestLongHeaderMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), nil))
	h := i.Verifier().Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, text := range []string{"g", ".", "eyJ.", " ", "="} {
		r := bearer(strings.Repeat(text, 800<<10/len(text)))
		w := harness.NewDiscard()
		var before, after runtime.MemStats
		const runs = 200
		runtime.ReadMemStats(&before)
		for range runs {
			clear(w.Fields)
			h.ServeHTTP(w, r)
		}
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > 1024 {
			t.Errorf("%q: %d bytes", text, n)
		}
	}
}

func BenchmarkVerifier(b *testing.B) {
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), nil))
	caching := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{CacheSize: 10}))
	token := guard.Must(i.Issue("1", profile{"alice@example.com", "admin"})).AccessToken
	for _, bb := range []struct {
		name  string
		v     *jwtauth.Verifier[profile]
		token string
	}{
		{"HS256", i.Verifier(), token},
		{"cached", caching.Verifier(), token},
		{"none", i.Verifier(), ""},
		{"garbage", i.Verifier(), strings.Repeat("g", 200)},
		{"800KB", i.Verifier(), strings.Repeat("g", 800<<10)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			h := bb.v.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			w, r := harness.NewDiscard(), bearer(bb.token)
			b.ReportAllocs()
			for b.Loop() {
				clear(w.Fields)
				h.ServeHTTP(w, r)
			}
		})
	}
}
