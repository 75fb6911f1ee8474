// Package passkeytest tests implementations of [passkey.Store], and answers as a browser
// with an authenticator does, for tests of handlers: [Authenticator].
//
//	func TestStore(t *testing.T) {
//		passkeytest.Run(t, func(t *testing.T) passkey.Store { return open(t) })
//	}
package passkeytest

import (
	"crypto/rand"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/signin/passkey"
)

// Run runs each case in a subtest. open returns a store, which need not be empty: no two
// cases use the same accounts and credentials.
func Run(t *testing.T, open func(t *testing.T) passkey.Store) {
	for _, c := range []struct {
		name string
		run  func(suite)
	}{
		{"UserHandle", userHandle}, {"ParallelUserHandles", parallelUserHandles}, {"Add", add}, {"AddOfAnother", addOfAnother},
		{"LongCredential", longCredential}, {"ComparesExactly", comparesExactly}, {"List", list}, {"Use", use}, {"Counters", counters},
		{"ParallelUses", parallelUses}, {"ParallelAdds", parallelAdds}, {"Rename", rename}, {"Remove", remove}, {"OtherAccounts", otherAccounts},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(suite{t, open(t)}) })
	}
}

type suite struct {
	*testing.T
	store passkey.Store
}

func account() string { return "passkeytest-" + rand.Text() }

// newCredential returns one that a store has not.
func newCredential(subject string) passkey.Credential {
	return passkey.Credential{
		ID: "ID_-" + rand.Text(), Subject: subject, UserHandle: encode([]byte(rand.Text())), PublicKey: "pQECAyYgASFY", SignCount: 7,
		BackupEligible: true, Transports: []string{"hybrid", "internal"}, AAGUID: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", Name: "Пасскей ☎",
		Created: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
	}
}

func (s suite) add(c passkey.Credential) passkey.Credential {
	s.Helper()
	if added, err := s.store.Add(s.Context(), c); err != nil || !added {
		s.Fatalf("Add: %t, %v", added, err)
	}
	return c
}

// want fails unless Load returns the credential.
func (s suite) want(want passkey.Credential) {
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
func same(a, b passkey.Credential) bool {
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

// parallel calls f 16 times at once.
func parallel(f func(i int)) {
	var all sync.WaitGroup
	for i := range 16 {
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
	c := newCredential(account())
	s.wantNone(c.ID)
	s.add(c)
	s.want(c)
	c.SignCount, c.BackupEligible, c.BackedUp, c.Transports, c.Name = 1<<32-1, false, false, nil, "a"
	c.ID += "2"
	s.add(c)
	s.want(c)
}

func addOfAnother(s suite) {
	c := s.add(newCredential(account()))
	for _, subject := range []string{c.Subject, account()} {
		again := newCredential(subject)
		again.ID = c.ID
		if added, err := s.store.Add(s.Context(), again); err != nil || added {
			s.Errorf("Add of an ID that is stored: %t, %v", added, err)
		}
		s.want(c)
	}
}

func longCredential(s suite) {
	c := newCredential(account() + strings.Repeat("s", 200))
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
	c := s.add(newCredential(account() + "a"))
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
	var want []passkey.Credential
	for i := range 3 {
		c := newCredential(subject)
		c.Created = c.Created.Add(time.Duration(i) * time.Hour)
		want = append(want, s.add(c))
	}
	s.add(newCredential(account()))
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

func (s suite) use(id string, u passkey.Use, want bool) {
	s.Helper()
	if accepted, err := s.store.Use(s.Context(), id, u); err != nil || accepted != want {
		s.Errorf("Use with %d: %t, %v; want %t", u.SignCount, accepted, err, want)
	}
}

func use(s suite) {
	c := s.add(newCredential(account()))
	u := passkey.Use{SignCount: 8, BackupEligible: false, BackedUp: true, At: c.Created.Add(time.Hour)}
	s.use(c.ID, u, true)
	c.SignCount, c.BackupEligible, c.BackedUp, c.LastUsed = u.SignCount, u.BackupEligible, u.BackedUp, u.At
	s.want(c)
	s.use(c.ID+"x", u, false)
	u.At, u.BackedUp = u.At.Add(time.Hour), false
	s.use(c.ID, u, false) // the same counter changes nothing
	s.want(c)
}

func counters(s suite) {
	for _, step := range []struct {
		stored, count uint32
		want          bool
	}{
		{0, 0, true}, {0, 1, true}, {1, 0, false}, {1, 1, false}, {2, 1, false}, {1, 2, true}, {1<<32 - 2, 1<<32 - 1, true}, {1<<31 + 1, 1, false}, {1<<32 - 1, 0, false},
	} {
		c := newCredential(account())
		c.SignCount = step.stored
		s.add(c)
		s.use(c.ID, passkey.Use{SignCount: step.count, BackupEligible: true, At: c.Created}, step.want)
		if step.want {
			c.SignCount, c.LastUsed = step.count, c.Created
		}
		s.want(c)
	}
}

func parallelUses(s suite) {
	c := s.add(newCredential(account()))
	var accepted atomic.Int32
	parallel(func(int) {
		ok, err := s.store.Use(s.Context(), c.ID, passkey.Use{SignCount: 8, At: c.Created})
		if err != nil {
			s.Error(err)
		}
		if ok {
			accepted.Add(1)
		}
	})
	if accepted.Load() != 1 {
		s.Errorf("%d uses of one counter", accepted.Load())
	}
}

func parallelAdds(s suite) {
	c := newCredential(account())
	var added atomic.Int32
	parallel(func(int) {
		ok, err := s.store.Add(s.Context(), c)
		if err != nil {
			s.Error(err)
		}
		if ok {
			added.Add(1)
		}
	})
	if added.Load() != 1 {
		s.Errorf("%d adds of one ID", added.Load())
	}
}

func rename(s suite) {
	c := s.add(newCredential(account()))
	for _, name := range []string{"blue key", "blue key"} { // again, too
		if found, err := s.store.Rename(s.Context(), c.Subject, c.ID, name); err != nil || !found {
			s.Errorf("Rename: %t, %v", found, err)
		}
	}
	c.Name = "blue key"
	s.want(c)
	for _, of := range [][2]string{{account(), c.ID}, {c.Subject, c.ID + "x"}, {"", c.ID}} {
		if found, err := s.store.Rename(s.Context(), of[0], of[1], "mine"); err != nil || found {
			s.Errorf("Rename of %q: %t, %v", of, found, err)
		}
	}
	s.want(c)
}

func remove(s suite) {
	c := s.add(newCredential(account()))
	for _, of := range [][2]string{{account(), c.ID}, {c.Subject, c.ID + "x"}, {"", c.ID}} {
		if found, err := s.store.Remove(s.Context(), of[0], of[1]); err != nil || found {
			s.Errorf("Remove of %q: %t, %v", of, found, err)
		}
	}
	s.want(c)
	for _, want := range []bool{true, false} {
		if found, err := s.store.Remove(s.Context(), c.Subject, c.ID); err != nil || found != want {
			s.Errorf("Remove: %t, %v; want %t", found, err, want)
		}
	}
	s.wantNone(c.ID)
	s.use(c.ID, passkey.Use{SignCount: 100, At: c.Created}, false)
	s.wantNone(c.ID)
	s.add(c) // the ID is free again
}

func otherAccounts(s suite) {
	a, b := s.add(newCredential(account())), s.add(newCredential(account()))
	if found, err := s.store.Remove(s.Context(), a.Subject, a.ID); err != nil || !found {
		s.Errorf("Remove: %t, %v", found, err)
	}
	s.want(b)
	if l, err := s.store.List(s.Context(), a.Subject); err != nil || len(l) > 0 {
		s.Errorf("List after Remove: %d, %v", len(l), err)
	}
}
