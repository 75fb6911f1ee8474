package apikey_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
)

func TestMemory(t *testing.T) {
	apikeytest.Run(t, func(*testing.T) apikey.Store { return apikey.NewMemory(nil) })
}

func TestList(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	for _, name := range []string{"old", "new"} {
		issue(t, ring, apikey.Grant{Name: name})
		c.pass(time.Second)
	}
	issue(t, ring, apikey.Grant{Subject: "2"})
	list, err := ring.List(t.Context(), "1")
	if err != nil || len(list) != 2 || list[0].Name != "new" || list[1].Name != "old" {
		t.Errorf("List = %+v, %v", list, err)
	}
	if _, found, err := ring.Load(t.Context(), "zzzzzzzzzzzz"); found || err != nil {
		t.Errorf("Load = %t, %v", found, err)
	}
}

// A full memory store refuses new keys and drops none that works; what is long
// over makes room.
func TestMemoryIsBounded(t *testing.T) {
	const n = 1000
	now := time.Unix(1_700_000_000, 0)
	m := apikey.NewMemory(&apikey.MemoryOptions{Max: n, Now: func() time.Time { return now }})
	insert := func(i int, expires time.Time) (bool, error) {
		return m.Insert(t.Context(), apikey.Entry{Record: apikey.Record{ID: fmt.Sprint(i), Subject: fmt.Sprint(i % 10), ExpiresAt: expires}})
	}
	for i := range n {
		expires := time.Time{}
		if i < 30 { // a day apart
			expires = now.Add(time.Duration(30-i) * 24 * time.Hour)
		}
		if ok, err := insert(i, expires); !ok || err != nil {
			t.Fatal(i, ok, err)
		}
	}
	if ok, err := insert(n, time.Time{}); ok || err == nil {
		t.Errorf("a full store took a key: %t, %v", ok, err)
	}
	if ok, err := m.Revoke(t.Context(), "0", now); !ok || err != nil { // of those that expire the last
		t.Fatal(ok, err)
	}
	// Key 0 may go thirty days from now, and 29 a day later.
	now = now.Add(apikey.Retention)
	for i := range 2 {
		if ok, err := insert(n+i, time.Time{}); ok != (i == 0) || (err == nil) != ok {
			t.Fatalf("room for %d: %t, %v", i, ok, err)
		}
	}
	now = now.Add(29 * 24 * time.Hour)
	for i := range 30 {
		if ok, err := insert(2*n+i, time.Time{}); ok != (i < 29) || (err == nil) != ok {
			t.Fatalf("room for %d of those that expired: %t, %v", i, ok, err)
		}
	}
	for id, want := range map[string]bool{"0": false, "1": false, "29": false, "30": true, "999": true, "1000": true, "2028": true, "2029": false} {
		if _, found, _ := m.Load(t.Context(), id); found != want {
			t.Errorf("key %s: %t", id, found)
		}
	}
	if l, err := m.List(t.Context(), "5", n); err != nil || len(l) != n/10 { // 3 of its own went, 3 came
		t.Errorf("%d records, %v", len(l), err)
	}
	defer func() {
		if recover() == nil {
			t.Error("less than nothing")
		}
	}()
	apikey.NewMemory(&apikey.MemoryOptions{Max: -1})
}
