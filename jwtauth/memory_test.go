package jwtauth_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/denylisttest"
)

func TestMemory(t *testing.T) {
	denylisttest.Run(t, func(*testing.T) jwtauth.Denylist { return guard.Must(jwtauth.NewMemory(nil)) })
}

func TestMemoryIsBounded(t *testing.T) {
	now := noon
	d := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: 3, Now: func() time.Time { return now }}))
	deny := func(id string, minutes time.Duration) error {
		return d.Deny(t.Context(), noon.Add(minutes*time.Minute), "", id)
	}
	denied := func(id string) bool { return guard.Must(d.Denied(t.Context(), noon, "", id)) }
	for i := range 3 {
		if err := deny(fmt.Sprint(i), time.Duration(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if deny("3", 9) == nil || denied("3") {
		t.Error("a full denylist took one more")
	}
	if err := deny("0", 5); err != nil { // known, and now the last to go
		t.Error(err)
	}
	now = noon.Add(2 * time.Minute)
	if denied("1") || !denied("2") || !denied("0") {
		t.Error("after 2 minutes")
	}
	if err := deny("3", 9); err != nil || !denied("3") || deny("4", 9) == nil {
		t.Error("an expired ID was not dropped")
	}
	now = noon.Add(4 * time.Minute)
	if !denied("0") || denied("2") {
		t.Error("after 4 minutes")
	}
}

// TestMemoryTwin compares with a map that drops nothing, over random steps.
func TestMemoryTwin(t *testing.T) {
	clock := harness.NewClock()
	d := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: clock.Now}))
	twin := map[string]time.Time{}
	x := uint32(1)
	random := func(n uint32) int { x = x*1664525 + 1013904223; return int(x >> 8 % n) }
	for range 20000 {
		id := fmt.Sprint(random(200))
		switch random(4) {
		case 0:
			clock.Advance(time.Duration(random(4)-1) * time.Second) // back, too
		case 1:
			until := clock.Add(time.Duration(random(300)-10) * time.Second)
			if err := d.Deny(t.Context(), until, "", id); err != nil {
				t.Fatal(err)
			}
			if twin[id].Before(until) {
				twin[id] = until
			}
		default:
			if got, want := guard.Must(d.Denied(t.Context(), noon, "", id)), clock.Before(twin[id]); got != want {
				t.Fatalf("%s is denied: %t; want %t", id, got, want)
			}
		}
	}
}

func TestMemoryMistakes(t *testing.T) {
	if m, err := jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: -1}); m != nil || err == nil || err.Error() != "jwtauth: Max -1 is negative" {
		t.Errorf("%v, %v", m, err)
	}
	m, err := jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: -1, MaxPerSubject: -2})
	if m != nil || err == nil || err.Error() != "jwtauth: Max -1 is negative\njwtauth: MaxPerSubject -2 is negative" {
		t.Errorf("%v, %v", m, err)
	}
}

// Nanoseconds would end in the year 2262, and a time after it would deny nothing.
func TestMemoryTimesFarInTheFuture(t *testing.T) {
	for _, until := range []time.Time{
		time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC),
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<60, 0),
	} {
		clock := harness.NewClock()
		m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: clock.Now}))
		if err := m.Deny(t.Context(), until.Add(jwtauth.MaxLeeway), "", "a"); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if !guard.Must(m.Denied(t.Context(), noon, "", "a")) {
				t.Fatalf("at %v, what is denied until %v is not", clock, until)
			}
			clock.Advance(366 * 24 * time.Hour)
		}
	}
}

// Times are rounded up to milliseconds: no token is accepted before its time.
func TestMemoryRoundsUp(t *testing.T) {
	clock := harness.NewClock()
	m := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: clock.Now}))
	if err := m.Deny(t.Context(), clock.Add(1500*time.Microsecond), "", "a"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		step time.Duration
		want bool
	}{{0, true}, {1499 * time.Microsecond, true}, {501 * time.Microsecond, false}} {
		clock.Advance(tt.step)
		if got := guard.Must(m.Denied(t.Context(), noon, "", "a")); got != tt.want {
			t.Errorf("%v: denied %t; want %t", clock, got, tt.want)
		}
	}
}
