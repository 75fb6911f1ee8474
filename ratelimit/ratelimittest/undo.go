package ratelimittest

import (
	"time"

	"github.com/go-guard/guard/ratelimit"
)

func taken(l ratelimit.Limit, k string, cost int, st ratelimit.State) ratelimit.Taken {
	return ratelimit.Taken{Take: ratelimit.Take{Limit: l, Key: k, Cost: cost}, Stamp: st.Stamp}
}

func giveBack(s *suite) {
	for _, l := range []ratelimit.Limit{five, hundred} {
		k := key()
		s.one(l, k, 1, true)
		st := s.one(l, k, 2, true)
		s.one(l, k, 1, true)
		s.giveBack(taken(l, k, 2, st))
		s.remaining(l, k, l.Quota-2)
		s.one(l, k, l.Quota-2, true)
		s.one(l, k, 1, false)
	}
	// A GCRA bucket leaks meanwhile: units that have leaked are not given back.
	k := key()
	s.one(bucket, k, 1, true)
	st := s.one(bucket, k, 1, true)
	s.giveBack(taken(bucket, k, 1, st))
	s.one(bucket, k, 2, true)
	s.one(bucket, k, 1, false)
}

// giveBackOne: 300 right logins in a row pass, and the failures stay.
func giveBackOne(s *suite) {
	for _, l := range []ratelimit.Limit{five, hundred} {
		k := key()
		s.one(l, k, l.Quota-1, true)
		for range 300 {
			s.giveBack(taken(l, k, 1, s.one(l, k, 1, true)))
		}
		s.one(l, k, 1, true)
		s.one(l, k, 1, false)
	}
}

// giveBackInAnyOrder: parallel right logins end in any order.
func giveBackInAnyOrder(s *suite) {
	for _, l := range []ratelimit.Limit{five, hundred, bucket} {
		k := key()
		first, second, third := s.one(l, k, 1, true), s.one(l, k, 1, true), s.one(l, k, 1, true)
		s.giveBack(taken(l, k, 1, first))
		s.giveBack(taken(l, k, 1, third))
		s.giveBack(taken(l, k, 1, second))
		s.remaining(l, k, full(l))
	}
}

func giveBackExpired(s *suite) {
	for _, l := range []ratelimit.Limit{quick, quick20, drip} {
		k := key()
		st := s.one(l, k, 1, true)
		s.passed(l.Window * 9 / 8)
		s.one(l, k, l.Quota, true)
		s.giveBack(taken(l, k, 1, st))
		if st := s.take(ratelimit.Take{Limit: l, Key: k})[0]; l.Algorithm != ratelimit.GCRA && st.Remaining != 0 {
			s.Fatalf("%s: an expired take was given back: %+v", l.Name, st)
		}
	}
}

func giveBackUnknown(s *suite) {
	for _, l := range []ratelimit.Limit{five, hundred, bucket} {
		k := key()
		s.giveBack(taken(l, k, 1, ratelimit.State{Stamp: 12345}))
		s.giveBack(ratelimit.Taken{Take: ratelimit.Take{Limit: l, Key: k}, All: true})
		s.remaining(l, k, full(l))
	}
}

func giveBackAll(s *suite) {
	s.slot = "slot"
	for _, l := range []ratelimit.Limit{five, hundred, bucket} {
		a, b := key(), key()
		one := s.one(l, a, 1, true)
		s.one(l, a, 1, true)
		s.one(l, b, full(l), true)
		s.giveBack(taken(l, a, 1, one), ratelimit.Taken{Take: ratelimit.Take{Limit: l, Key: b}, All: true})
		s.remaining(l, a, full(l)-1)
		s.remaining(l, b, full(l))
	}
	k := key() // it works as before
	s.one(quick, k, 3, true)
	s.giveBack(ratelimit.Taken{Take: ratelimit.Take{Limit: quick, Key: k}, All: true})
	s.one(quick, k, 3, true)
	s.passed(quick.Window)
	s.one(quick, k, 3, true)
}

// giveBackAfterReset: what was taken before a reset is given back by it, and not from what
// was taken since.
func giveBackAfterReset(s *suite) {
	s.slot = "slot"
	for _, l := range []ratelimit.Limit{five, hundred, bucket} {
		k := key()
		before := s.one(l, k, 3, true)
		s.giveBack(ratelimit.Taken{Take: ratelimit.Take{Limit: l, Key: k}, All: true})
		s.one(l, k, 2, true)
		s.one(l, k, 1, true)
		s.giveBack(taken(l, k, 3, before))
		s.remaining(l, k, full(l)-3)
	}
	l, since := s.today()
	t := ratelimit.Take{Limit: l, Key: key(), Cost: 3, Since: since, Until: since.Add(24 * time.Hour)}
	before := s.take(t)[0]
	s.giveBack(ratelimit.Taken{Take: t, All: true})
	s.take(t)
	s.giveBack(ratelimit.Taken{Take: t, Stamp: before.Stamp})
	if t.Cost = 0; s.take(t)[0].Remaining != l.Quota-3 {
		s.Fatalf("a take from a period before its reset was given back after it")
	}
}
