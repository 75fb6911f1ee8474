package ratelimit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// takeOne makes one call, and fails the test on an error.
func takeOne(t testing.TB, s ratelimit.Store, take ratelimit.Take) ratelimit.State {
	t.Helper()
	states, err := s.Take(t.Context(), []ratelimit.Take{take})
	if err != nil {
		t.Fatal(err)
	}
	return states[0]
}

func giveBack(t testing.TB, s ratelimit.Store, take ratelimit.Take, stamp int64) {
	t.Helper()
	if err := s.GiveBack(t.Context(), []ratelimit.Taken{{Take: take, Stamp: stamp}}); err != nil {
		t.Fatal(err)
	}
}

func hourly(quota int) ratelimit.Limit {
	return ratelimit.Limit{Name: "plan", Quota: quota, Window: time.Hour}
}

// TestQuotaChanges: a user whose plan changes all the time has the largest of its
// quotas, and not their sum. The quotas need records of each class.
func TestQuotaChanges(t *testing.T) {
	for _, algorithm := range []ratelimit.Algorithm{ratelimit.Sliding, ratelimit.GCRA} {
		for _, factor := range []int{1, 2, 3, 30, 40, 7000, 20_000} {
			c := harness.NewClock()
			m := newMemory(c, 0, false)
			granted := 0
			for _, quota := range []int{5, 6, 5, 7, 8, 9, 10, 5, 1, 10} {
				l := hourly(quota * factor)
				l.Algorithm = algorithm
				for _, cost := range []int{l.Quota / 2, l.Quota / 3, factor / 2, 1} {
					for cost > 0 && granted < 1000*factor && take(t, m, l, "user", cost).RetryAfter <= 0 {
						granted += cost
					}
				}
				c.Advance(time.Microsecond)
			}
			if most := 10 * factor; granted > most || granted < most/2 {
				t.Errorf("algorithm %d, factor %d: %d granted in an hour, at most %d", algorithm, factor, granted, most)
			}
			if s := take(t, m, hourly(10*factor), "other", 0); s.Remaining != 10*factor {
				t.Errorf("another user: %+v", s)
			}
			c.Advance(time.Hour * 17 / 16)
			l := hourly(5 * factor)
			l.Algorithm = algorithm
			if s := take(t, m, l, "user", l.Quota); s.RetryAfter > 0 {
				t.Errorf("algorithm %d, factor %d: after an hour: %+v", algorithm, factor, s)
			}
		}
	}
}

// TestQuotaGrowsAndShrinks: what was taken counts for its window under any quota: not
// a nanosecond less, and not a sixteenth more.
func TestQuotaGrowsAndShrinks(t *testing.T) {
	quotas := []int{1, 2, 5, 16, 17, 255, 256, 65_535, 65_536, 1 << 30}
	for _, from := range quotas {
		for _, to := range quotas {
			c := harness.NewClock()
			m := newMemory(c, 0, false)
			c.Advance(12_345 * time.Microsecond)
			used := (from + 1) / 2
			take(t, m, hourly(from), "k", used)
			c.Advance(10 * time.Minute)
			check := func(when string, l ratelimit.Limit, used int) {
				t.Helper()
				s := take(t, m, l, "k", 0)
				if want := max(l.Quota-used, 0); s.Remaining != want || (s.RetryAfter > 0) != (want == 0) {
					t.Fatalf("from %d to %d: %s: %+v, want %d remaining", from, to, when, s, want)
				}
			}
			if used < to {
				if s := take(t, m, hourly(to), "k", 1); s.RetryAfter > 0 { // the record moves
					t.Fatalf("from %d to %d: %+v", from, to, s)
				}
				used++
			}
			check("at once", hourly(to), used)
			check("as before", hourly(from), used)
			c.Advance(50*time.Minute - 1)
			check("before the window is over", hourly(to), used)
			check("before the window is over, as before", hourly(from), used)
			c.Advance(time.Hour/16 + 2*time.Microsecond + 10*time.Minute)
			check("afterwards", hourly(to), 0)
			check("afterwards, as before", hourly(from), 0)
		}
	}
}

// TestGiveBackAfterQuotaChange: a take is given back also where its record has moved.
func TestGiveBackAfterQuotaChange(t *testing.T) {
	for _, quotas := range [][2]int{{5, 10}, {5, 100}, {100, 1000}, {300, 100_000}, {10, 100_000}} {
		c := harness.NewClock()
		m := newMemory(c, 0, false)
		c.Advance(123 * time.Microsecond)
		first := ratelimit.Take{Limit: hourly(quotas[0]), Key: "k", Cost: 3}
		stamp := takeOne(t, m, first).Stamp
		c.Advance(20 * time.Minute)
		second := ratelimit.Take{Limit: hourly(quotas[1]), Key: "k", Cost: 4}
		other := takeOne(t, m, second).Stamp
		giveBack(t, m, first, stamp)
		if s := take(t, m, second.Limit, "k", 0); s.Remaining != quotas[1]-4 {
			t.Errorf("%v: %+v", quotas, s)
		}
		second.Cost = 3 // a part
		giveBack(t, m, second, other)
		if s := take(t, m, first.Limit, "k", 0); s.Remaining != quotas[0]-1 {
			t.Errorf("%v: %+v", quotas, s)
		}
	}
}

// TestGiveBackExpiredAfterQuotaChange: a take that has expired gives nothing back where
// its record has moved to sixteenths, of which one has units that still count.
func TestGiveBackExpiredAfterQuotaChange(t *testing.T) {
	c := harness.NewClock()
	m := newMemory(c, 0, false)
	c.Advance(10 * time.Minute)
	one := ratelimit.Take{Limit: hourly(2), Key: "k", Cost: 1}
	stamp := takeOne(t, m, one).Stamp
	c.Advance(time.Second)
	takeOne(t, m, one)
	c.Advance(time.Hour - time.Second)
	take(t, m, hourly(100), "k", 50)
	giveBack(t, m, one, stamp)
	if s := take(t, m, hourly(100), "k", 0); s.Remaining != 49 {
		t.Errorf("%+v, want 49 remaining", s)
	}
}

// TestFullStoreWithoutTables: a store that denies new keys refuses a take of several
// limits also where it has no record yet of the class of one of them.
func TestFullStoreWithoutTables(t *testing.T) {
	m := newMemory(harness.NewClock(), 1, true)
	take(t, m, hourly(1), "k", 1)
	states, err := m.Take(t.Context(), []ratelimit.Take{
		{Limit: hourly(1), Key: "k", Cost: 1}, {Limit: ratelimit.Limit{Name: "b", Quota: 100, Window: time.Hour}, Key: "k", Cost: 1},
	})
	if err != nil || states[0].RetryAfter != time.Hour || states[1].RetryAfter != 0 {
		t.Errorf("%+v, %v", states, err)
	}
}

// TestForce: a debt counts in full, and refuses until less than the quota counts.
func TestForce(t *testing.T) {
	for _, quota := range []int{1, 5, 16, 20, 255, 300, 70_000} {
		for _, debt := range []int{1, 7, 17, 300, 70_000, 1 << 30} {
			c := harness.NewClock()
			m := newMemory(c, 0, false)
			l := hourly(quota)
			take(t, m, l, "k", 1)
			c.Advance(20 * time.Minute)
			forced := ratelimit.Take{Limit: l, Key: "k", Cost: debt, Force: true}
			s := takeOne(t, m, forced)
			if want := max(quota-1-debt, 0); s.RetryAfter != 0 || s.Remaining != want {
				t.Fatalf("quota %d, debt %d: %+v, want %d remaining", quota, debt, s, want)
			}
			for range 3 { // the sum does not overflow
				takeOne(t, m, ratelimit.Take{Limit: l, Key: "k", Cost: 1 << 30, Force: true})
			}
			c.Advance(41*time.Minute + 15*time.Second)
			if s := take(t, m, l, "k", 0); s.RetryAfter <= 0 || s.Remaining != 0 {
				t.Fatalf("quota %d, debt %d: after the first has expired: %+v", quota, debt, s)
			}
			wait := take(t, m, l, "k", quota).RetryAfter
			c.Advance(wait - 1)
			if s := take(t, m, l, "k", quota); s.RetryAfter <= 0 {
				t.Fatalf("quota %d, debt %d: granted before the wait of %v is over", quota, debt, wait)
			}
			c.Advance(1)
			if s := take(t, m, l, "k", quota); s.RetryAfter > 0 {
				t.Fatalf("quota %d, debt %d: after a wait of %v: %+v", quota, debt, wait, s)
			}
		}
	}
}

// TestForceGivenBack: a debt is given back, and that alone.
func TestForceGivenBack(t *testing.T) {
	for _, quota := range []int{5, 20, 300} {
		m := newMemory(harness.NewClock(), 0, false)
		l := hourly(quota)
		take(t, m, l, "k", 2)
		forced := ratelimit.Take{Limit: l, Key: "k", Cost: 1000, Force: true}
		stamp := takeOne(t, m, forced).Stamp
		if quota == 5 {
			forced.Cost = 998 // a part
			giveBack(t, m, forced, stamp)
			forced.Cost = 2
		}
		giveBack(t, m, forced, stamp)
		if s := take(t, m, l, "k", 0); s.Remaining != quota-2 {
			t.Errorf("quota %d: %+v", quota, s)
		}
	}
}

// TestForceGCRA: a debt is paid at the rate of the limit.
func TestForceGCRA(t *testing.T) {
	c := harness.NewClock()
	m := newMemory(c, 0, false)
	l := ratelimit.Limit{Name: "g", Quota: 60, Window: time.Hour, Burst: 5, Algorithm: ratelimit.GCRA}
	s := takeOne(t, m, ratelimit.Take{Limit: l, Key: "k", Cost: 65, Force: true})
	if s.RetryAfter != 0 || s.Remaining != 0 {
		t.Fatalf("a debt: %+v", s)
	}
	if s := take(t, m, l, "k", 1); s.RetryAfter != 61*time.Minute {
		t.Errorf("after 60 too many: %+v", s)
	}
	giveBack(t, m, ratelimit.Take{Limit: l, Key: "k", Cost: 60, Force: true}, s.Stamp)
	if s := take(t, m, l, "k", 1); s.RetryAfter != time.Minute {
		t.Errorf("after 60 are given back: %+v", s)
	}
	for range 100 {
		takeOne(t, m, ratelimit.Take{Limit: l, Key: "k", Cost: 1 << 30, Force: true})
	}
	if s := take(t, m, l, "k", 1); s.RetryAfter < 10*365*24*time.Hour {
		t.Errorf("a debt of centuries: %+v", s)
	}
}

// TestForceAllOrNothing: a debt is not taken where another limit of the call refuses.
func TestForceAllOrNothing(t *testing.T) {
	m := newMemory(harness.NewClock(), 0, false)
	a, b := hourly(5), ratelimit.Limit{Name: "b", Quota: 1, Window: time.Hour}
	take(t, m, b, "k", 1)
	takes := []ratelimit.Take{{Limit: a, Key: "k", Cost: 9, Force: true}, {Limit: b, Key: "k", Cost: 1}}
	states, err := m.Take(t.Context(), takes)
	if err != nil || states[0].RetryAfter != 0 || states[1].RetryAfter <= 0 {
		t.Fatalf("%+v, %v", states, err)
	}
	if s := take(t, m, a, "k", 0); s.Remaining != 5 {
		t.Errorf("the debt was taken: %+v", s)
	}
	takes[1].Key = "other"
	states, err = m.Take(t.Context(), takes)
	if err != nil || states[0].RetryAfter != 0 || states[1].RetryAfter != 0 || states[0].Remaining != 0 {
		t.Fatalf("%+v, %v", states, err)
	}
	if s := take(t, m, a, "k", 0); s.RetryAfter <= 0 {
		t.Errorf("the debt was not taken: %+v", s)
	}
}

// TestInFlight: a request counts until it is given back, however long that takes.
func TestInFlight(t *testing.T) {
	c := harness.NewClock()
	m := newMemory(c, 0, false)
	one := ratelimit.Take{Limit: ratelimit.Concurrent(2), Key: "k", Cost: 1}
	first, second := takeOne(t, m, one), takeOne(t, m, one)
	if first.Remaining != 1 || second.Remaining != 0 || second.Reset != time.Second {
		t.Errorf("%+v, %+v", first, second)
	}
	c.Advance(24 * time.Hour)
	if s := takeOne(t, m, one); s.RetryAfter != time.Second {
		t.Errorf("the third: %+v", s)
	}
	giveBack(t, m, one, first.Stamp)
	if s := takeOne(t, m, one); s.RetryAfter > 0 || s.Remaining != 0 {
		t.Errorf("after one has ended: %+v", s)
	}
	giveBack(t, m, one, second.Stamp)
	giveBack(t, m, one, second.Stamp) // that of the third is the same
	giveBack(t, m, one, second.Stamp)
	if s := take(t, m, one.Limit, "k", 0); s.Remaining != 2 || s.Reset != 0 {
		t.Errorf("after all have ended: %+v", s)
	}
	if _, err := m.Take(t.Context(), []ratelimit.Take{{Limit: one.Limit, Key: "k", Cost: 1, Force: true}}); err == nil {
		t.Error("a debt of requests in flight has no error")
	}
	for i := range 100_000 { // released records leave room
		one.Key = fmt.Sprint(i)
		giveBack(t, m, one, takeOne(t, m, one).Stamp)
	}
	if n := ratelimit.Slots(m); n > 100_000 {
		t.Errorf("%d slots, and nothing is in flight", n)
	}
}

// TestCalendar: a count ends with its period, and each period has another one.
func TestCalendar(t *testing.T) {
	c := harness.NewClock()
	m := newMemory(c, 0, false)
	c.Advance(time.Hour)
	day := func(n int) ratelimit.Take {
		since := c.Now().Truncate(24*time.Hour).AddDate(0, 0, n)
		return ratelimit.Take{
			Limit: ratelimit.Limit{Name: "day", Quota: 3, Calendar: ratelimit.Daily(nil)},
			Key:   "k", Cost: 1, Since: since, Until: since.AddDate(0, 0, 1),
		}
	}
	today := day(0)
	first := takeOne(t, m, today)
	if want := today.Until.Sub(c.Now()); first.Remaining != 2 || first.Reset != want {
		t.Errorf("%+v, want a reset of %v", first, want)
	}
	today.Cost = 2
	takeOne(t, m, today)
	today.Cost = 1
	if s := takeOne(t, m, today); s.RetryAfter != today.Until.Sub(c.Now()) || s.Remaining != 0 {
		t.Errorf("the fourth: %+v", s)
	}
	giveBack(t, m, today, first.Stamp)
	if s := takeOne(t, m, today); s.RetryAfter > 0 {
		t.Errorf("after one is given back: %+v", s)
	}
	debt := today
	debt.Cost, debt.Force = 100, true
	if s := takeOne(t, m, debt); s.RetryAfter != 0 || s.Remaining != 0 {
		t.Errorf("a debt: %+v", s)
	}
	more := today
	more.Limit.Quota = 50 // a larger plan
	if s := takeOne(t, m, more); s.RetryAfter <= 0 {
		t.Errorf("a larger plan of the same day: %+v", s)
	}
	if s := takeOne(t, m, day(1)); s.RetryAfter > 0 || s.Remaining != 2 {
		t.Errorf("the next day: %+v", s)
	}
	c.Advance(today.Until.Sub(c.Now()) - 1)
	if s := takeOne(t, m, today); s.RetryAfter != 1 {
		t.Errorf("before the end of the day: %+v", s)
	}
	c.Advance(1)
	if s := takeOne(t, m, day(0)); s.RetryAfter > 0 || s.Remaining != 1 {
		t.Errorf("when the next day has begun: %+v", s)
	}
	// A caller with a clock that is behind still has one quota.
	yesterday := day(-2)
	for i := range 5 {
		if s := takeOne(t, m, yesterday); (s.RetryAfter > 0) != (i >= 3) {
			t.Errorf("take %d of a day that is over: %+v", i+1, s)
		}
		c.Advance(time.Hour)
	}
	yesterday.Until = yesterday.Since
	if _, err := m.Take(t.Context(), []ratelimit.Take{yesterday}); err == nil {
		t.Error("a period without a length has no error")
	}
}

// TestGiveBackEvicted: a take whose record was evicted gives nothing back to the next
// record of its key.
func TestGiveBackEvicted(t *testing.T) {
	for _, l := range []ratelimit.Limit{
		{Name: "l", Quota: 5, Window: time.Hour},
		{Name: "l", Quota: 20, Window: time.Hour},
		{Name: "l", Quota: 300, Window: time.Hour},
		{Name: "l", Quota: 100_000, Window: time.Hour},
		{Name: "l", Quota: 5, Window: time.Hour, Algorithm: ratelimit.GCRA},
		ratelimit.Concurrent(5),
	} {
		m := newMemory(harness.NewClock(), 1, false)
		one := ratelimit.Take{Limit: l, Key: "k", Cost: 1}
		stamp := takeOne(t, m, one).Stamp
		for i := range 100 {
			take(t, m, l, fmt.Sprint(i), l.Quota)
		}
		if s := take(t, m, l, "k", 0); s.Remaining != l.Quota {
			t.Fatalf("%+v was not evicted: %+v", l, s)
		}
		again := takeOne(t, m, one).Stamp
		giveBack(t, m, one, stamp)
		if s := take(t, m, l, "k", 0); s.Remaining != l.Quota-1 {
			t.Errorf("%+v: an evicted take was given back: %+v", l, s)
		}
		giveBack(t, m, one, again)
		if s := take(t, m, l, "k", 0); s.Remaining != l.Quota {
			t.Errorf("%+v: a take was not given back: %+v", l, s)
		}
	}
}
