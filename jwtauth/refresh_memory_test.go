package jwtauth_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refreshtest"
)

func TestRefreshMemory(t *testing.T) {
	refreshtest.Run(t, func(*testing.T) jwtauth.RefreshStore { return jwtauth.NewRefreshMemory(nil) })
}

// TestRefreshMemoryIsBounded: the oldest make room, of the subject first.
func TestRefreshMemoryIsBounded(t *testing.T) {
	m := jwtauth.NewRefreshMemory(&jwtauth.RefreshMemoryOptions{Max: 4, PerSubject: 2})
	begin := time.Unix(1_700_000_000, 0)
	ctx := context.Background()
	alive := func(subject, id string, at time.Time) bool {
		got, _ := m.Rotate(ctx, jwtauth.Rotation{Subject: subject, ID: id, Generation: 1, Now: at, Idle: time.Hour})
		return got == jwtauth.Rotated
	}
	start := func(subject string, n int) {
		now := begin.Add(time.Duration(n) * time.Second)
		_, _ = m.Start(ctx, jwtauth.Family{Subject: subject, ID: fmt.Sprint(subject, n), Started: now, Expires: now.Add(time.Minute)})
	}
	start("a", 1)
	start("a", 2)
	start("a", 3) // a1 makes room
	if alive("a", "a1", begin) {
		t.Error("a third family of a subject left the first alive")
	}
	start("b", 4)
	start("c", 5)
	start("d", 6) // a2 makes room: it is the oldest
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
		if ids, _ := m.Families(ctx, id[:1]); (len(ids) > 0) != want {
			t.Errorf("%s: %q", id, ids)
		}
	}
}
