package refreshtest

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth"
)

// A step is the use of a generation at a time after the start.
type step struct {
	generation int64
	at         time.Duration
	want       jwtauth.RotationResult
}

var tables = []struct {
	name        string
	grace, idle time.Duration // of all steps
	steps       []step
}{
	{"one after another", grace, idle, []step{
		{1, 0, jwtauth.Rotated}, {2, time.Hour, jwtauth.Rotated}, {3, 2 * time.Hour, jwtauth.Rotated},
	}},
	{"again within grace", grace, idle, []step{
		{1, time.Minute, jwtauth.Rotated}, {1, time.Minute, jwtauth.Repeated},
		{1, time.Minute + grace - time.Millisecond, jwtauth.Repeated}, {2, time.Hour, jwtauth.Rotated},
	}},
	{"again when grace is over", grace, idle, []step{
		{1, time.Minute, jwtauth.Rotated}, {1, time.Minute + grace, jwtauth.Reused}, {2, time.Minute + grace, jwtauth.FamilyUnknown},
	}},
	{"repeating does not prolong grace", grace, idle, []step{
		{1, 0, jwtauth.Rotated}, {1, grace - time.Millisecond, jwtauth.Repeated}, {1, grace, jwtauth.Reused},
	}},
	{"again after the successor was used", grace, idle, []step{
		{1, 0, jwtauth.Rotated}, {2, 1, jwtauth.Rotated}, {1, time.Millisecond, jwtauth.Reused},
		{3, time.Millisecond, jwtauth.FamilyUnknown}, {2, time.Millisecond, jwtauth.FamilyUnknown}, {1, time.Millisecond, jwtauth.FamilyUnknown},
	}},
	{"each successor has its own grace", grace, idle, []step{
		{1, 0, jwtauth.Rotated}, {2, grace, jwtauth.Rotated}, {2, 2*grace - time.Millisecond, jwtauth.Repeated}, {3, 2 * grace, jwtauth.Rotated},
	}},
	{"long ago", grace, idle, []step{
		{1, 0, jwtauth.Rotated}, {2, time.Hour, jwtauth.Rotated}, {3, 2 * time.Hour, jwtauth.Rotated}, {1, 3 * time.Hour, jwtauth.Reused},
		{4, 3 * time.Hour, jwtauth.FamilyUnknown},
	}},
	{"no grace", 0, idle, []step{
		{1, time.Second, jwtauth.Rotated}, {1, time.Second, jwtauth.Reused}, {2, time.Second, jwtauth.FamilyUnknown},
	}},
	{"just not idle", grace, idle, []step{
		{1, idle - time.Millisecond, jwtauth.Rotated}, {2, 2*idle - 2*time.Millisecond, jwtauth.Rotated},
	}},
	{"idle", grace, idle, []step{{1, idle, jwtauth.FamilyUnknown}, {1, 0, jwtauth.FamilyUnknown}}},
	{"idle after use", grace, idle, []step{{1, time.Hour, jwtauth.Rotated}, {2, time.Hour + idle, jwtauth.FamilyUnknown}}},
	{"repeating is no life", 2 * idle, idle, []step{
		{1, 0, jwtauth.Rotated}, {1, idle - time.Millisecond, jwtauth.Repeated}, {2, idle, jwtauth.FamilyUnknown},
	}},
	{"idle goes before reuse", grace, idle, []step{{1, 0, jwtauth.Rotated}, {1, idle, jwtauth.FamilyUnknown}}},
	{"just not expired", grace, 2 * lifetime, []step{{1, lifetime - time.Millisecond, jwtauth.Rotated}, {1, lifetime - time.Millisecond, jwtauth.Repeated}}},
	{"expired", grace, 2 * lifetime, []step{{1, lifetime, jwtauth.FamilyUnknown}}},
	{"use does not prolong the lifetime", grace, 2 * lifetime, []step{{1, lifetime / 2, jwtauth.Rotated}, {2, lifetime, jwtauth.FamilyUnknown}}},
	{"a lost step", grace, idle, []step{
		{1, 0, jwtauth.Rotated}, {4, time.Second, jwtauth.Rotated}, {4, time.Second, jwtauth.Repeated}, {5, time.Minute, jwtauth.Rotated},
		{2, time.Minute, jwtauth.Reused}, {6, time.Minute, jwtauth.FamilyUnknown},
	}},
	{"a clock that runs behind", grace, idle, []step{
		{1, grace - time.Millisecond, jwtauth.Rotated}, {1, 0, jwtauth.Repeated}, {2, 0, jwtauth.Rotated}, {3, time.Minute, jwtauth.Rotated},
	}},
	{"a clock that runs behind by more than grace", grace, idle, []step{{1, grace, jwtauth.Rotated}, {1, 0, jwtauth.Reused}}},
	{"no grace, and a clock that runs behind", 0, idle, []step{{1, time.Millisecond, jwtauth.Rotated}, {1, 0, jwtauth.Reused}}},
	{"the last generation", grace, idle, []step{
		{1<<32 - 1, 0, jwtauth.Rotated}, {1<<32 - 1, 0, jwtauth.Repeated}, {1 << 32, time.Minute, jwtauth.Rotated},
	}},
}

func steps(t *testing.T, s jwtauth.RefreshStore) {
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
			untouched.want(t, 1, 0, jwtauth.Rotated)
		})
	}
}
