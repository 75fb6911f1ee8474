// Package refreshtest tests implementations of refresh.Store.
//
//	func TestRefreshStore(t *testing.T) {
//		refreshtest.Run(t, func(t *testing.T) refresh.Store { return newStore(t) })
//	}
package refreshtest

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// Run runs all cases, each in its own subtest. open returns a store. It need not
// be empty: every case uses new subjects and IDs. The times in the arguments of
// the store begin at the current time and lie up to 60 days ahead: the store must
// not wait for them.
func Run(t *testing.T, open func(t *testing.T) refresh.Store) {
	t.Run("Steps", func(t *testing.T) { steps(t, open(t)) })
	t.Run("Absent", func(t *testing.T) { absent(t, open(t)) })
	t.Run("Revoke", func(t *testing.T) { revoke(t, open(t)) })
	t.Run("List", func(t *testing.T) { families(t, open(t)) })
	t.Run("Bounded", func(t *testing.T) { bounded(t, open(t)) })
	t.Run("Names", func(t *testing.T) { names(t, open(t)) })
	t.Run("Model", func(t *testing.T) { model(t, open(t)) })
	t.Run("AtOnce", func(t *testing.T) { atOnce(t, open(t)) })
	t.Run("AtOnceWithoutGrace", func(t *testing.T) { atOnceWithoutGrace(t, open(t)) })
	t.Run("RevokeWins", func(t *testing.T) { revokeWins(t, open(t)) })
}

const (
	lifetime = 30 * 24 * time.Hour
	idle     = 24 * time.Hour
	grace    = 10 * time.Second
)

// A login is one family in a store under test.
type login struct {
	store refresh.Store
	refresh.Family
}

func start(t *testing.T, s refresh.Store, subject string) login {
	t.Helper()
	now := time.Now().Truncate(time.Millisecond)
	f := refresh.Family{Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(lifetime)}
	if ended, err := s.Start(t.Context(), f); err != nil || len(ended) > 0 {
		t.Fatalf("Start: %q, %v", ended, err)
	}
	return login{s, f}
}

// rotation returns the use of a generation at a time after the start.
func (l login) rotation(generation int64, at time.Duration) refresh.Rotation {
	return refresh.Rotation{
		Subject: l.Subject, ID: l.ID, Generation: generation,
		Now: l.Started.Add(at), Grace: grace, Idle: idle,
	}
}

func (l login) rotate(t *testing.T, r refresh.Rotation) refresh.Result {
	t.Helper()
	got, err := l.store.Rotate(t.Context(), r)
	if err != nil {
		t.Fatalf("Rotate: %v", err)
	}
	return got
}

func (l login) want(t *testing.T, generation int64, at time.Duration, want refresh.Result) {
	t.Helper()
	if got := l.rotate(t, l.rotation(generation, at)); got != want {
		t.Errorf("generation %d after %v: %s, want %s", generation, at, name(got), name(want))
	}
}

func name(r refresh.Result) string {
	names := []string{"FamilyUnknown", "Rotated", "Repeated", "Reused"}
	if r < 0 || int(r) >= len(names) {
		return "not a result"
	}
	return names[r]
}

func absent(t *testing.T, s refresh.Store) {
	l := login{s, refresh.Family{Subject: rand.Text(), ID: rand.Text(), Started: time.Now().Truncate(time.Millisecond)}}
	l.want(t, 1, 0, refresh.FamilyUnknown)
	l.want(t, 1, 0, refresh.FamilyUnknown) // Rotate does not create a family
	if err := s.Revoke(t.Context(), l.Subject, l.ID); err != nil {
		t.Errorf("Revoke: %v", err)
	}
	if ids, err := s.List(t.Context(), l.Subject); err != nil || len(ids) != 0 {
		t.Errorf("List: %q, %v", ids, err)
	}
}

func revoke(t *testing.T, s refresh.Store) {
	subject := rand.Text()
	l, other := start(t, s, subject), start(t, s, subject)
	l.want(t, 1, time.Second, refresh.Rotated)
	foreign := l
	foreign.Subject = rand.Text()
	foreign.want(t, 2, time.Second, refresh.FamilyUnknown)
	if err := s.Revoke(t.Context(), foreign.Subject, l.ID); err != nil {
		t.Errorf("Revoke: %v", err)
	}
	l.want(t, 2, 2*time.Second, refresh.Rotated) // a Revoke for another subject has no effect
	for range 2 {
		if err := s.Revoke(t.Context(), subject, l.ID); err != nil {
			t.Errorf("Revoke: %v", err)
		}
		l.want(t, 2, 3*time.Second, refresh.FamilyUnknown)
		l.want(t, 3, 3*time.Second, refresh.FamilyUnknown)
	}
	other.want(t, 1, 3*time.Second, refresh.Rotated)
}

func families(t *testing.T, s refresh.Store) {
	subject := rand.Text()
	var logins []login
	var want []string
	for range 5 {
		l := start(t, s, subject)
		logins, want = append(logins, l), append(want, l.ID)
	}
	logins[0].want(t, 1, time.Second, refresh.Rotated)
	if err := s.Revoke(t.Context(), subject, logins[4].ID); err != nil {
		t.Fatalf("Revoke: %v", err)
	}
	want = want[:4]
	other := start(t, s, rand.Text())
	ids, err := s.List(t.Context(), subject)
	slices.Sort(ids)
	slices.Sort(want)
	if err != nil || !slices.Equal(ids, want) {
		t.Errorf("List: %q, %v; want %q", ids, err, want)
	}
	if err := s.Revoke(t.Context(), subject); err != nil { // none
		t.Errorf("Revoke of none: %v", err)
	}
	logins[1].want(t, 1, time.Second, refresh.Rotated)
	if err := s.Revoke(t.Context(), subject, append(ids, rand.Text(), other.ID)...); err != nil {
		t.Errorf("Revoke: %v", err)
	}
	for _, l := range logins {
		l.want(t, 1, 2*time.Second, refresh.FamilyUnknown)
		l.want(t, 2, 2*time.Second, refresh.FamilyUnknown)
	}
	other.want(t, 1, 2*time.Second, refresh.Rotated)
	if ids, err := s.List(t.Context(), subject); err != nil || len(ids) != 0 {
		t.Errorf("List again: %q, %v", ids, err)
	}
	start(t, s, subject).want(t, 1, time.Second, refresh.Rotated) // new logins are possible
}

// bounded: the families of a subject are limited, and Start returns the ID of
// each family that it ends for a new one: the oldest.
func bounded(t *testing.T, s refresh.Store) {
	const many = 105
	subject, evicted := rand.Text(), map[string]bool{}
	other := start(t, s, rand.Text())
	var logins []login
	for i := range many {
		now := time.Now().Truncate(time.Millisecond).Add(time.Duration(i) * time.Second)
		f := refresh.Family{Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(lifetime)}
		ended, err := s.Start(t.Context(), f)
		if err != nil {
			t.Fatalf("Start: %v", err)
		}
		for _, id := range ended {
			evicted[id] = true
		}
		logins = append(logins, login{s, f})
	}
	ids, err := s.List(t.Context(), subject)
	if err != nil || len(ids)+len(evicted) != many || len(ids) == many {
		t.Errorf("%d families, %v, and %d that Start ended", len(ids), err, len(evicted))
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
	short := login{s, refresh.Family{Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(time.Hour)}}
	if ended, err := s.Start(t.Context(), short.Family); err != nil || slices.Contains(ended, short.ID) {
		t.Errorf("Start of one that expires first: %q, %v", ended, err)
	}
	short.want(t, 1, time.Second, refresh.Rotated)
	other.want(t, 1, time.Second, refresh.Rotated)
}

// names: different subjects stay different, even those that databases compare as
// equal.
func names(t *testing.T, s refresh.Store) {
	u := rand.Text()
	subjects := []string{
		u + "x", u + "X", u + "x ", u + " x", u + "x\x00", u + "x:y", u + "{x}", u + "ä", u + "a\u0308", u + "%", u + "_", u + "'", u + `\`,
		u + strings.Repeat("y", 998), u + strings.Repeat("y", 997) + "z", u + strings.Repeat("\u20ac", 332),
	}
	var logins []login
	for _, subject := range subjects {
		logins = append(logins, start(t, s, subject))
	}
	for i, l := range logins {
		ids, err := s.List(t.Context(), l.Subject)
		if err != nil || len(ids) != 1 || ids[0] != l.ID {
			t.Fatalf("List(%.40q): %q, %v; want %q", l.Subject, ids, err, l.ID)
		}
		if err := s.Revoke(t.Context(), l.Subject, ids...); err != nil {
			t.Fatalf("Revoke(%.40q): %v", l.Subject, err)
		}
		l.want(t, 1, time.Second, refresh.FamilyUnknown)
		for _, other := range logins[i+1:] {
			other.want(t, 1, time.Second, []refresh.Result{refresh.Rotated, refresh.Repeated}[min(i, 1)])
		}
	}
}
