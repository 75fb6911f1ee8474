package credentialtest

import (
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/signin/credential"
)

func (s suite) use(id string, u credential.Use, want bool) {
	s.Helper()
	if accepted, err := s.store.Use(s.Context(), id, u); err != nil || accepted != want {
		s.Errorf("Use with %d: %t, %v; want %t", u.SignCount, accepted, err, want)
	}
}

func use(s suite) {
	c := s.add(newRecord(account()))
	u := credential.Use{SignCount: 8, BackupEligible: false, BackedUp: true, At: c.Created.Add(time.Hour)}
	s.use(c.ID, u, true)
	c.SignCount, c.BackupEligible, c.BackedUp, c.LastUsed = u.SignCount, u.BackupEligible, u.BackedUp, u.At
	s.want(c)
	s.use(c.ID+"x", u, false)
	u.At, u.BackedUp = u.At.Add(time.Hour), false
	s.use(c.ID, u, false) // the same counter changes nothing
	s.want(c)
}

// useAgain: without a counter, two sign-ins of one moment are two, also where a database
// does not count a row that an UPDATE left as it was.
func useAgain(s suite) {
	r := newRecord(account())
	r.SignCount = 0
	s.add(r)
	for range 2 {
		s.use(r.ID, credential.Use{BackupEligible: true, At: r.Created}, true)
	}
	r.LastUsed = r.Created
	s.want(r)
}

func counters(s suite) {
	for _, step := range []struct {
		stored, count uint32
		want          bool
	}{
		{0, 0, true}, {0, 1, true}, {1, 0, false}, {1, 1, false}, {2, 1, false}, {1, 2, true}, {1<<32 - 2, 1<<32 - 1, true}, {1<<31 + 1, 1, false}, {1<<32 - 1, 0, false},
	} {
		c := newRecord(account())
		c.SignCount = step.stored
		s.add(c)
		s.use(c.ID, credential.Use{SignCount: step.count, BackupEligible: true, At: c.Created}, step.want)
		if step.want {
			c.SignCount, c.LastUsed = step.count, c.Created
		}
		s.want(c)
	}
}

func parallelUses(s suite) {
	c := s.add(newRecord(account()))
	var accepted atomic.Int32
	parallel(func(int) {
		ok, err := s.store.Use(s.Context(), c.ID, credential.Use{SignCount: 8, At: c.Created})
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

// parallelCounters: of counters at once the highest is stored, and was accepted. Each that was accepted
// was greater than those before it.
func parallelCounters(s suite) {
	c := s.add(newRecord(account()))
	var highest atomic.Bool
	parallel(func(i int) {
		ok, err := s.store.Use(s.Context(), c.ID, credential.Use{SignCount: 8 + uint32(i), BackupEligible: true, At: c.Created})
		if err != nil {
			s.Error(err)
		}
		if ok && i == 63 {
			highest.Store(true)
		}
	})
	if !highest.Load() {
		s.Error("the highest counter was refused")
	}
	c.SignCount, c.LastUsed = 8+63, c.Created
	s.want(c)
}

func parallelAdds(s suite) {
	c := newRecord(account())
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
	c := s.add(newRecord(account()))
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
	c := s.add(newRecord(account()))
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
	s.use(c.ID, credential.Use{SignCount: 100, At: c.Created}, false)
	s.wantNone(c.ID)
	s.add(c) // the ID is free again
}

func otherAccounts(s suite) {
	a, b := s.add(newRecord(account())), s.add(newRecord(account()))
	if found, err := s.store.Remove(s.Context(), a.Subject, a.ID); err != nil || !found {
		s.Errorf("Remove: %t, %v", found, err)
	}
	s.want(b)
	if l, err := s.store.List(s.Context(), a.Subject); err != nil || len(l) > 0 {
		s.Errorf("List after Remove: %d, %v", len(l), err)
	}
}
