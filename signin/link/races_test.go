package link_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/linkrace"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/link"
)

// TestParallel: of 64 requests at once, with one link or with two of one state, one
// redeems, whether or not the action changes the state.
func TestParallel(t *testing.T) {
	for name, changes := range map[string]bool{"the state changes": true, "the state stays": false} {
		for _, links := range []int{1, 2, 64} {
			t.Run(name, func(t *testing.T) {
				c, a := newClock(), newAccounts()
				shared := guard.Must(once.NewMemory(&once.MemoryOptions{Now: c.Now}))
				processes := []*link.Links{
					guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: shared})),
					guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: shared})),
				}
				tokens := make([]string, links)
				for i := range tokens {
					tokens[i] = issue(t, processes[i%2], "1")
					c.Advance(time.Second)
				}
				var won, ran atomic.Int32
				var wg sync.WaitGroup
				for i := range 64 {
					wg.Go(func() {
						err := processes[i/2%2].Redeem(t.Context(), tokens[i%links], func(ctx context.Context, subject string) error {
							ran.Add(1)
							if changes {
								return a.reset(ctx, subject)
							}
							return nil
						})
						if err == nil {
							won.Add(1)
						}
					})
				}
				wg.Wait()
				if won.Load() != 1 || ran.Load() != 1 {
					t.Errorf("%d links: %d redeemed, %d actions; want one", links, won.Load(), ran.Load())
				}
			})
		}
	}
}

// TestAnotherLinkMeanwhile: while one link is redeemed, another of its state is refused,
// and works if the first one's action fails.
func TestAnotherLinkMeanwhile(t *testing.T) {
	c, a := newClock(), newAccounts()
	l := newLinks(t, a, c)
	first := issue(t, l, "1")
	c.Advance(time.Second)
	second := issue(t, l, "1")
	redeem(l, first, func(context.Context, string) error {
		redeem(l, second, never(t)).is(t, 400, refused, "at this time")
		open(l, second).is(t, 200, "", "")
		redeem(l, issue(t, l, "2"), a.reset).is(t, 200, "", "") // another subject waits for no one
		return guard.Forbidden("No")
	}).is(t, 403, "No", "No")
	redeem(l, second, a.reset).is(t, 200, "", "")
	redeem(l, first, never(t)).is(t, 400, refused, "state has changed")
}

// TestPurposes: links of two purposes, URLs or keys do not spend each other.
func TestPurposes(t *testing.T) {
	c, a := newClock(), newAccounts()
	shared := guard.Must(once.NewMemory(&once.MemoryOptions{Now: c.Now}))
	nothing := func(context.Context, string) error { return nil }
	for _, of := range [][2]string{{"reset", base}, {"verify", base}, {"reset", base + "/other"}, {"link", base}} {
		l := guard.Must(link.New(of[0], of[1], key('k'), a.state, &link.Options{Now: c.Now, Once: shared}))
		redeem(l, issue(t, l, "1"), nothing).is(t, 200, "", "")
		redeem(l, issue(t, l, "1"), never(t)).is(t, 400, refused, "was redeemed before")
	}
	codes := guard.Must(link.NewCodes("reset", key('k'), a.state, &link.CodeOptions{Now: c.Now, Once: shared}))
	redeemCode(codes, "1", issueCode(t, codes, "1"), nothing).is(t, 200, "", "")
	// Another key and a longer Lifetime is the same purpose: it was redeemed.
	l := guard.Must(link.New("reset", base, key('x'), a.state, &link.Options{Now: c.Now, Once: shared, Lifetime: 2 * time.Hour}))
	redeem(l, issue(t, l, "1"), never(t)).is(t, 400, refused, "was redeemed before")
}

// TestSlowAction: an action that takes longer than its lease, a minute, is not undone. That
// another one ran meanwhile is a failure of ours, which is reported.
func TestSlowAction(t *testing.T) {
	c, a := newClock(), newAccounts()
	l := newLinks(t, a, c)
	token := issue(t, l, "1")
	slow := redeem(l, token, func(context.Context, string) error {
		c.Advance(time.Minute)
		redeem(l, token, func(context.Context, string) error { return nil }).is(t, 200, "", "")
		return nil
	})
	slow.is(t, 200, "", "")
	if d := slow.decisions; len(d) != 2 || d[0].Outcome != guard.Failed || !errors.Is(d[0].Err, once.ErrLost) {
		t.Errorf("%+v", d)
	}
	redeem(l, token, never(t)).is(t, 400, refused, "was redeemed before")
}

// TestMemoryStores is the test of the other stores.
func TestMemoryStores(t *testing.T) {
	p := linkrace.Process{Once: guard.Must(once.NewMemory(nil)), Limits: guard.Must(ratelimit.NewMemory(nil))}
	linkrace.Run(t, [2]linkrace.Process{p, p})
}
