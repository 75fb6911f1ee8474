package refresh_test

import (
	"context"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (claims, bool, error) {
		return claims{"alice@example.com", "admin"}, true, nil
	}, nil))
	token := guard.Must(refresher.Start(t.Context(), "1", nil)).RefreshToken
	forged := token[:len(token)-2] + "AA"
	for _, tt := range []struct {
		name   string
		budget float64
		f      func()
	}{
		{"a refresh", 40, func() { token = guard.Must(refresher.Refresh(t.Context(), token)).RefreshToken }},
		{"a forged token", 8, func() { _, _ = refresher.Refresh(t.Context(), forged) }},
	} {
		if n := testing.AllocsPerRun(200, tt.f); n > tt.budget {
			t.Errorf("%s: %v allocations; the budget is %v", tt.name, n, tt.budget)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (claims, bool, error) {
		return claims{"alice@example.com", "admin"}, true, nil
	}, nil))
	token := guard.Must(refresher.Start(b.Context(), "1", nil)).RefreshToken
	b.Run("next", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tokens, err := refresher.Refresh(b.Context(), token)
			if err != nil {
				b.Fatal(err)
			}
			token = tokens.RefreshToken
		}
	})
	forged := token[:len(token)-2] + "AA"
	b.Run("forged", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := refresher.Refresh(b.Context(), forged); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

func BenchmarkHandlerRefused(b *testing.B) {
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (claims, bool, error) {
		return claims{}, false, nil
	}, nil))
	h := refresher.RefreshHandler()
	w := harness.NewDiscard()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, request("POST", `{"refresh_token":"forged"}`))
	}
}
