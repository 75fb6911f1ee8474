package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"sync"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// tokenRefresh compares a refresh in memory with the steps that it cannot do without:
// an access token is issued, a refresh token is verified, a step of a map under a lock is
// made, and the next refresh token is written.
func tokenRefresh(settings) (comparison, error) {
	i := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: issuer}))
	logins := guard.Must(refresh.New(i, func(context.Context, string, map[string]any) (claims, bool, error) { return admin, true, nil }, nil))
	token := guard.Must(logins.Start(ctx, "1", nil)).RefreshToken
	size := base64.RawURLEncoding.DecodedLen(len(token))
	const bare = "an access token, two HMACs and a map step"
	return comparison{
		benchmarks: []benchmark{
			{"guard: refresh", ours, func(n int) {
				for range n {
					token = guard.Must(logins.Refresh(ctx, token)).RefreshToken
				}
			}},
			{bare, lowerBound, bareRefresh(i, size)},
		},
		bars: []bar{ratio("guard: refresh", bare, 1.3)},
	}, nil
}

func bareRefresh(i *jwtauth.Issuer[claims], size int) func(n int) {
	var mu sync.Mutex
	families := map[string]int{}
	sum := func(content []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(content)
		return mac.Sum(nil)
	}
	content := make([]byte, size-sha256.Size)
	token := base64.RawURLEncoding.EncodeToString(append(content, sum(content)...))
	return func(n int) {
		for range n {
			b, err := base64.RawURLEncoding.DecodeString(token)
			at := len(b) - sha256.Size
			check(err == nil && hmac.Equal(sum(b[:at]), b[at:]), "HMAC")
			guard.Must(i.Issue("1", admin))
			mu.Lock()
			families["1"]++
			mu.Unlock()
			token = base64.RawURLEncoding.EncodeToString(append(b[:at], sum(b[:at])...))
		}
	}
}
