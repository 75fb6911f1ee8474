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

// An acquiring store calls first before each Acquire, and loses its answer if the caller
// has left, as one on a network does.
type acquiring struct {
	once.Store
	first func()
}

func (s *acquiring) Acquire(ctx context.Context, k [32]byte, d time.Duration) (once.Lease, once.State, error) {
	s.first()
	lease, state, err := s.Store.Acquire(ctx, k, d)
	return lease, state, errors.Join(err, ctx.Err())
}

// TestStateChangesMeanwhile: a state that changed after a link or code was verified, and
// before its lease, did not end it.
func TestStateChangesMeanwhile(t *testing.T) {
	for _, tt := range []struct {
		name      string
		meanwhile func(a *accounts)
		status    int
		reason    string
	}{
		{"changed", func(a *accounts) { a.set("1", "new") }, 400, "state has changed"},
		{"changed and back", func(a *accounts) { a.set("1", "new"); a.set("1", "hash-1") }, 200, ""},
		{"gone", func(a *accounts) { delete(a.hashes, "1") }, 400, "does not exist"},
		{"unknown", func(a *accounts) { a.err = errors.New("down") }, 503, "down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, a := newClock(), newAccounts()
			s := &acquiring{Store: guard.Must(once.NewMemory(&once.MemoryOptions{Now: c.Now}))}
			l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: s}))
			codes := guard.Must(link.NewCodes("reset", key('k'), a.state, &link.CodeOptions{Now: c.Now, Once: s}))
			token, code := issue(t, l, "1"), issueCode(t, codes, "1")
			for name, call := range map[string]func(action func(context.Context, string) error) answer{
				"link": func(action func(context.Context, string) error) answer { return redeem(l, token, action) },
				"code": func(action func(context.Context, string) error) answer { return redeemCode(codes, "1", code, action) },
			} {
				ran := false
				s.first = func() { tt.meanwhile(a) }
				call(func(context.Context, string) error { ran = true; return nil }).is(t, tt.status, "", tt.reason)
				if ran != (tt.status == 200) {
					t.Errorf("%s: the action ran: %t", name, ran)
				}
				a.err, s.first = nil, func() {}
				a.set("1", "hash-1")
				if tt.status != 200 { // nothing is spent
					call(func(context.Context, string) error { return nil }).is(t, 200, "", "")
				}
			}
		})
	}
}

// TestClientLeavesDuringAcquire: a double click aborts the first of two requests. If that
// was while it acquired the lease, no one had it, and the second was refused for a minute.
func TestClientLeavesDuringAcquire(t *testing.T) {
	c, a := newClock(), newAccounts()
	ctx, leave := context.WithCancel(t.Context())
	s := &acquiring{Store: guard.Must(once.NewMemory(&once.MemoryOptions{Now: c.Now})), first: leave}
	l := guard.Must(link.New("reset", base, key('k'), a.state, &link.Options{Now: c.Now, Once: s}))
	token := issue(t, l, "1")
	if err := l.Redeem(ctx, token, a.reset); err != nil {
		t.Error(err)
	}
	if a.hashes["1"] != "hash-1+" {
		t.Errorf("the action left %q", a.hashes["1"])
	}
	redeem(l, token, never(t)).is(t, 400, refused, "state has changed")
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
