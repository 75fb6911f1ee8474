package apikey_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
	"github.com/go-guard/guard/internal/race"
)

func TestMemory(t *testing.T) {
	apikeytest.Run(t, func(*testing.T) apikey.Store { return apikey.NewMemory() })
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
// over makes room, looked for once a minute.
func TestMemoryIsBounded(t *testing.T) {
	if race.Enabled {
		t.Skip("counts only, and slow under the race detector")
	}
	m := apikey.NewMemory()
	over := time.Now().Add(-apikey.Retention - time.Hour)
	insert := func(i int, expires time.Time) (bool, error) {
		return m.Insert(t.Context(), apikey.Entry{Record: apikey.Record{ID: fmt.Sprint(i), Subject: fmt.Sprint(i % 1000), ExpiresAt: expires}})
	}
	n := apikey.MemoryEntries
	for i := range n {
		var expires time.Time
		if i < 10 {
			expires = over
		}
		if ok, err := insert(i, expires); !ok || err != nil {
			t.Fatal(i, ok, err)
		}
	}
	for i := range 10 {
		if ok, err := insert(n+i, time.Time{}); !ok || err != nil {
			t.Fatalf("no room came back: %t, %v", ok, err)
		}
	}
	if ok, err := insert(n+10, time.Time{}); ok || err == nil {
		t.Errorf("a full store took a key: %t, %v", ok, err)
	}
	if _, found, _ := m.Load(t.Context(), "5"); found {
		t.Error("a key that is long over is still there")
	}
	if _, found, _ := m.Load(t.Context(), "10"); !found {
		t.Error("a working key was dropped")
	}
	if l, err := m.List(t.Context(), "5", 1000); err != nil || len(l) != 100 {
		t.Errorf("%d records, %v", len(l), err)
	}
}
