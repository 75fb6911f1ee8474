package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/link"
)

const resetPage = "https://app.example.com/reset"

// links measures links of a state that is read from memory. The peer is what applications
// write with golang-jwt: a token whose key has the password's hash, without a store.
func links(settings) (comparison, error) {
	const hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObG"
	reads := 0
	state := func(context.Context, string) (string, bool, error) {
		reads++
		return hash, true, nil
	}
	store := &countedOnce{Store: newForgetful()}
	l := guard.Must(link.New("reset", resetPage, secret, state, &link.Options{Once: store}))
	token := guard.Must(url.Parse(guard.Must(l.Issue(ctx, "248289761001")))).Query().Get("token")
	forged := strings.Repeat("A", len(token))
	done := func(context.Context, string) error { return nil }
	open := func(token string, works bool) func(n int) {
		return func(n int) {
			for range n {
				_, err := l.Open(ctx, token)
				check((err == nil) == works, "link: Open")
			}
		}
	}

	key := append(append([]byte{}, secret...), hash...)
	hand := guard.Must(jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: "248289761001", Audience: jwt.ClaimStrings{"reset"}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}).SignedString(key))
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithAudience("reset"), jwt.WithExpirationRequired())

	facts := linkCalls(l, store, token, forged, &reads)
	return comparison{
		benchmarks: []benchmark{
			{"guard: Issue", ours, func(n int) {
				for range n {
					_, err := l.Issue(ctx, "248289761001")
					check(err == nil, "link: Issue")
				}
			}},
			{"guard: Open", ours, open(token, true)},
			{"guard: Open of a forged link", ours, open(forged, false)},
			{"guard: Open of a megabyte", ours, open(strings.Repeat("A", 1<<20), false)},
			{"guard: Redeem, store in memory", ours, func(n int) {
				for range n {
					check(l.Redeem(ctx, token, done) == nil, "link: Redeem")
				}
			}},
			{"golang-jwt by hand: open", peer, func(n int) {
				for range n {
					var claims jwt.RegisteredClaims
					_, err := parser.ParseWithClaims(hand, &claims, func(*jwt.Token) (any, error) { return key, nil })
					check(err == nil && claims.Subject != "", "golang-jwt by hand: open")
				}
			}},
		},
		facts: facts,
		bars: []bar{
			ratio("guard: Open", "golang-jwt by hand: open", 0.35),
			allocs("guard: Open", 2),
			ratio("guard: Open of a forged link", "golang-jwt by hand: open", 0.4),
			ratio("guard: Open of a megabyte", "golang-jwt by hand: open", 0.4),
			factAtMost(callsOfOpen, 0),
			factAtMost(callsBefore, 1),
			factAtMost(callsAfter, 1),
			factAtMost(readsByForged, 0),
		},
	}, nil
}

// The facts about the store and the state.
const (
	callsOfOpen   = "calls of the store by Issue and Open"
	callsBefore   = "calls of the store by Redeem before the action"
	callsAfter    = "calls of the store by Redeem after the action"
	readsByForged = "reads of a state by 1,000 forged links"
)

func linkCalls(l *link.Links, store *countedOnce, token, forged string, reads *int) []Fact {
	guard.Must(l.Issue(ctx, "1"))
	guard.Must(l.Open(ctx, token))
	opened, before := store.calls, 0
	err := l.Redeem(ctx, token, func(context.Context, string) error {
		before = store.calls - opened
		return nil
	})
	check(err == nil, "link: Redeem")
	after := store.calls - opened - before
	readBefore := *reads
	for range 1000 {
		_, err := l.Open(ctx, forged)
		check(err != nil, "link: a forged one")
	}
	return []Fact{
		{callsOfOpen, float64(opened), ""}, {callsBefore, float64(before), ""}, {callsAfter, float64(after), ""},
		{readsByForged, float64(*reads - readBefore), ""},
	}
}

// A countedOnce counts the calls of a store.
type countedOnce struct {
	once.Store
	calls int
}

func (c *countedOnce) Acquire(ctx context.Context, key [32]byte, lease time.Duration) (once.Lease, once.State, error) {
	c.calls++
	return c.Store.Acquire(ctx, key, lease)
}

func (c *countedOnce) Commit(ctx context.Context, l once.Lease, until time.Time) error {
	c.calls++
	return c.Store.Commit(ctx, l, until)
}

func (c *countedOnce) Release(ctx context.Context, l once.Lease) error {
	c.calls++
	return c.Store.Release(ctx, l)
}

func (c *countedOnce) Take(ctx context.Context, key [32]byte, until time.Time) (bool, error) {
	c.calls++
	return c.Store.Take(ctx, key, until)
}
