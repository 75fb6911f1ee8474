package refresh_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/jwtauth/refresh/refreshtest"
)

func TestMemory(t *testing.T) {
	refreshtest.Run(t, func(*testing.T) refresh.Store { return guard.Must(refresh.NewMemory(nil)) })
}

// TestMemoryIsBounded: at a limit, the oldest family ends, that of the subject
// first.
func TestMemoryIsBounded(t *testing.T) {
	m := guard.Must(refresh.NewMemory(&refresh.MemoryOptions{Max: 4, MaxPerSubject: 2}))
	begin := time.Unix(1_700_000_000, 0)
	ctx := context.Background()
	alive := func(subject, id string, at time.Time) bool {
		got, _ := m.Rotate(ctx, refresh.Rotation{Subject: subject, ID: id, Generation: 1, Now: at, Idle: time.Hour})
		return got == refresh.Rotated
	}
	start := func(subject string, n int) {
		now := begin.Add(time.Duration(n) * time.Second)
		_, _ = m.Start(ctx, refresh.Family{Subject: subject, ID: fmt.Sprint(subject, n), Started: now, Expires: now.Add(time.Minute)})
	}
	start("a", 1)
	start("a", 2)
	start("a", 3) // a1 ends
	if alive("a", "a1", begin) {
		t.Error("a third family of a subject left the first alive")
	}
	start("b", 4)
	start("c", 5)
	start("d", 6) // a2 ends: it is the oldest
	if alive("a", "a2", begin) {
		t.Error("a fifth family left the oldest alive")
	}
	for _, id := range []string{"a3", "b4", "c5", "d6"} {
		if !alive(id[:1], id, begin.Add(6*time.Second)) {
			t.Errorf("%s is not alive", id)
		}
	}
	start("e", 64) // all but c5 and d6 have expired
	for id, want := range map[string]bool{"a3": false, "b4": false} {
		if ids, _ := m.List(ctx, id[:1]); (len(ids) > 0) != want {
			t.Errorf("%s: %q", id, ids)
		}
	}
}

// TestNewMemoryReportsMistakes: a negative limit is an error, never the default.
func TestNewMemoryReportsMistakes(t *testing.T) {
	m, err := refresh.NewMemory(&refresh.MemoryOptions{Max: -1, MaxPerSubject: -2})
	if m != nil || err == nil {
		t.Fatalf("NewMemory: %v, %v; want an error", m, err)
	}
	for _, want := range []string{"Max -1 is negative", "MaxPerSubject -2 is negative"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("NewMemory: %q; want %q in it", err, want)
		}
	}
}

func TestMemoryLogouts(t *testing.T) {
	refreshtest.Logouts(t, guard.Must(refresh.NewMemory(nil)), guard.Must(jwtauth.NewMemory(nil)), 2000)
}

// TestMemoryRemovesFewAtOnce: where many families have expired, a Start removes some of
// them, so that no request waits for all, and more than it adds.
func TestMemoryRemovesFewAtOnce(t *testing.T) {
	m := guard.Must(refresh.NewMemory(nil))
	begin := time.Unix(1_700_000_000, 0)
	start := func(subject string, at time.Time) {
		_, _ = m.Start(t.Context(), refresh.Family{Subject: subject, ID: subject, Started: at, Expires: at.Add(time.Minute)})
	}
	listed := func() (n int) {
		for i := range 100 {
			ids, _ := m.List(t.Context(), fmt.Sprint("old", i))
			n += len(ids)
		}
		return n
	}
	for i := range 100 {
		start(fmt.Sprint("old", i), begin)
	}
	for i, want := range []int{84, 68, 52, 36, 20, 4, 0} {
		start(fmt.Sprint("new", i), begin.Add(time.Minute))
		if got := listed(); got != want {
			t.Errorf("after %d logins, %d expired families are listed, want %d", i+1, got, want)
		}
	}
}
