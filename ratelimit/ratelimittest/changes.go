package ratelimittest

import (
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// with returns l with another quota.
func with(l ratelimit.Limit, quota int) ratelimit.Limit {
	l.Quota = quota
	return l
}

// takeAll takes single units until the limit refuses, and returns how many it granted.
func (s *suite) takeAll(l ratelimit.Limit, key string) (granted int) {
	s.Helper()
	for s.take(ratelimit.Take{Limit: l, Key: key, Cost: 1})[0].RetryAfter == 0 {
		if granted++; granted > 1000 {
			s.Fatalf("%+v grants without end", l)
		}
	}
	return granted
}

// changingQuota: what was taken counts against every quota of the limit, in either
// direction, so that a client gets no more than the largest.
func changingQuota(s *suite) {
	for _, quotas := range [][]int{{5, 6, 5, 7, 8, 9, 10, 5}, {5, 100, 5, 30, 16, 120, 17, 2}, {100, 5, 101, 6, 300}, {16, 17, 16, 18}} {
		k, granted, most := key(), 0, 0
		for range 2 {
			for _, quota := range quotas {
				l := with(five, quota)
				most = max(most, quota)
				granted += s.takeAll(l, k)
				s.remaining(l, k, 0)
				if granted != most {
					s.Fatalf("%d granted by quotas of %v up to %d, want %d", granted, quotas, quota, most)
				}
			}
		}
	}
}

// alternatingQuota: two processes, of which one has a new quota, together grant no more
// than it.
func alternatingQuota(s *suite) {
	for _, quotas := range [][2]int{{5, 10}, {16, 17}, {20, 30}, {300, 5}} {
		k, granted := key(), 0
		for i := range 4 * max(quotas[0], quotas[1]) {
			if ok(s.take(ratelimit.Take{Limit: with(five, quotas[i%2]), Key: k, Cost: 1})) {
				granted++
			}
		}
		if want := max(quotas[0], quotas[1]); granted != want {
			s.Fatalf("%d granted by quotas of %v in turn, want %d", granted, quotas, want)
		}
	}
}

// raisedQuota: what a raised quota adds can be taken at once.
func raisedQuota(s *suite) {
	s.slot = "slot"
	for _, quotas := range [][2]int{{1, 5}, {1, 17}, {16, 100}, {30, 300}, {200, 100_000}} {
		k := key()
		from, to := with(five, quotas[0]), with(five, quotas[1])
		s.one(from, k, from.Quota, true)
		s.remaining(to, k, to.Quota-from.Quota)
		beside := ratelimit.Take{Limit: hundred, Key: key(), Cost: 1}
		for n := range 2 {
			st := s.take(ratelimit.Take{Limit: to, Key: k, Cost: 2 - n}, beside)
			if want := to.Quota - from.Quota - 2 - n; !ok(st) || st[0].Remaining != want {
				s.Fatalf("from %d to %d, take %d beside another count: %+v, want %d remaining", from.Quota, to.Quota, n+1, st, want)
			}
		}
	}
}

// changingQuotaExpires: what was taken by one quota stops counting for another.
func changingQuotaExpires(s *suite) {
	for _, quotas := range [][2]int{{3, 5}, {5, 3}, {16, 40}, {40, 16}, {20, 300}, {300, 20}} {
		k := key()
		from, to := with(quick, quotas[0]), with(quick, quotas[1])
		s.one(from, k, quotas[0], true)
		s.passed(quick.Window / 2)
		s.take(ratelimit.Take{Limit: to, Key: k, Cost: 1}) // it need not be granted
		s.passed(quick.Window*9/16 + tick)
		s.one(to, k, quotas[1]-1, true)
	}
}

// changingRate: the backlog of a bucket is a time, which drains whatever the rate is.
func changingRate(s *suite) {
	k := key()
	l := ratelimit.Limit{Name: "rate", Quota: 4, Window: time.Hour, Algorithm: ratelimit.GCRA}
	s.one(l, k, 2, true) // 30 minutes
	l.Quota = 2
	s.remaining(l, k, 1)
	s.one(l, k, 1, true) // 60 minutes
	l.Quota = 1
	if st := s.one(l, k, 1, false); st.RetryAfter > time.Hour+tick || st.RetryAfter < 50*time.Minute {
		s.Fatalf("a full bucket: %+v", st)
	}
	l.Burst = 2
	s.one(l, k, 1, true) // 120 minutes
	s.one(l, k, 1, false)
	l.Quota, l.Burst = 60, 60
	if st := s.one(l, k, 1, false); st.Remaining != 0 || st.RetryAfter > time.Hour+time.Minute+tick || st.RetryAfter < 50*time.Minute {
		s.Fatalf("a bucket with twice the backlog that fits: %+v", st)
	}
}

// giveBackAcrossQuotas: units are given back after the quota has changed.
func giveBackAcrossQuotas(s *suite) {
	s.slot = "slot"
	for _, quotas := range [][2]int{{5, 10}, {10, 5}, {5, 100}, {100, 10}, {30, 300}, {300, 30}} {
		for later := range 2 {
			k := key()
			from, to := with(five, quotas[0]), with(five, quotas[1])
			first := s.one(from, k, 2, true)
			second := s.one(from, k, 1, true)
			third := s.one(to, k, 1, true)
			s.remaining(to, k, to.Quota-4)
			s.remaining(from, k, from.Quota-4)
			l := []ratelimit.Limit{from, to}[later] // that of the take, or the present one
			s.giveBack(taken(l, k, 2, first))
			s.remaining(to, k, to.Quota-2)
			s.giveBack(taken(to, k, 1, third), taken(with(five, 999), key(), 1, third))
			s.giveBack(taken(l, k, 1, second))
			s.remaining(from, k, from.Quota)
			s.remaining(to, k, to.Quota)
		}
	}
}

// giveBackPart: a part of what was taken is given back, and the rest counts.
func giveBackPart(s *suite) {
	day, since := s.today()
	for _, l := range []ratelimit.Limit{five, hundred, bucket, day} {
		t := ratelimit.Take{Limit: l, Key: key(), Cost: 3}
		if l == day {
			t.Since, t.Until = since, since.Add(24*time.Hour)
		}
		st := s.take(t)[0]
		g := ratelimit.Taken{Take: t, Stamp: st.Stamp}
		g.Cost = 2
		s.giveBack(g)
		t.Cost = 0
		if got := s.take(t)[0].Remaining; got != full(l)-1 {
			s.Fatalf("%s: %d remaining of %d after 2 of 3 were given back", l.Name, got, full(l))
		}
	}
}

// debt: a forced take is granted in any case, and its units count until they expire.
func debt(s *suite) {
	day, since := s.today()
	for _, l := range []ratelimit.Limit{five, hundred, bucket, day} {
		t := ratelimit.Take{Limit: l, Key: key(), Cost: 1}
		if l == day {
			t.Since, t.Until = since, since.Add(24*time.Hour)
		}
		s.take(t)
		t.Force = true
		for _, cost := range []int{3, full(l), 1000} {
			t.Cost = cost
			if st := s.take(t)[0]; st.RetryAfter != 0 || st.Remaining != max(full(l)-4, 0) && cost == 3 || st.Remaining != 0 && cost > 3 {
				s.Fatalf("%s: a forced take of %d: %+v", l.Name, cost, st)
			}
		}
		forced := ratelimit.Taken{Take: t, Stamp: s.take(t)[0].Stamp}
		t.Force, t.Cost = false, 1
		if st := s.take(t)[0]; st.RetryAfter <= 0 || st.Remaining != 0 {
			s.Fatalf("%s: a take in debt: %+v", l.Name, st)
		}
		s.giveBack(forced)
		if st := s.take(t)[0]; st.RetryAfter <= 0 {
			s.Fatalf("%s: a take in debt, of which a part was given back: %+v", l.Name, st)
		}
		t.Force, t.Cost = true, 1<<30 // such a debt may be rounded down, and ends nothing else
		for range 5 {
			if st := s.take(t)[0]; st.RetryAfter != 0 || st.Remaining != 0 {
				s.Fatalf("%s: a forced take of all: %+v", l.Name, st)
			}
		}
		t.Force, t.Cost = false, 1
		if st := s.take(t)[0]; st.RetryAfter <= 0 || st.Remaining != 0 {
			s.Fatalf("%s: a take deep in debt: %+v", l.Name, st)
		}
		all := ratelimit.Taken{Take: t, All: true}
		s.giveBack(all)
		if st := s.take(t)[0]; st.RetryAfter != 0 || st.Remaining != full(l)-1 {
			s.Fatalf("%s: the first take after a reset: %+v", l.Name, st)
		}
	}
}

// debtEnds: a limit refuses until less than its quota counts, and RetryAfter is when.
func debtEnds(s *suite) {
	for _, l := range []ratelimit.Limit{quick, quick20, drip} {
		k, start := key(), s.clock.Now()
		s.one(l, k, 1, true)
		s.take(ratelimit.Take{Limit: l, Key: k, Cost: full(l) + 1, Force: true})
		st := s.one(l, k, 1, false)
		if l.Algorithm == ratelimit.GCRA && st.RetryAfter < l.Window-s.clock.Now().Sub(start)-tick {
			s.Fatalf("%s: two units over the burst: %+v", l.Name, st)
		}
		s.sleep(st.RetryAfter / 2)
		s.one(l, k, 1, false)
		s.passed(s.one(l, k, 1, false).RetryAfter)
		s.one(l, k, 1, true)
	}
}

// debtOfSome: a forced take is all or nothing with the others of its call.
func debtOfSome(s *suite) {
	k := key()
	s.one(five, k, 5, true)
	takes := []ratelimit.Take{{Limit: five, Key: k, Cost: 1}, {Limit: hundred, Key: k, Cost: 200, Force: true}}
	if st := s.take(takes...); st[0].RetryAfter <= 0 || st[1].RetryAfter != 0 {
		s.Fatalf("a forced take beside a refused one: %+v", st)
	}
	s.remaining(hundred, k, 100)
}

// severalKeys: takes of different keys are all or nothing, if they have one Slot.
func severalKeys(s *suite) {
	s.slot = "slot"
	user, other, organisation := key(), key(), key()
	take := func(user string, want bool) {
		s.Helper()
		st := s.take(ratelimit.Take{Limit: five, Key: user, Cost: 1}, ratelimit.Take{Limit: with(five, 6), Key: organisation, Cost: 1})
		if ok(st) != want {
			s.Fatalf("granted: %t, want %t: %+v", !want, want, st)
		}
	}
	for range 5 {
		take(user, true)
	}
	take(user, false)
	take(other, true)
	take(other, false) // by the organisation
	s.remaining(five, other, 4)
	s.giveBack(ratelimit.Taken{Take: ratelimit.Take{Limit: five, Key: organisation}, All: true})
	s.remaining(five, user, 0)
	take(other, true)
}
