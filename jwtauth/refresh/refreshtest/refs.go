package refreshtest

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// newFamily returns a login with a Ref that has not begun.
func newFamily(s refresh.Store, subject, ref string) login {
	now := time.Now().Truncate(time.Millisecond)
	return login{s, refresh.Family{
		Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(lifetime), Login: `{"a":1}`, Ref: ref, ListedUntil: now.Add(listed),
	}}
}

func startRef(t *testing.T, s refresh.Store, subject, ref string) login {
	t.Helper()
	l := newFamily(s, subject, ref)
	if ended, err := s.Start(t.Context(), l.Family); err != nil || len(ended) > 0 {
		t.Fatalf("Start ended %d families, %v", len(ended), err)
	}
	return l
}

// revokeRef ends a Ref for an hour, and checks what has ended and what is listed.
func revokeRef(t *testing.T, s refresh.Store, ref, subject string, wantEnded int, want ...login) {
	t.Helper()
	now := time.Now().Truncate(time.Millisecond)
	families, ended, err := s.RevokeRef(t.Context(), refresh.RefRevocation{
		Ref: ref, Subject: subject, Now: now, Until: now.Add(time.Hour), ListedUntil: now.Add(listed),
	})
	var got, ids []string
	for _, f := range families {
		got = append(got, f.Subject+" "+f.ID)
	}
	for _, l := range want {
		ids = append(ids, l.Subject+" "+l.ID)
	}
	slices.Sort(got)
	slices.Sort(ids)
	if err != nil || ended != wantEnded || !slices.Equal(got, ids) {
		t.Errorf("RevokeRef(%.40q, %.40q) listed %q and ended %d, %v; want %q and %d", ref, subject, got, ended, err, ids, wantEnded)
	}
}

// wantRefused checks that a login cannot begin, and leaves nothing.
func wantRefused(t *testing.T, s refresh.Store, subject, ref string, after time.Duration) {
	t.Helper()
	l := newFamily(s, subject, ref)
	l.Started = l.Started.Add(after)
	if _, err := s.Start(t.Context(), l.Family); !errors.Is(err, refresh.ErrEnded) {
		t.Errorf("Start with an ended Ref: %v, want ErrEnded", err)
	}
	l.want(t, 1, time.Second, refresh.FamilyUnknown)
	l.wantLogin(t, "", false)
}

// refs: RevokeRef ends the families with a Ref, whatever happened to them before, and
// refuses new ones, for all subjects or for one.
func refs(t *testing.T, s refresh.Store) {
	ref, a, b := rand.Text(), rand.Text(), rand.Text()
	first, rotated, ended, reused := startRef(t, s, a, ref), startRef(t, s, a, ref), startRef(t, s, a, ref), startRef(t, s, a, ref)
	for generation := range int64(20) {
		rotated.want(t, generation+1, time.Second, refresh.Rotated)
	}
	ended.revoke(t, ended.ID)
	reused.want(t, 1, time.Second, refresh.Rotated)
	reused.want(t, 1, time.Hour, refresh.Reused)
	foreign, other, plain := startRef(t, s, b, ref), startRef(t, s, a, rand.Text()), start(t, s, a)
	longer := startRef(t, s, a+"x", ref)

	for _, n := range []int{2, 0} { // again: the denial of what has ended may have failed
		revokeRef(t, s, ref, a, n, first, rotated, ended, reused)
	}
	first.want(t, 1, 2*time.Second, refresh.FamilyUnknown)
	first.wantLogin(t, "", false)
	rotated.want(t, 21, 2*time.Second, refresh.FamilyUnknown)
	wantRefused(t, s, a, ref, 0)
	wantRefused(t, s, a, ref, time.Hour-time.Minute)
	for _, l := range []login{foreign, longer, other} {
		l.wantLogin(t, `{"a":1}`, true)
		l.want(t, 1, 2*time.Second, refresh.Rotated)
	}
	plain.want(t, 1, 2*time.Second, refresh.Rotated)
	another := startRef(t, s, b, ref)

	revokeRef(t, s, ref, "", 3, first, rotated, ended, reused, foreign, longer, another)
	foreign.want(t, 2, 3*time.Second, refresh.FamilyUnknown)
	longer.want(t, 2, 3*time.Second, refresh.FamilyUnknown)
	another.want(t, 1, 3*time.Second, refresh.FamilyUnknown)
	for _, subject := range []string{a, b, rand.Text()} {
		wantRefused(t, s, subject, ref, 0)
	}
	other.want(t, 2, 3*time.Second, refresh.Rotated)
	plain.want(t, 2, 3*time.Second, refresh.Rotated)
	revokeRef(t, s, other.Ref, b, 0)
	revokeRef(t, s, other.Ref, "", 1, other)

	late := newFamily(s, a, ref) // the store goes by Started
	late.Started = late.Started.Add(time.Hour + time.Minute)
	if _, err := s.Start(t.Context(), late.Family); err != nil {
		t.Errorf("Start an hour later: %v", err)
	}
	late.want(t, 1, time.Second, refresh.Rotated)
}

// refsFirst: a Ref ends before the login that is under way, and not for longer after an
// earlier end that is repeated. Refs and subjects are texts of any bytes, and two.
func refsFirst(t *testing.T, s refresh.Store) {
	ref, subject := rand.Text(), rand.Text()
	revokeRef(t, s, ref, subject, 0)
	wantRefused(t, s, subject, ref, 0)
	startRef(t, s, subject+"x", ref)
	startRef(t, s, subject, ref+subject)
	startRef(t, s, "x"+subject, ref[:len(ref)-1])
	startRef(t, s, subject, "")

	var logins []login
	for _, end := range []string{"", "a", "A", "a ", " a", "á", "a\u0301", "a:b", "{}", "%", "_", "*", "'\"\\", "a\x00b", "a\x00", "\xff", strings.Repeat("x", refresh.MaxStoreRef-30)} {
		logins = append(logins, startRef(t, s, subject+"x", "ref"+ref+end))
	}
	for i, l := range logins {
		revokeRef(t, s, l.Ref, []string{"", l.Subject}[i%2], 1, l)
		wantRefused(t, s, l.Subject, l.Ref, 0)
		for _, other := range logins[i+1:] {
			other.wantLogin(t, `{"a":1}`, true)
		}
	}
}

// refsOfEvicted: a family that Start ended for a new one is listed as well.
func refsOfEvicted(t *testing.T, s refresh.Store) {
	ref, subject := rand.Text(), rand.Text()
	oldest := startRef(t, s, subject, ref)
	for range 250 {
		l := newFamily(s, subject, "")
		l.Expires = l.Expires.Add(time.Second)
		ended, err := s.Start(t.Context(), l.Family)
		if err != nil {
			t.Fatalf("Start: %v", err)
		}
		if len(ended) > 0 {
			revokeRef(t, s, ref, subject, 0, oldest)
			return
		}
	}
	revokeRef(t, s, ref, subject, 1, oldest) // the store limits no subject
}

// refWins: beside RevokeRef, a login is refused or ends, and a refresh revives nothing.
func refWins(t *testing.T, s refresh.Store) {
	for i := range 16 {
		ref, subject := rand.Text(), rand.Text()
		live, late := startRef(t, s, subject, ref), newFamily(s, subject, ref)
		e := refresh.RefRevocation{Ref: ref, Subject: []string{"", subject}[i%2], Now: late.Started, Until: late.Started.Add(time.Hour), ListedUntil: late.ListedUntil}
		var wg sync.WaitGroup
		var started, revoked error
		wg.Go(func() { _, started = s.Start(t.Context(), late.Family) })
		wg.Go(func() { _, _, revoked = s.RevokeRef(t.Context(), e) })
		for generation := range int64(4) {
			wg.Go(func() {
				if _, err := s.Rotate(t.Context(), live.rotation(generation+1, time.Second)); err != nil {
					t.Errorf("Rotate: %v", err)
				}
			})
		}
		wg.Wait()
		if revoked != nil || started != nil && !errors.Is(started, refresh.ErrEnded) {
			t.Fatalf("Start: %v, RevokeRef: %v", started, revoked)
		}
		late.want(t, 1, time.Second, refresh.FamilyUnknown)
		live.want(t, 100, time.Second, refresh.FamilyUnknown)
		wantRefused(t, s, subject, ref, 0)
	}
}
