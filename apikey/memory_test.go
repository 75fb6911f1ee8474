package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	m, err := apikey.NewMemory(&apikey.MemoryOptions{Max: -1, MaxPerSubject: -2})
	for _, want := range []string{"Max is negative: -1", "MaxPerSubject is negative: -2"} {
		if err == nil || m != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q not in %v", want, err)
		}
	}
}

// A full Memory refuses new records and removes no valid one. Ended ones make
// room after Retention.
func TestMemoryIsBounded(t *testing.T) {
	const n = 1000
	c := harness.NewClock()
	m := guard.Must(apikey.NewMemory(&apikey.MemoryOptions{Max: n, MaxPerSubject: n, Now: c.Now}))
	insert := func(i int, expires time.Time) (bool, error) {
		return m.Insert(t.Context(), apikey.Entry{Record: apikey.Record{ID: fmt.Sprint(i), Subject: fmt.Sprint(i % 10), ExpiresAt: expires}})
	}
	for i := range n {
		expires := time.Time{}
		if i < 30 { // a day apart
			expires = c.Add(time.Duration(30-i) * 24 * time.Hour)
		}
		if ok, err := insert(i, expires); !ok || err != nil {
			t.Fatal(i, ok, err)
		}
	}
	if ok, err := insert(n, time.Time{}); ok || !errors.Is(err, apikey.ErrFull) {
		t.Errorf("Insert into a full store = %t, %v", ok, err)
	}
	if ok, err := m.Revoke(t.Context(), "0", c.Time); !ok || err != nil { // the last to expire
		t.Fatal(ok, err)
	}
	// Record 0 may be forgotten thirty days from now, and 29 a day later.
	c.Advance(apikey.Retention)
	for i := range 2 {
		if ok, err := insert(n+i, time.Time{}); ok != (i == 0) || (err == nil) != ok {
			t.Fatalf("Insert %d after one was revoked = %t, %v", i, ok, err)
		}
	}
	c.Advance(29 * 24 * time.Hour)
	for i := range 30 {
		if ok, err := insert(2*n+i, time.Time{}); ok != (i < 29) || (err == nil) != ok {
			t.Fatalf("Insert %d after 29 expired = %t, %v", i, ok, err)
		}
	}
	for id, want := range map[string]bool{"0": false, "1": false, "29": false, "30": true, "999": true, "1000": true, "2028": true, "2029": false} {
		if _, found, _ := m.Load(t.Context(), id); found != want {
			t.Errorf("record %s: found %t, want %t", id, found, want)
		}
	}
	if l, err := m.List(t.Context(), "5"); err != nil || len(l) != n/10 { // 3 of its own were forgotten, 3 added
		t.Errorf("%d records, %v", len(l), err)
	}
}

// Of one subject, the record that ended first makes room; valid ones never do.
func TestMemoryMaxPerSubject(t *testing.T) {
	c := harness.NewClock()
	m := guard.Must(apikey.NewMemory(&apikey.MemoryOptions{MaxPerSubject: 4, Now: c.Now}))
	insert := func(id, subject string, expires time.Time) (bool, error) {
		return m.Insert(t.Context(), apikey.Entry{Record: apikey.Record{ID: id, Subject: subject, CreatedAt: c.Time, ExpiresAt: expires}})
	}
	mustInsert := func(id, subject string, expires time.Time) {
		t.Helper()
		if ok, err := insert(id, subject, expires); !ok || err != nil {
			t.Fatalf("Insert(%s) = %t, %v", id, ok, err)
		}
	}
	mustInsert("valid", "1", time.Time{})
	mustInsert("expires later", "1", c.Add(3*time.Hour))
	mustInsert("expires", "1", c.Add(2*time.Hour))
	mustInsert("revoked", "1", time.Time{})
	if ok, err := insert("fifth", "1", time.Time{}); ok || !errors.Is(err, apikey.ErrFull) {
		t.Errorf("Insert where all are valid = %t, %v", ok, err)
	}
	if ok, err := insert("valid", "1", time.Time{}); ok || err != nil {
		t.Errorf("Insert of a taken id = %t, %v", ok, err)
	}
	mustInsert("other", "2", time.Time{})
	c.Advance(time.Hour)
	if _, err := m.Revoke(t.Context(), "revoked", c.Time); err != nil {
		t.Fatal(err)
	}
	c.Advance(4 * time.Hour)
	for i, remaining := range [][]string{
		{"expires", "expires later", "new 0", "valid"},
		{"expires later", "new 0", "new 1", "valid"},
		{"new 0", "new 1", "new 2", "valid"},
	} {
		mustInsert(fmt.Sprint("new ", i), "1", time.Time{})
		list, err := m.List(t.Context(), "1")
		var ids []string
		for _, rec := range list {
			ids = append(ids, rec.ID)
		}
		slices.Sort(ids)
		if err != nil || !slices.Equal(ids, remaining) {
			t.Errorf("after %d more: %q, %v; want %q", i+1, ids, err, remaining)
		}
	}
	if ok, err := insert("last", "1", time.Time{}); ok || !errors.Is(err, apikey.ErrFull) {
		t.Errorf("Insert where all are valid again = %t, %v", ok, err)
	}
	if _, found, _ := m.Load(t.Context(), "other"); !found {
		t.Error("a record of another subject was removed")
	}
}

// The default is 100 records of a subject.
func TestMemoryMaxPerSubjectDefault(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{})
	for range 100 {
		issue(t, ring, apikey.Grant{})
	}
	_, _, err := ring.Issue(context.Background(), apikey.Grant{Subject: "1"})
	if !errors.Is(err, apikey.ErrFull) || statusOf(err) != 503 {
		t.Errorf("Issue of the 101st key: %v", err)
	}
	issue(t, ring, apikey.Grant{Subject: "2"})
}

// An entry whose deadline moves is still in the queue once: it is forgotten at
// its new deadline, and the others at theirs.
func TestMemoryForgetsRevokedEntriesOnce(t *testing.T) {
	c := harness.NewClock()
	m := guard.Must(apikey.NewMemory(&apikey.MemoryOptions{Now: c.Now}))
	for i := range 3 {
		e := apikey.Entry{Record: apikey.Record{ID: fmt.Sprint(i), Subject: "1", ExpiresAt: c.Add(time.Duration(i+1) * time.Hour)}}
		if ok, err := m.Insert(t.Context(), e); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if _, err := m.Revoke(t.Context(), "2", c.Time); err != nil { // now the first
		t.Fatal(err)
	}
	c.Advance(apikey.Retention + time.Minute)
	for i, want := range [][]bool{{true, true, false}, {false, true, false}, {false, false, false}} {
		if _, err := m.Insert(t.Context(), apikey.Entry{Record: apikey.Record{ID: fmt.Sprint("new", i), Subject: "2"}}); err != nil {
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
