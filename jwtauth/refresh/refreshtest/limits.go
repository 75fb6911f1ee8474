package refreshtest

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// ended: families that have ended never end one that has not, and of a subject, some
// are listed: at least the newest 100.
func ended(t *testing.T, s refresh.Store) {
	const more = 220
	subject := rand.Text()
	alive := start(t, s, subject)
	var list []string
	for i := range more {
		now := time.Now().Truncate(time.Millisecond).Add(time.Duration(i) * time.Second)
		l := login{s, refresh.Family{Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(lifetime), ListedUntil: now.Add(listed)}}
		if ended, err := s.Start(t.Context(), l.Family); err != nil || len(ended) > 0 {
			t.Fatalf("Start ended %d families, %v", len(ended), err)
		}
		l.revoke(t, l.ID)
		list = append(list, l.ID)
	}
	ids := alive.list(t)
	for _, id := range append(list[more-100:], alive.ID) {
		if !slices.Contains(ids, id) {
			t.Fatalf("of %d families, %d are listed, and one of the newest 100 is not", more+1, len(ids))
		}
	}
	if len(ids) > 210 {
		t.Errorf("%d families are listed", len(ids))
	}
	alive.want(t, 1, time.Second, refresh.Rotated)
}

// bounded: the families of a subject are limited, and Start returns
// each family that it ends for a new one: the oldest.
func bounded(t *testing.T, s refresh.Store) {
	const many = 105
	subject, evicted := rand.Text(), map[string]bool{}
	other := start(t, s, rand.Text())
	var logins []login
	for i := range many {
		now := time.Now().Truncate(time.Millisecond).Add(time.Duration(i) * time.Second)
		f := refresh.Family{Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(lifetime), ListedUntil: now.Add(listed)}
		ended, err := s.Start(t.Context(), f)
		if err != nil {
			t.Fatalf("Start: %v", err)
		}
		for _, e := range ended {
			if e.Subject != subject {
				t.Errorf("Start returned a family of %q as one of %q", e.Subject, subject)
			}
			evicted[e.ID] = true
		}
		logins = append(logins, login{s, f})
	}
	if ids := logins[0].list(t); len(ids) != many || len(evicted) == 0 {
		t.Errorf("%d families are listed, and Start ended %d of %d", len(ids), len(evicted), many)
	}
	for i, l := range logins {
		want := refresh.Rotated
		if evicted[l.ID] {
			want = refresh.FamilyUnknown
		}
		if l.want(t, 1, time.Second, want); evicted[l.ID] != (i < len(evicted)) {
			t.Errorf("family %d of %d: ended %t; only the oldest may end", i, many, evicted[l.ID])
		}
	}
	// The new family stays, even if it is the first to expire.
	now := time.Now().Truncate(time.Millisecond)
	short := login{s, refresh.Family{Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(time.Hour), ListedUntil: now.Add(listed)}}
	if ended, err := s.Start(t.Context(), short.Family); err != nil || slices.ContainsFunc(ended, func(e refresh.Family) bool { return e.ID == short.ID }) {
		t.Errorf("Start of one that expires first: %v, %v", ended, err)
	}
	short.want(t, 1, time.Second, refresh.Rotated)
	other.want(t, 1, time.Second, refresh.Rotated)
}
