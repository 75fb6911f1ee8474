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
	t.Run("Many", func(t *testing.T) { many(t, open(t)) })
	t.Run("Login", func(t *testing.T) { storedLogin(t, open(t)) })
	t.Run("Absent", func(t *testing.T) { absent(t, open(t)) })
	t.Run("Revoke", func(t *testing.T) { revoke(t, open(t)) })
	t.Run("List", func(t *testing.T) { families(t, open(t)) })
	t.Run("Bounded", func(t *testing.T) { bounded(t, open(t)) })
	t.Run("Ended", func(t *testing.T) { ended(t, open(t)) })
	t.Run("Names", func(t *testing.T) { names(t, open(t)) })
	t.Run("Model", func(t *testing.T) { model(t, open(t)) })
	t.Run("AtOnce", func(t *testing.T) { atOnce(t, open(t)) })
	t.Run("AtOnceWithoutGrace", func(t *testing.T) { atOnceWithoutGrace(t, open(t)) })
	t.Run("RevokeWins", func(t *testing.T) { revokeWins(t, open(t)) })
	t.Run("Refs", func(t *testing.T) { refs(t, open(t)) })
	t.Run("RefsFirst", func(t *testing.T) { refsFirst(t, open(t)) })
	t.Run("RefsOfEvicted", func(t *testing.T) { refsOfEvicted(t, open(t)) })
	t.Run("RefWins", func(t *testing.T) { refWins(t, open(t)) })
}

const (
	lifetime = 30 * 24 * time.Hour
	idle     = 24 * time.Hour
	grace    = 10 * time.Second
	listed   = 2 * time.Hour
)

// A login is one family in a store under test.
type login struct {
	store refresh.Store
	refresh.Family
}

func start(t *testing.T, s refresh.Store, subject string) login {
	t.Helper()
	now := time.Now().Truncate(time.Millisecond)
	f := refresh.Family{Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(lifetime), ListedUntil: now.Add(listed)}
	if ended, err := s.Start(t.Context(), f); err != nil || len(ended) > 0 {
		t.Fatalf("Start ended %d families, %v", len(ended), err)
	}
	return login{s, f}
}

// list returns the listed families of l's subject.
func (l login) list(t *testing.T) []string {
	t.Helper()
	ids, err := l.store.List(t.Context(), l.Subject)
	if err != nil {
		t.Errorf("List: %v", err)
	}
	slices.Sort(ids)
	return ids
}

// revoke ends families of l's subject.
func (l login) revoke(t *testing.T, ids ...string) {
	t.Helper()
	if err := l.store.Revoke(t.Context(), l.Subject, l.ListedUntil, ids...); err != nil {
		t.Errorf("Revoke: %v", err)
	}
}

// rotation returns the use of a generation at a time after the start.
func (l login) rotation(generation int64, at time.Duration) refresh.Rotation {
	return refresh.Rotation{
		Subject: l.Subject, ID: l.ID, Generation: generation,
		Now: l.Started.Add(at), Grace: grace, Idle: idle, ListedUntil: l.Started.Add(at + listed),
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
	names := []string{"FamilyUnknown", "Rotated", "Repeated", "Superseded", "Reused"}
	if r < 0 || int(r) >= len(names) {
		return "not a result"
	}
	return names[r]
}

func absent(t *testing.T, s refresh.Store) {
	l := login{s, refresh.Family{Subject: rand.Text(), ID: rand.Text(), Started: time.Now().Truncate(time.Millisecond)}}
	l.want(t, 1, 0, refresh.FamilyUnknown)
	l.want(t, 1, 0, refresh.FamilyUnknown) // Rotate does not create a family
	l.revoke(t, l.ID)
	l.wantLogin(t, "", false)
	if ids := l.list(t); len(ids) != 0 {
		t.Errorf("List: %q", ids)
	}
}

func (l login) wantLogin(t *testing.T, want string, wantFound bool) {
	t.Helper()
	got, found, err := l.store.Load(t.Context(), l.Subject, l.ID)
	if got != want || found != wantFound || err != nil {
		t.Errorf("Load: %.40q, %t, %v; want %.40q, %t", got, found, err, want, wantFound)
	}
}

// storedLogin: the Login of a family stays as it is until the family ends.
func storedLogin(t *testing.T, s refresh.Store) {
	for _, text := range []string{"", `{"tenant":"ä","n":9007199254740993}`, strings.Repeat("x", refresh.MaxLogin), "\x00,'\\"} {
		now := time.Now().Truncate(time.Millisecond)
		l := login{s, refresh.Family{
			Subject: rand.Text(), ID: rand.Text(), Started: now, Expires: now.Add(lifetime), Login: text, ListedUntil: now.Add(listed),
		}}
		if _, err := s.Start(t.Context(), l.Family); err != nil {
			t.Fatalf("Start: %v", err)
		}
		foreign := l
		foreign.Subject = rand.Text()
		foreign.wantLogin(t, "", false)
		for generation := range int64(4) {
			l.wantLogin(t, text, true)
			l.want(t, generation+1, time.Second, refresh.Rotated)
		}
		l.want(t, 2, time.Second, refresh.Superseded)
		l.wantLogin(t, text, true)
		l.want(t, 2, time.Hour, refresh.Reused)
		l.wantLogin(t, "", false)
		other := start(t, s, l.Subject)
		other.wantLogin(t, "", true)
		other.revoke(t, other.ID)
		other.wantLogin(t, "", false)
	}
}

func revoke(t *testing.T, s refresh.Store) {
	subject := rand.Text()
	l, other := start(t, s, subject), start(t, s, subject)
	l.want(t, 1, time.Second, refresh.Rotated)
	foreign := l
	foreign.Subject = rand.Text()
	foreign.want(t, 2, time.Second, refresh.FamilyUnknown)
	foreign.revoke(t, l.ID)
	l.want(t, 2, 2*time.Second, refresh.Rotated) // a Revoke for another subject has no effect
	for range 2 {
		l.revoke(t, l.ID)
		l.want(t, 2, 3*time.Second, refresh.FamilyUnknown)
		l.want(t, 3, 3*time.Second, refresh.FamilyUnknown)
	}
	other.want(t, 1, 3*time.Second, refresh.Rotated)
}

// families: List returns the families of a subject, also those that have ended, in
// whatever way.
func families(t *testing.T, s refresh.Store) {
	subject := rand.Text()
	var logins []login
	var want []string
	for range 5 {
		l := start(t, s, subject)
		logins, want = append(logins, l), append(want, l.ID)
	}
	slices.Sort(want)
	check := func() {
		t.Helper()
		if ids := logins[0].list(t); !slices.Equal(ids, want) {
			t.Errorf("List: %q; want %q", ids, want)
		}
	}
	other := start(t, s, rand.Text())
	check()
	logins[0].want(t, 1, time.Second, refresh.Rotated)
	logins[0].revoke(t, logins[4].ID)
	logins[0].revoke(t) // none
	logins[3].want(t, 1, time.Second, refresh.Rotated)
	logins[3].want(t, 1, time.Minute, refresh.Reused)
	logins[2].want(t, 1, idle, refresh.FamilyUnknown)
	check()
	logins[1].want(t, 1, time.Second, refresh.Rotated)
	logins[1].revoke(t, append(slices.Clone(want), rand.Text(), other.ID)...)
	for _, l := range logins {
		l.want(t, 1, 2*time.Second, refresh.FamilyUnknown)
		l.want(t, 2, 2*time.Second, refresh.FamilyUnknown)
	}
	check()
	other.want(t, 1, 2*time.Second, refresh.Rotated)
	start(t, s, subject).want(t, 1, time.Second, refresh.Rotated) // new logins are possible
}

// names: different subjects stay different, even those that databases compare as
// equal.
func names(t *testing.T, s refresh.Store) {
	u := rand.Text()
	subjects := []string{
		u + "x", u + "X", u + "x ", u + " x", u + "x\x00", u + "x:y", u + "{x}", u + "ä", u + "a\u0308", u + "%", u + "_", u + "'", u + `\`,
		u + strings.Repeat("y", 1014), u + strings.Repeat("y", 1013) + "z", u + strings.Repeat("\u20ac", 338),
	}
	var logins []login
	for _, subject := range subjects {
		logins = append(logins, start(t, s, subject))
	}
	for i, l := range logins {
		ids := l.list(t)
		if len(ids) != 1 || ids[0] != l.ID {
			t.Fatalf("List(%.40q): %q; want %q", l.Subject, ids, l.ID)
		}
		l.revoke(t, ids...)
		l.want(t, 1, time.Second, refresh.FamilyUnknown)
		for _, other := range logins[i+1:] {
			other.want(t, 1, time.Second, []refresh.Result{refresh.Rotated, refresh.Repeated}[min(i, 1)])
		}
	}
}
