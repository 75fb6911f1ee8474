package link_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/link"
)

// TestAttempts: five wrong codes, and the sixth is refused, right or wrong. A day has
// twenty, whatever the codes.
func TestAttempts(t *testing.T) {
	c, a := newClock(), newAccounts()
	limits := guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Now: c.Now}))
	processes := []*link.Codes{newCodes(t, a, c, link.CodeOptions{Limits: limits}), newCodes(t, a, c, link.CodeOptions{Limits: limits})}
	day := 0
	for day < 20 {
		code := issueCode(t, processes[0], "1")
		for i := range 5 {
			redeemCode(processes[i%2], "1", wrong(code), never(t)).is(t, 400, refusedCode, "wrong")
			day++
		}
		for i := range 2 {
			got := redeemCode(processes[i], "1", code, never(t))
			got.is(t, 429, tooMany, "")
			if got.Header().Get("Retry-After") == "" || got.last().Package != "ratelimit" || len(got.decisions) != 1 {
				t.Errorf("%v, %+v", got.Header(), got.decisions)
			}
		}
		redeemCode(processes[0], "2", issueCode(t, processes[0], "2"), a.reset).is(t, 200, "", "")
		c.Advance(10*time.Minute + 21*time.Second)
	}
	redeemCode(processes[0], "1", issueCode(t, processes[0], "1"), never(t)).is(t, 429, tooMany, "")
	c.Advance(24*time.Hour + 90*time.Minute) // of 20, each expires up to a sixteenth late
	redeemCode(processes[0], "1", issueCode(t, processes[0], "1"), a.reset).is(t, 200, "", "")
}

// TestUnknownSubjectsAreLimitedAlike: the limit reveals no subject.
func TestUnknownSubjectsAreLimitedAlike(t *testing.T) {
	c, a := newClock(), newAccounts()
	codes := newCodes(t, a, c, link.CodeOptions{})
	for _, subject := range []string{"1", "unknown"} {
		for range 5 {
			redeemCode(codes, subject, wrong(issueCode(t, codes, "1")), never(t)).is(t, 400, refusedCode, "wrong")
		}
		redeemCode(codes, subject, "000000", never(t)).is(t, 429, tooMany, "")
	}
}

// TestRightCodesAreNoAttempts: neither do those count whose action fails.
func TestRightCodesAreNoAttempts(t *testing.T) {
	c, a := newClock(), newAccounts()
	codes := newCodes(t, a, c, link.CodeOptions{})
	for range 30 {
		code := issueCode(t, codes, "1")
		redeemCode(codes, "1", code, func(context.Context, string) error { return guard.Forbidden("No") }).is(t, 403, "No", "No")
		redeemCode(codes, "1", code, a.reset).is(t, 200, "", "")
	}
	a.err = errors.New("down")
	for range 10 {
		redeemCode(codes, "1", "000000", never(t)).is(t, 503, "", "down") // nor in an outage
	}
	a.err = nil
	redeemCode(codes, "1", issueCode(t, codes, "1"), a.reset).is(t, 200, "", "")
}

// TestParallelGuesses: guesses at the same time do not exceed the limit, and of 64 right
// ones one redeems.
func TestParallelGuesses(t *testing.T) {
	c, a := newClock(), newAccounts()
	shared := guard.Must(once.NewMemory(&once.MemoryOptions{Now: c.Now}))
	codes := newCodes(t, a, c, link.CodeOptions{Once: shared})
	var tried, won atomic.Int32
	var wg sync.WaitGroup
	code := issueCode(t, codes, "1")
	for range 64 {
		wg.Go(func() {
			if errors.Is(codes.Redeem(t.Context(), "1", wrong(code), never(t)), link.ErrInvalid) {
				tried.Add(1)
			}
		})
	}
	wg.Wait()
	if tried.Load() != 5 {
		t.Errorf("%d guesses, want 5", tried.Load())
	}
	codes = newCodes(t, a, c, link.CodeOptions{Once: shared})
	for range 64 {
		wg.Go(func() {
			if codes.Redeem(t.Context(), "1", code, func(context.Context, string) error { return nil }) == nil {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d redeemed, want 1", won.Load())
	}
}

// TestLimitedSubject: the decision that refuses a code after too many wrong ones had no
// subject where no one was signed in.
func TestLimitedSubject(t *testing.T) {
	c, a := newClock(), newAccounts()
	codes := newCodes(t, a, c, link.CodeOptions{Attempts: 1})
	code := issueCode(t, codes, "1")
	for _, text := range []string{wrong(code), code} {
		got := redeemCode(codes, "1", text, never(t))
		for _, d := range got.decisions {
			if d.Subject != "1" {
				t.Errorf("%d: %+v", got.Code, d)
			}
		}
		if d := got.last(); got.Code == 429 && (len(got.decisions) != 1 || d.Package != "ratelimit" || d.RetryAfter == 0) {
			t.Errorf("%+v", got.decisions)
		}
	}
}

// brokenLimits is a store that is down.
type brokenLimits struct{}

func (brokenLimits) Take(context.Context, []ratelimit.Take) ([]ratelimit.State, error) {
	return nil, errors.New("limits are down")
}

func (brokenLimits) GiveBack(context.Context, []ratelimit.Taken) error { return errors.New("down") }

// onlyTakes is a store that cannot give back.
type onlyTakes struct{ ratelimit.Store }

func (onlyTakes) GiveBack(context.Context, []ratelimit.Taken) error {
	return errors.New("nothing is given back")
}

// TestLimitsFail: without a count no code is accepted, and a right one that cannot be
// given back counts.
func TestLimitsFail(t *testing.T) {
	c, a := newClock(), newAccounts()
	codes := newCodes(t, a, c, link.CodeOptions{Limits: brokenLimits{}})
	redeemCode(codes, "1", issueCode(t, codes, "1"), never(t)).is(t, 503, "", "limits are down")

	codes = newCodes(t, a, c, link.CodeOptions{Limits: onlyTakes{guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Now: c.Now}))}})
	for i := range 6 {
		got := redeemCode(codes, "1", issueCode(t, codes, "1"), a.reset)
		if want := map[bool]int{true: 200, false: 429}[i < 5]; got.Code != want {
			t.Errorf("%d: %d, want %d", i, got.Code, want)
		} else if want == 200 && (len(got.decisions) != 3 || got.decisions[1].Outcome != guard.Failed || !strings.Contains(got.decisions[1].Reason, "nothing is given back")) {
			t.Errorf("%+v", got.decisions)
		}
	}
	down := newStore(c)
	down.fail["Acquire"] = errors.New("down")
	codes = newCodes(t, a, c, link.CodeOptions{Once: down})
	redeemCode(codes, "1", issueCode(t, codes, "1"), never(t)).is(t, 503, "", "down")
}
