package refreshtest

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// A step is the use of a generation at a time after the start of the family.
type step struct {
	generation int64
	at         time.Duration
	want       refresh.Result
}

var tables = []struct {
	name        string
	grace, idle time.Duration // of all steps
	steps       []step
}{
	{"one after another", grace, idle, []step{
		{1, 0, refresh.Rotated}, {2, time.Hour, refresh.Rotated}, {3, 2 * time.Hour, refresh.Rotated},
	}},
	{"again within grace", grace, idle, []step{
		{1, time.Minute, refresh.Rotated}, {1, time.Minute, refresh.Repeated},
		{1, time.Minute + grace - time.Millisecond, refresh.Repeated}, {2, time.Hour, refresh.Rotated},
	}},
	{"again after grace", grace, idle, []step{
		{1, time.Minute, refresh.Rotated}, {1, time.Minute + grace, refresh.Reused}, {2, time.Minute + grace, refresh.FamilyUnknown},
	}},
	{"repeating does not prolong grace", grace, idle, []step{
		{1, 0, refresh.Rotated}, {1, grace - time.Millisecond, refresh.Repeated}, {1, grace, refresh.Reused},
	}},
	{"again after the successor was used", grace, idle, []step{
		{1, 0, refresh.Rotated}, {2, 0, refresh.Rotated}, {1, 2 * time.Second, refresh.Superseded}, {2, 2 * time.Second, refresh.Repeated},
		{3, 3 * time.Second, refresh.Rotated}, {1, grace - time.Millisecond, refresh.Superseded}, {2, grace - time.Millisecond, refresh.Superseded},
		{4, time.Minute, refresh.Rotated},
	}},
	{"again after its own grace", grace, idle, []step{
		{1, 0, refresh.Rotated}, {2, grace - time.Millisecond, refresh.Rotated}, {1, grace, refresh.Reused}, {3, grace, refresh.FamilyUnknown},
	}},
	{"again after its own grace, each with its own", grace, idle, []step{
		{1, 0, refresh.Rotated}, {2, 6 * time.Second, refresh.Rotated}, {3, 12 * time.Second, refresh.Rotated}, {2, 15 * time.Second, refresh.Superseded},
		{4, 20 * time.Second, refresh.Rotated}, {3, 21 * time.Second, refresh.Superseded}, {2, 21 * time.Second, refresh.Reused},
	}},
	{"repeating does not prolong the grace of the one before", grace, idle, []step{
		{1, 0, refresh.Rotated}, {2, time.Second, refresh.Rotated}, {1, 9 * time.Second, refresh.Superseded}, {1, grace, refresh.Reused},
	}},
	{"the one before, without grace", 0, idle, []step{{1, 0, refresh.Rotated}, {2, 0, refresh.Rotated}, {1, 0, refresh.Reused}}},
	{"the one before, after a lost step", grace, idle, []step{
		{1, 0, refresh.Rotated}, {2, 0, refresh.Rotated}, {7, 0, refresh.Rotated}, {7, 0, refresh.Repeated}, {2, 0, refresh.Reused},
	}},
	{"the one before, by a clock that runs behind", grace, idle, []step{
		{1, 12 * time.Second, refresh.Rotated}, {2, 12 * time.Second, refresh.Rotated}, {1, 3 * time.Second, refresh.Superseded}, {1, 2 * time.Second, refresh.Reused},
	}},
	{"each successor has its own grace", grace, idle, []step{
		{1, 0, refresh.Rotated}, {2, grace, refresh.Rotated}, {2, 2*grace - time.Millisecond, refresh.Repeated}, {3, 2 * grace, refresh.Rotated},
	}},
	{"long ago", grace, idle, []step{
		{1, 0, refresh.Rotated}, {2, time.Hour, refresh.Rotated}, {3, 2 * time.Hour, refresh.Rotated}, {1, 3 * time.Hour, refresh.Reused},
		{4, 3 * time.Hour, refresh.FamilyUnknown},
	}},
	{"no grace", 0, idle, []step{
		{1, time.Second, refresh.Rotated}, {1, time.Second, refresh.Reused}, {2, time.Second, refresh.FamilyUnknown},
	}},
	{"just not idle", grace, idle, []step{
		{1, idle - time.Millisecond, refresh.Rotated}, {2, 2*idle - 2*time.Millisecond, refresh.Rotated},
	}},
	{"idle", grace, idle, []step{{1, idle, refresh.FamilyUnknown}, {1, 0, refresh.FamilyUnknown}}},
	{"idle after use", grace, idle, []step{{1, time.Hour, refresh.Rotated}, {2, time.Hour + idle, refresh.FamilyUnknown}}},
	{"repeating does not prolong idle", 2 * idle, idle, []step{
		{1, 0, refresh.Rotated}, {1, idle - time.Millisecond, refresh.Repeated}, {2, idle, refresh.FamilyUnknown},
	}},
	{"idle precedes reuse", grace, idle, []step{{1, 0, refresh.Rotated}, {1, idle, refresh.FamilyUnknown}}},
	{"just not expired", grace, 2 * lifetime, []step{{1, lifetime - time.Millisecond, refresh.Rotated}, {1, lifetime - time.Millisecond, refresh.Repeated}}},
	{"expired", grace, 2 * lifetime, []step{{1, lifetime, refresh.FamilyUnknown}}},
	{"use does not prolong the lifetime", grace, 2 * lifetime, []step{{1, lifetime / 2, refresh.Rotated}, {2, lifetime, refresh.FamilyUnknown}}},
	{"a lost step", grace, idle, []step{
		{1, 0, refresh.Rotated}, {4, time.Second, refresh.Rotated}, {4, time.Second, refresh.Repeated}, {5, time.Minute, refresh.Rotated},
		{2, time.Minute, refresh.Reused}, {6, time.Minute, refresh.FamilyUnknown},
	}},
	{"a clock that runs behind", grace, idle, []step{
		{1, grace - time.Millisecond, refresh.Rotated}, {1, 0, refresh.Repeated}, {2, 0, refresh.Rotated}, {3, time.Minute, refresh.Rotated},
	}},
	{"a clock that runs behind by more than grace", grace, idle, []step{{1, grace, refresh.Rotated}, {1, 0, refresh.Reused}}},
	{"no grace, and a clock that runs behind", 0, idle, []step{{1, time.Millisecond, refresh.Rotated}, {1, 0, refresh.Reused}}},
	{"the last generation", grace, idle, []step{
		{1<<32 - 1, 0, refresh.Rotated}, {1<<32 - 1, 0, refresh.Repeated}, {1 << 32, time.Minute, refresh.Rotated},
	}},
}

// many: of many uses within one grace period, a store keeps the times of the last 16
// generations.
func many(t *testing.T, s refresh.Store) {
	l := start(t, s, rand.Text())
	for generation := range int64(40) {
		l.want(t, generation+1, time.Second, refresh.Rotated)
	}
	l.want(t, 40, 2*time.Second, refresh.Repeated)
	for generation := int64(25); generation < 40; generation++ {
		l.want(t, generation, 2*time.Second, refresh.Superseded)
	}
	l.want(t, 24, 2*time.Second, refresh.Reused)
	l.want(t, 41, 2*time.Second, refresh.FamilyUnknown)
}

func steps(t *testing.T, s refresh.Store) {
	for _, tt := range tables {
		t.Run(tt.name, func(t *testing.T) {
			l, untouched := start(t, s, rand.Text()), start(t, s, rand.Text())
			for i, step := range tt.steps {
				r := l.rotation(step.generation, step.at.Truncate(time.Millisecond))
				r.Grace, r.Idle = tt.grace, tt.idle
				if got := l.rotate(t, r); got != step.want {
					t.Fatalf("step %d: generation %d after %v: %s, want %s", i+1, step.generation, step.at, name(got), name(step.want))
				}
			}
			untouched.want(t, 1, 0, refresh.Rotated)
		})
	}
}
