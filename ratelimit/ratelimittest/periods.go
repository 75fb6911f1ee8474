package ratelimittest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// today is a limit of 5 a day, and the beginning of a day whose end is far away.
func (s *suite) today() (ratelimit.Limit, time.Time) {
	return ratelimit.Limit{Name: "day", Quota: 5, Calendar: ratelimit.Daily(nil)}, s.clock.Now().Add(-time.Hour).UTC().Truncate(time.Second)
}

// calendar: each period has a count, and a store's clock is used for how long a period
// lasts only.
func calendar(s *suite) {
	l, since := s.today()
	k, until := key(), since.Add(24*time.Hour)
	at := func(since, until time.Time, cost int) ratelimit.State {
		s.Helper()
		return s.take(ratelimit.Take{Limit: l, Key: k, Cost: cost, Since: since, Until: until})[0]
	}
	for i := range 5 {
		if st := at(since, until, 1); st.RetryAfter != 0 || st.Remaining != 4-i || st.Reset <= 0 || st.Reset > 23*time.Hour+time.Minute {
			s.Fatalf("take %d of 5 a day: %+v", i+1, st)
		}
	}
	for range 2 {
		if st := at(since, until, 1); st.RetryAfter < 22*time.Hour || st.RetryAfter > 23*time.Hour+time.Minute || st.Remaining != 0 {
			s.Fatalf("after 5 a day, with 23 hours to go: %+v", st)
		}
	}
	if st := at(until, until.Add(24*time.Hour), 2); st.RetryAfter != 0 || st.Remaining != 3 { // another process is ahead
		s.Fatalf("the next day: %+v", st)
	}
	if st := at(since, until, 0); st.RetryAfter <= 0 || st.Remaining != 0 {
		s.Fatalf("the day before it: %+v", st)
	}
	l.Quota = 7
	if st := at(since, until, 1); st.RetryAfter != 0 || st.Remaining != 1 {
		s.Fatalf("a quota that was raised from 5 to 7, and 6 taken: %+v", st)
	}
	l.Quota = 300
	st := at(since, until, 100)
	if st.RetryAfter != 0 || st.Remaining != 194 {
		s.Fatalf("a quota that was raised to 300, and 106 taken: %+v", st)
	}
	s.giveBack(ratelimit.Taken{Take: ratelimit.Take{Limit: l, Key: k, Cost: 50, Since: since, Until: until}, Stamp: st.Stamp})
	if st := at(since, until, 0); st.Remaining != 244 {
		s.Fatalf("after 50 of 106 were given back: %+v", st)
	}
	s.giveBack(ratelimit.Taken{Take: ratelimit.Take{Limit: l, Key: k, Since: since, Until: until}, All: true})
	if st := at(since, until, 0); st.Remaining != 300 || st.Reset != 0 {
		s.Fatalf("after a reset: %+v", st)
	}
	if st := at(until, until.Add(24*time.Hour), 0); st.Remaining != 298 {
		s.Fatalf("the next day after it: %+v", st)
	}
}

// periodsOfPlans: a day and a month that begin together, as on the first day of the month,
// are two periods: a client that changes its plan takes from another count.
func periodsOfPlans(s *suite) {
	l, since := s.today()
	k := key()
	day := ratelimit.Take{Limit: l, Key: k, Cost: 3, Since: since, Until: since.Add(24 * time.Hour)}
	month := day
	month.Limit.Calendar, month.Until = ratelimit.Monthly(since.Day(), nil), since.Add(30*24*time.Hour)
	for i, t := range []ratelimit.Take{month, day} {
		if st := s.take(t)[0]; st.RetryAfter != 0 || st.Remaining != 2 {
			s.Fatalf("take %d of 3 from 5 of its period: %+v", i+1, st)
		}
	}
	s.giveBack(ratelimit.Taken{Take: day, All: true})
	day.Cost, month.Cost = 0, 0
	if st := s.take(day)[0]; st.Remaining != 5 {
		s.Fatalf("the day after its reset: %+v", st)
	}
	if st := s.take(month)[0]; st.Remaining != 2 || st.Reset < 28*24*time.Hour {
		s.Fatalf("the month after a reset of the day: %+v", st)
	}
}

// periodEnds: after the end of a period, a process whose clock is behind the store's
// grants no more than its quota.
func periodEnds(s *suite) {
	l, _ := s.today()
	start := s.clock.Now()
	t := ratelimit.Take{Limit: l, Key: key(), Cost: 1, Since: start.Add(-time.Hour), Until: start.Add(100 * time.Millisecond)}
	for range 3 {
		s.take(t)
	}
	s.passed(200 * time.Millisecond)
	granted := 0
	for range 20 {
		if st := s.take(t)[0]; st.RetryAfter == 0 {
			granted++
		}
	}
	if granted > 5 {
		s.Fatalf("%d granted by 5 a period after its end", granted)
	}
	t.Since, t.Until = t.Until, t.Until.Add(time.Hour)
	if st := s.take(t)[0]; st.RetryAfter != 0 || st.Remaining != 4 {
		s.Fatalf("the next period: %+v", st)
	}
}

var atOnce = ratelimit.Limit{Name: "at-once", Quota: 3, Window: time.Minute, Algorithm: ratelimit.InFlight}

func call(l ratelimit.Limit, key, call string, cost int) ratelimit.Take {
	return ratelimit.Take{Limit: l, Key: key, Call: call, Cost: cost}
}

// inFlight: units count until they are given back.
func inFlight(s *suite) {
	k, l := key(), atOnce
	grants := func(name string, cost int, want bool, remaining int) ratelimit.Taken {
		s.Helper()
		take := call(l, k, name, cost)
		st := s.take(take)[0]
		if (st.RetryAfter == 0) != want || st.Remaining != remaining || st.RetryAfter > time.Minute+tick {
			s.Fatalf("%s of %d: %+v; want granted: %t, %d remaining", name, cost, st, want, remaining)
		}
		return ratelimit.Taken{Take: take, Stamp: st.Stamp}
	}
	grants("", 0, true, 3)
	one := grants("one", 1, true, 2)
	two := grants("two", 2, true, 0)
	grants("", 0, false, 0)
	grants("three", 1, false, 0)
	s.giveBack(one)
	three := grants("three", 1, true, 0)
	s.giveBack(two)
	grants("", 0, true, 2)
	l.Quota = 1
	grants("four", 1, false, 0) // a quota that was lowered
	l.Quota = 3
	s.giveBack(three)
	grants("", 0, true, 3)
	grants("five", 3, true, 0)
	s.giveBack(ratelimit.Taken{Take: call(atOnce, k, "", 0), All: true})
	grants("", 0, true, 3)
}

// lease: the same call counts a single time, and for a Window from its last take. A
// *ratelimit.Memory has no calls: they end with its process.
func lease(s *suite) {
	if _, memory := s.store.(*ratelimit.Memory); memory {
		return
	}
	s.slot = "slot"
	l := atOnce
	l.Window = 400 * time.Millisecond
	k := key()
	for range 3 {
		for _, c := range []string{"one", "two"} {
			if st := s.take(call(l, k, c, 1)); !ok(st) {
				s.Fatalf("a repeated call: %+v", st)
			}
		}
		s.sleep(l.Window / 4)
	}
	s.one(with(l, 3), k, 0, true)
	if st := s.take(call(l, k, "three", 2)); ok(st) || st[0].Remaining != 1 {
		s.Fatalf("two calls that were repeated, and two more: %+v", st)
	}
	if st := s.take(call(with(l, 1), k, "one", 1)); !ok(st) || st[0].Remaining != 0 {
		s.Fatalf("a repeated call by a quota that was lowered: %+v", st)
	}
	s.giveBack(ratelimit.Taken{Take: call(l, k, "two", 1)}, ratelimit.Taken{Take: call(l, key(), "one", 1)})
	s.giveBack(ratelimit.Taken{Take: call(l, k, "two", 1)}) // again
	s.remaining(l, k, 2)
	s.sleep(l.Window / 2)
	s.remaining(l, k, 2)
	s.take(call(l, k, "four", 1))
	s.passed(l.Window/2 + tick) // the process of "one" crashed
	s.remaining(l, k, 2)
	if st := s.take(call(l, k, "five", 2)); !ok(st) || st[0].Remaining != 0 {
		s.Fatalf("two beside one that counts: %+v", st)
	}
	s.passed(l.Window)
	s.remaining(l, k, 3)
}

// parallelInFlight: never are more in flight than the quota, and every unit comes back.
func parallelInFlight(s *suite) {
	k := key()
	var flying, most, granted atomic.Int64
	inParallel(16, func(i int) {
		for n := range 20 {
			take := call(atOnce, k, fmt.Sprint(i, "-", n), 1)
			states, err := s.store.Take(context.Background(), []ratelimit.Take{take})
			if err != nil {
				s.Error(err)
				return
			}
			if !ok(states) {
				continue
			}
			now := flying.Add(1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			granted.Add(1)
			flying.Add(-1)
			if err := s.store.GiveBack(context.Background(), []ratelimit.Taken{{Take: take, Stamp: states[0].Stamp}}); err != nil {
				s.Error(err)
			}
		}
	})
	if most.Load() > 3 || granted.Load() == 0 {
		s.Errorf("up to %d in flight, want 3; %d were granted", most.Load(), granted.Load())
	}
	s.remaining(atOnce, k, 3)
}
