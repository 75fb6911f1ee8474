// Package credentialtest tests implementations of [credential.Store].
//
//	func TestStore(t *testing.T) {
//		credentialtest.Run(t, func(t *testing.T) credential.Store { return open(t) })
//	}
package credentialtest

import (
	"crypto/rand"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/credential"
)

// Run runs each case in a subtest. open returns a store, which need not be empty: no two
// cases use the same accounts and credentials.
func Run(t *testing.T, open func(t *testing.T) credential.Store) {
	for _, c := range []struct {
		name string
		run  func(suite)
		rule string // what a store that fails it does not keep
	}{
		{"UserHandle", userHandle, "the first candidate of an account is its user handle from then on"},
		{"ParallelUserHandles", parallelUserHandles, "of candidates at once, one becomes the user handle, and each call returns it"},
		{"Add", add, "Add stores each field, and Load returns it"},
		{"AddOfAnother", addOfAnother, "Add of an ID that is stored is false and changes nothing, for any account"},
		{"LongRecord", longRecord, "an ID of 1364 bytes, a key of 1500 and 8 transports are stored as they are"},
		{"ComparesExactly", comparesExactly, "IDs and subjects are compared as bytes, without a collation"},
		{"List", list, "List returns the credentials of one account, the oldest first"},
		{"Use", use, "an accepted Use stores its counter, flags and time; one that is not accepted, or of an unknown ID, changes nothing"},
		{"UseAgain", useAgain, "without a counter, a Use that changes no column is accepted too"},
		{"Counters", counters, "a counter must be greater than the stored one, unsigned, or both are 0"},
		{"ParallelUses", parallelUses, "of Uses of one counter at once, one is accepted"},
		{"ParallelCounters", parallelCounters, "of counters at once, the highest is accepted and stored"},
		{"ParallelAdds", parallelAdds, "of Adds of one ID at once, one is true"},
		{"Rename", rename, "Rename finds a credential of its account alone, also if the name is the same"},
		{"Remove", remove, "Remove finds a credential of its account alone, and Use does not bring it back"},
		{"OtherAccounts", otherAccounts, "Remove leaves the credentials of other accounts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Rule(t, c.rule)
			c.run(suite{t, open(t)})
		})
	}
}

type suite struct {
	*testing.T
	store credential.Store
}

func account() string { return "credentialtest-" + rand.Text() }

// newRecord returns one that a store has not.
func newRecord(subject string) credential.Record {
	return credential.Record{
		ID: "ID_-" + rand.Text(), Subject: subject, UserHandle: rand.Text(), PublicKey: "pQECAyYgASFY", SignCount: 7,
		BackupEligible: true, Transports: []string{"hybrid", "internal"}, AAGUID: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", Name: "Пасскей ☎",
		Created: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
	}
}

func (s suite) add(c credential.Record) credential.Record {
	s.Helper()
	if added, err := s.store.Add(s.Context(), c); err != nil || !added {
		s.Fatalf("Add: %t, %v", added, err)
	}
	return c
}

// want fails unless Load returns the credential.
func (s suite) want(want credential.Record) {
	s.Helper()
	got, found, err := s.store.Load(s.Context(), want.ID)
	if err != nil || !found || !same(got, want) {
		s.Errorf("Load: %+v, %t, %v; want %+v", got, found, err, want)
	}
}

func (s suite) wantNone(id string) {
	s.Helper()
	if c, found, err := s.store.Load(s.Context(), id); err != nil || found {
		s.Errorf("Load: %+v, %t, %v; want none", c, found, err)
	}
}

// same compares with whole seconds, which a store may round to.
func same(a, b credential.Record) bool {
	times := a.Created.Unix() == b.Created.Unix() && a.LastUsed.IsZero() == b.LastUsed.IsZero() && (a.LastUsed.IsZero() || a.LastUsed.Unix() == b.LastUsed.Unix())
	a.Created, a.LastUsed, b.Created, b.LastUsed = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	if len(a.Transports) == 0 && len(b.Transports) == 0 {
		a.Transports, b.Transports = nil, nil
	}
	return times && reflect.DeepEqual(a, b)
}

func userHandle(s suite) {
	subject, other := account(), account()
	for _, c := range []struct{ subject, candidate, want string }{
		{subject, "one", "one"}, {subject, "two", "one"}, {other, "three", "three"}, {subject, "four", "one"},
	} {
		if got, err := s.store.UserHandle(s.Context(), c.subject, c.candidate); err != nil || got != c.want {
			s.Errorf("UserHandle: %q, %v; want %q", got, err, c.want)
		}
	}
}

// parallel calls f 64 times at once.
func parallel(f func(i int)) {
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

func parallelUserHandles(s suite) {
	subject := account()
	var handles sync.Map
	parallel(func(int) {
		h, err := s.store.UserHandle(s.Context(), subject, rand.Text())
		if err != nil {
			s.Error(err)
		}
		handles.Store(h, true)
	})
	n := 0
	handles.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		s.Errorf("%d user handles of one account", n)
	}
}

func add(s suite) {
	c := newRecord(account())
	s.wantNone(c.ID)
	s.add(c)
	s.want(c)
	c.SignCount, c.BackupEligible, c.BackedUp, c.Transports, c.Name = 1<<32-1, false, false, nil, "a"
	c.ID += "2"
	s.add(c)
	s.want(c)
}

func addOfAnother(s suite) {
	c := s.add(newRecord(account()))
	for _, subject := range []string{c.Subject, account()} {
		again := newRecord(subject)
		again.ID = c.ID
		if added, err := s.store.Add(s.Context(), again); err != nil || added {
			s.Errorf("Add of an ID that is stored: %t, %v", added, err)
		}
		s.want(c)
	}
}

func longRecord(s suite) {
	c := newRecord(account() + strings.Repeat("s", 200))
	c.ID += strings.Repeat("i", 1364-len(c.ID))
	c.UserHandle, c.PublicKey, c.Name = strings.Repeat("h", 86), strings.Repeat("k", 1500), strings.Repeat("n", 64)
	c.Transports = strings.Split(strings.Repeat(strings.Repeat("t", 15)+" ", 8), " ")[:8]
	for i := range c.Transports {
		c.Transports[i] += string(rune('a' + i))
	}
	s.add(c)
	s.want(c)
}

func comparesExactly(s suite) {
	c := s.add(newRecord(account() + "a"))
	for _, id := range []string{strings.ToLower(c.ID), strings.ToUpper(c.ID) + "x", c.ID + " ", c.ID[:len(c.ID)-1]} {
		s.wantNone(id)
	}
	for _, subject := range []string{strings.ToUpper(c.Subject), c.Subject + " ", c.Subject[:len(c.Subject)-1] + "á"} {
		if l, err := s.store.List(s.Context(), subject); err != nil || len(l) > 0 {
			s.Errorf("List of %q: %d, %v", subject, len(l), err)
		}
		if found, err := s.store.Remove(s.Context(), subject, c.ID); err != nil || found {
			s.Errorf("Remove by %q: %t, %v", subject, found, err)
		}
	}
	s.want(c)
}

func list(s suite) {
	subject := account()
	var want []credential.Record
	for i := range 3 {
		c := newRecord(subject)
		c.Created = c.Created.Add(time.Duration(i) * time.Hour)
		want = append(want, s.add(c))
	}
	s.add(newRecord(account()))
	got, err := s.store.List(s.Context(), subject)
	if err != nil || len(got) != len(want) {
		s.Fatalf("List: %d, %v", len(got), err)
	}
	for i := range got {
		if !same(got[i], want[i]) {
			s.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
}
