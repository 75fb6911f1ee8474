package ratelimittest

import (
	"fmt"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

var (
	five    = ratelimit.Limit{Name: "five", Quota: 5, Window: time.Hour}
	hundred = ratelimit.Limit{Name: "hundred", Quota: 100, Window: time.Hour}
	bucket  = ratelimit.Limit{Name: "bucket", Quota: 4, Window: time.Hour, Algorithm: ratelimit.GCRA, Burst: 3}
	quick   = ratelimit.Limit{Name: "quick", Quota: 3, Window: 500 * time.Millisecond}
	quick20 = ratelimit.Limit{Name: "quick20", Quota: 20, Window: 500 * time.Millisecond}
	drip    = ratelimit.Limit{Name: "drip", Quota: 2, Window: 600 * time.Millisecond, Algorithm: ratelimit.GCRA, Burst: 3}
)

func quota(s *suite) {
	k := key()
	for i := range 5 {
		if st := s.one(five, k, 1, true); st.Remaining != 4-i || st.Reset <= 0 || st.Reset > time.Hour+tick {
			s.Fatalf("take %d: %+v", i+1, st)
		}
	}
	if st := s.one(five, k, 1, false); st.Remaining != 0 || st.RetryAfter > time.Hour+tick || st.RetryAfter < 50*time.Minute {
		s.Fatalf("the sixth take: %+v", st)
	}
}

func largeQuota(s *suite) {
	k := key()
	for i := range 100 {
		if st := s.one(hundred, k, 1, true); st.Remaining != 99-i {
			s.Fatalf("take %d: %+v", i+1, st)
		}
	}
	if st := s.one(hundred, k, 1, false); st.RetryAfter > time.Hour*17/16+tick || st.RetryAfter < 50*time.Minute {
		s.Fatalf("take 101: %+v", st)
	}
}

func gcra(s *suite) {
	k := key()
	for range 3 {
		s.one(bucket, k, 1, true)
	}
	if st := s.one(bucket, k, 1, false); st.RetryAfter > 15*time.Minute+tick || st.RetryAfter < 10*time.Minute {
		s.Fatalf("past the burst: %+v; one leaks every 15 minutes", st)
	}
	k = key()
	for range 3 {
		s.one(drip, k, 1, true)
	}
	s.one(drip, k, 1, false)
	s.passed(300 * time.Millisecond)
	s.one(drip, k, 1, true)
}

func retryAfterIsTrue(s *suite) {
	for _, l := range []ratelimit.Limit{quick, quick20, drip} {
		k := key()
		s.one(l, k, l.Quota-1, true)
		s.sleep(20 * time.Millisecond)
		s.one(l, k, 1, true)
		st := s.one(l, k, 2, false)
		s.passed(st.RetryAfter)
		s.one(l, k, 2, true)
	}
}

// notFixed: a quota that is taken at the end of a fixed window is not granted
// again at the start of the next one.
func notFixed(s *suite) {
	for _, l := range []ratelimit.Limit{quick, quick20} {
		k := key()
		for range 4 { // wherever a fixed window would begin
			s.sleep(l.Window / 4)
			if s.take(ratelimit.Take{Limit: l, Key: k, Cost: l.Quota})[0].RetryAfter == 0 {
				break
			}
		}
		st := s.take(ratelimit.Take{Limit: l, Key: k, Cost: 1})[0]
		if st.RetryAfter < l.Window/2 {
			s.Fatalf("%s: after a whole quota, the next in %v of %v", l.Name, st.RetryAfter, l.Window)
		}
	}
}

func refusedTakes(s *suite) {
	for _, l := range []ratelimit.Limit{five, hundred, bucket} {
		k := key()
		s.one(l, k, full(l), true)
		before := s.one(l, k, 1, false)
		for range 20 {
			if st := s.one(l, k, 1, false); st.RetryAfter > before.RetryAfter {
				s.Fatalf("%s: the wait grew from %v to %v", l.Name, before.RetryAfter, st.RetryAfter)
			}
		}
	}
}

func allOrNothing(s *suite) {
	s.slot = "slot"
	a, b, c := key(), key(), key()
	s.one(five, b, 5, true)
	takes := []ratelimit.Take{{Limit: hundred, Key: a, Cost: 1}, {Limit: five, Key: b, Cost: 1}, {Limit: bucket, Key: c, Cost: 1}}
	for range 3 {
		st := s.take(takes...)
		if st[0].RetryAfter != 0 || st[1].RetryAfter == 0 || st[2].RetryAfter != 0 {
			s.Fatalf("not only the second limit refuses: %+v", st)
		}
	}
	s.remaining(hundred, a, 100)
	s.remaining(bucket, c, 3)
	takes[1].Key = key()
	s.take(takes...)
	s.remaining(hundred, a, 99)
	s.remaining(five, takes[1].Key, 4)
	s.remaining(bucket, c, 2)
}

func sixteenLimits(s *suite) {
	k := key()
	var takes []ratelimit.Take
	for i := range 16 {
		takes = append(takes, ratelimit.Take{Limit: ratelimit.Limit{Name: fmt.Sprint("limit", i), Quota: 10 + i, Window: time.Hour}, Key: k, Cost: 1})
	}
	for i := range 10 {
		if !ok(s.take(takes...)) {
			s.Fatalf("take %d was refused", i+1)
		}
	}
	for i, st := range s.take(takes...) {
		if (st.RetryAfter > 0) != (i == 0) {
			s.Fatalf("limit %d after 10 takes: %+v", i, st)
		}
	}
	s.remaining(takes[15].Limit, k, 15)
}

func cost(s *suite) {
	for _, l := range []ratelimit.Limit{five, hundred, bucket} {
		k := key()
		st := s.one(l, k, 2, true)
		left := st.Remaining
		s.one(l, k, left+1, false)
		s.remaining(l, k, left)
		s.one(l, k, left, true)
		s.remaining(l, k, 0)
	}
}

func costZero(s *suite) {
	for _, l := range []ratelimit.Limit{five, hundred, bucket} {
		k := key()
		for range 3 {
			st := s.one(l, k, 0, true)
			if st.Remaining != full(l) || st.Reset != 0 {
				s.Fatalf("%s: an unused key: %+v, want %d remaining", l.Name, st, full(l))
			}
		}
		s.one(l, k, full(l), true)
		if st := s.one(l, k, 0, false); st.Remaining != 0 {
			s.Fatalf("%s: a used up key: %+v", l.Name, st)
		}
	}
}

// separateCounts: each key, name, window and algorithm has a count.
func separateCounts(s *suite) {
	k := key()
	s.one(five, k, 5, true)
	s.one(five, k, 1, false)
	s.remaining(five, key(), 5)
	for _, l := range []ratelimit.Limit{
		{Name: "six", Quota: 5, Window: time.Hour},
		{Name: "five", Quota: 5, Window: 2 * time.Hour},
		{Name: "five", Quota: 5, Window: time.Hour, Algorithm: ratelimit.GCRA},
	} {
		s.remaining(l, k, full(l))
		s.one(l, k, 1, true)
		s.remaining(l, k, full(l)-1)
	}
	s.one(five, k, 1, false)
}
