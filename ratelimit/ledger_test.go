package ratelimit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// A ledger is a plain Store that is not a *Memory. Its units expire a Window after
// their take, or with their period, by the test's time. It has a log of its calls.
type ledger struct {
	now func() time.Time

	mu    sync.Mutex
	units map[string][]unit // by count
	calls []string
	slots map[string]bool
	fail  error // of the next calls
}

type unit struct {
	cost  int
	until time.Time
	stamp int64
	call  string
}

func newLedger(now func() time.Time) *ledger {
	return &ledger{now: now, units: map[string][]unit{}, slots: map[string]bool{}}
}

func countOf(t *ratelimit.Take) string {
	return fmt.Sprint(t.Limit.Name, t.Key, t.Limit.Window, t.Limit.Algorithm, t.Since, t.Until)
}

func (s *ledger) log(verb string, t *ratelimit.Take, more string) string {
	s.slots[t.Slot] = true
	return fmt.Sprintf("%s %s %d%s", verb, t.Limit.Name, t.Cost, more)
}

// used drops the expired units of a count and returns the sum of the others, without
// those of a call.
func (s *ledger) used(count, call string) (sum int) {
	kept := s.units[count][:0:0]
	for _, u := range s.units[count] {
		if u.until.After(s.now()) {
			kept = append(kept, u)
			if call == "" || u.call != call {
				sum += u.cost
			}
		}
	}
	s.units[count] = kept
	return sum
}

func (s *ledger) Take(_ context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	states, granted := make([]ratelimit.State, len(takes)), true
	for i := range takes {
		t, more := &takes[i], ""
		if t.Force {
			more = " by force"
		}
		lines = append(lines, s.log("take", t, more))
		left := max(t.Limit.Quota, t.Limit.Burst) - s.used(countOf(t), t.Call)
		states[i] = ratelimit.State{Remaining: max(left, 0), Stamp: int64(len(s.calls) + 1)}
		if left < max(t.Cost, 1) && !t.Force {
			states[i].RetryAfter, granted = 10*time.Second, false
		}
	}
	s.calls = append(s.calls, strings.Join(lines, ", "))
	if s.fail != nil {
		return nil, s.fail
	}
	for i := range takes {
		t := &takes[i]
		if !granted || t.Cost == 0 {
			continue
		}
		until := s.now().Add(t.Limit.Window)
		if t.Limit.Window == 0 {
			until = t.Until
		}
		count := countOf(t)
		s.units[count] = append(s.without(count, t.Call), unit{t.Cost, until, states[i].Stamp, t.Call})
		states[i].Remaining, states[i].Reset = max(states[i].Remaining-t.Cost, 0), until.Sub(s.now())
	}
	return states, nil
}

// without returns the units of a count, but for those of a call.
func (s *ledger) without(count, call string) (units []unit) {
	for _, u := range s.units[count] {
		if call == "" || u.call != call {
			units = append(units, u)
		}
	}
	return units
}

func (s *ledger) GiveBack(_ context.Context, taken []ratelimit.Taken) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for i := range taken {
		t, more := &taken[i], ""
		if t.All {
			more = " all"
		}
		lines = append(lines, s.log("give back", &t.Take, more))
	}
	s.calls = append(s.calls, strings.Join(lines, ", "))
	if s.fail != nil {
		return s.fail
	}
	for i := range taken {
		t := &taken[i]
		count := countOf(&t.Take)
		switch {
		case t.All:
			delete(s.units, count)
		case t.Call != "":
			s.units[count] = s.without(count, t.Call)
		default:
			for j := range s.units[count] {
				if u := &s.units[count][j]; u.stamp == t.Stamp {
					u.cost -= min(u.cost, t.Cost)
				}
			}
		}
	}
	return nil
}

// history returns the calls since the last time.
func (s *ledger) history() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// total returns the sum of all units that count.
func (s *ledger) total() (sum int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for count := range s.units {
		sum += s.used(count, "")
	}
	return sum
}

// setFail makes the next calls fail.
func (s *ledger) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}
