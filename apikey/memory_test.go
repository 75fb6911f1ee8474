package apikey_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
	"github.com/go-guard/guard/internal/testing/harness"
)

func TestMemory(t *testing.T) {
	apikeytest.Run(t, func(*testing.T) apikey.Store { return guard.Must(apikey.NewMemory(nil)) })
}

func TestNewMemoryErrors(t *testing.T) {
	m, err := apikey.NewMemory(&apikey.MemoryOptions{Max: -1})
	if err == nil || m != nil || !strings.Contains(err.Error(), "Max is negative: -1") {
		t.Error(err)
	}
}

// A full Memory refuses new records while all are valid. Of those that have ended, of
// whatever subject, the one that ended first makes room.
func TestMemoryIsBounded(t *testing.T) {
	const n = 1000
	c := harness.NewClock()
	m := guard.Must(apikey.NewMemory(&apikey.MemoryOptions{Max: n, Now: c.Now}))
	insert := func(i int, expires time.Time) error {
		ok, err := m.Insert(t.Context(), apikey.Entry{Record: apikey.Record{ID: fmt.Sprint(i), Subject: fmt.Sprint(i % 10), ExpiresAt: expires}}, n)
		if ok != (err == nil) {
			t.Errorf("Insert(%d) = %t, %v", i, ok, err)
		}
		return err
	}
	for i := range n {
		expires := time.Time{}
		if i < 30 { // a day apart
			expires = c.Add(time.Duration(30-i) * 24 * time.Hour)
		}
		if err := insert(i, expires); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := insert(n, time.Time{}); !errors.Is(err, apikey.ErrFull) {
		t.Errorf("Insert into a full store: %v", err)
	}
	if ok, err := m.Revoke(t.Context(), "0", c.Time); !ok || err != nil { // the last to expire
		t.Fatal(ok, err)
	}
	c.Advance(24 * time.Hour) // 29 has expired
	for i := range 3 {
		if err := insert(n+i, time.Time{}); (err == nil) != (i < 2) {
			t.Fatalf("Insert %d after two ended: %v", i, err)
		}
	}
	c.Advance(apikey.Retention + 24*time.Hour) // 28 may be forgotten, and the others have expired
	for i := range 29 {
		if err := insert(2*n+i, time.Time{}); (err == nil) != (i < 28) {
			t.Fatalf("Insert %d after 28 expired: %v", i, err)
		}
	}
	for id, want := range map[string]bool{"0": false, "1": false, "29": false, "30": true, "999": true, "1001": true, "2027": true, "2028": false} {
		if _, found, _ := m.Load(t.Context(), id); found != want {
			t.Errorf("record %s: found %t, want %t", id, found, want)
		}
	}
}

// TestRevokedKeysOfOneSubjectDoNotFillAMemory: keys that are issued and revoked in a
// loop, by any number of subjects, keep no one from a key.
func TestRevokedKeysOfOneSubjectDoNotFillAMemory(t *testing.T) {
	m := guard.Must(apikey.NewMemory(&apikey.MemoryOptions{Max: 50}))
	ring, _ := newRing(t, apikey.RingOptions{Store: m, MaxPerSubject: 20})
	for i := range 500 {
		_, rec := issue(t, ring, apikey.Grant{Subject: fmt.Sprint("attacker", i%5)})
		if _, err := ring.Revoke(t.Context(), rec.ID); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		issue(t, ring, apikey.Grant{Subject: "alice"})
	}
	if list, err := ring.List(t.Context(), "alice"); len(list) != 20 || err != nil {
		t.Errorf("alice has %d keys, %v", len(list), err)
	}
}

// The default is 100 valid keys of a subject. The 101st is refused: that is no failure
// of ours.
func TestMaxPerSubject(t *testing.T) {
	for _, n := range []int{0, 1, 7, 1000} {
		ring, _ := newRing(t, apikey.RingOptions{MaxPerSubject: n})
		want := n
		if n == 0 {
			want = 100
		}
		var last *apikey.Record
		for range want {
			_, last = issue(t, ring, apikey.Grant{})
		}
		_, _, err := ring.Issue(t.Context(), apikey.Grant{Subject: "1"})
		e, _ := errors.AsType[*guard.Error](err)
		if !errors.Is(err, apikey.ErrTooMany) || e == nil || e.Status != 409 || e.Code != "too_many_keys" || !strings.HasPrefix(e.Message, fmt.Sprint(want, " API keys")) {
			t.Errorf("%d: Issue of one key more: %v", n, err)
		}
		if _, err := ring.Revoke(t.Context(), last.ID); err != nil {
			t.Fatal(err)
		}
		issue(t, ring, apikey.Grant{})
		issue(t, ring, apikey.Grant{Subject: "2"})
	}
	for _, n := range []int{-1, 1001} {
		if _, err := apikey.NewRing(&apikey.RingOptions{MaxPerSubject: n}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("MaxPerSubject is %d", n)) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// TestMemoryPagesCostTheSame: a page reads no more where there are more keys.
func TestMemoryPagesCostTheSame(t *testing.T) {
	allocs := func(n int) float64 {
		m := guard.Must(apikey.NewMemory(nil))
		for i := range n {
			e := apikey.Entry{Record: apikey.Record{ID: fmt.Sprint(i), Subject: fmt.Sprint(i), CreatedAt: time.UnixMilli(int64(i + 1))}}
			if ok, err := m.Insert(t.Context(), e, 1); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		at := apikey.Position{CreatedAt: time.UnixMilli(int64(n / 2)), ID: "x"}
		return testing.AllocsPerRun(10, func() {
			if list, next, err := m.ListAll(t.Context(), "", at, 10); len(list) != 10 || next.ID != list[9].ID || err != nil {
				t.Errorf("%d records, %v, %v", len(list), next, err)
			}
		})
	}
	if a, b := allocs(1000), allocs(8000); a != b {
		t.Errorf("%v allocations of 1000 keys, %v of 8000", a, b)
	}
}

// An entry whose deadline moves is still in the queue once: it is forgotten at
// its new deadline, and the others at theirs.
func TestMemoryForgetsRevokedEntriesOnce(t *testing.T) {
	c := harness.NewClock()
	m := guard.Must(apikey.NewMemory(&apikey.MemoryOptions{Now: c.Now}))
	for i := range 3 {
		e := apikey.Entry{Record: apikey.Record{ID: fmt.Sprint(i), Subject: "1", ExpiresAt: c.Add(time.Duration(i+1) * time.Hour)}}
		if ok, err := m.Insert(t.Context(), e, 100); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if _, err := m.Revoke(t.Context(), "2", c.Time); err != nil { // now the first
		t.Fatal(err)
	}
	c.Advance(apikey.Retention + time.Minute)
	for i, want := range [][]bool{{true, true, false}, {false, true, false}, {false, false, false}} {
		if _, err := m.Insert(t.Context(), apikey.Entry{Record: apikey.Record{ID: fmt.Sprint("new", i), Subject: "2"}}, 100); err != nil {
			t.Fatal(err)
		}
		for id := range 3 {
			if _, found, _ := m.Load(t.Context(), fmt.Sprint(id)); found != want[id] {
				t.Errorf("after %d h: entry %d: found %t, want %t", i, id, found, want[id])
			}
		}
		c.Advance(time.Hour)
	}
}
