package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// jwtMemory measures what jwtauth holds in memory: verified tokens, denials, logins.
func jwtMemory(set settings) (comparison, error) {
	row, bare := bareMapOf(set.fill)
	bytes, expired := denials()
	return comparison{
		benchmarks: []benchmark{row},
		facts: []Fact{
			{"guard: longest stall, a cache of " + strconv.Itoa(set.fill) + " tokens fills", cacheStall(set.fill), "ms"},
			{"guard: bytes a denial, each of another subject", bytes, "B"},
			{"guard: longest stall after 262144 denials expired", expired, "ms"},
			{"guard: RevokeSubject of 100 logins", revokeSubject(set.tries), "ms"},
			bare,
		},
		bars: []bar{
			factAtMost("guard: longest stall, a cache of "+strconv.Itoa(set.fill)+" tokens fills", 1),
			factAtMost("guard: bytes a denial, each of another subject", 400),
			factAtMost("guard: longest stall after 262144 denials expired", 1),
			factAtMost("guard: RevokeSubject of 100 logins", 1),
		},
	}, nil
}

// cacheStall fills more than half of a cache: its older half is replaced.
func cacheStall(size int) float64 {
	key := jwtauth.HMAC("HS256", secret)
	i := guard.Must(jwtauth.NewIssuer[struct{}](key, &jwtauth.IssuerOptions{Lifetime: 24 * time.Hour}))
	tokens := make([]string, size*6/10)
	for n := range tokens {
		tokens[n] = guard.Must(i.Issue("1", struct{}{})).AccessToken
	}
	return longestStall(3, func() func(int) {
		v := guard.Must(jwtauth.NewVerifier[struct{}](key, &jwtauth.VerifierOptions{CacheSize: size}))
		return func(n int) {
			_, err := v.Verify(context.Background(), tokens[n])
			check(err == nil, "a token to cache")
		}
	}, len(tokens))
}

// denials returns the size of a denial of an ID and a subject of usual lengths, and the longest time of a denial and a check
// after many denials expired together.
func denials() (bytes, stall float64) {
	const full = 1 << 18
	now := time.Now()
	fill := func() *jwtauth.Memory {
		m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: func() time.Time { return now }}))
		for n := range full {
			check(m.Deny(ctx, now.Add(time.Minute), fmt.Sprintf("%030d", n), fmt.Sprintf("%043d", n)) == nil, "Deny")
		}
		return m
	}
	before := heap()
	m := fill()
	bytes = (heap() - before) / full
	check(m != nil, "Memory")
	stall = longestStall(3, func() func(int) {
		m := fill()
		now = now.Add(2 * time.Hour)
		return func(n int) {
			id := strconv.Itoa(n)
			check(m.Deny(ctx, now.Add(time.Minute), id, id) == nil, "Deny")
			denied, err := m.Denied(ctx, now, id, id)
			check(denied && err == nil, "Denied")
		}
	}, full)
	return bytes, stall
}

// revokeSubject returns the median time to end 100 logins.
func revokeSubject(tries int) float64 {
	i := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", secret), nil))
	r := guard.Must(refresh.New(i, func(context.Context, string, map[string]any) (struct{}, bool, error) { return struct{}{}, true, nil }, &refresh.Options{
		Store: guard.Must(refresh.NewMemory(nil)),
	}))
	took := make([]time.Duration, tries)
	for n := range took {
		subject := strconv.Itoa(n) // those that have ended are listed
		for range 100 {
			guard.Must(r.Start(ctx, subject, nil))
		}
		before := time.Now()
		check(r.RevokeSubject(ctx, subject) == nil, "RevokeSubject")
		took[n] = time.Since(before)
	}
	slices.Sort(took)
	return float64(took[tries/2]) / float64(time.Millisecond)
}
