package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// TestLoginFallback: while the store is down this process counts by itself, and
// says so.
func TestLoginFallback(t *testing.T) {
	store := newFaulty()
	secret := []byte("0123456789abcdef")
	l := newLogin(t, &ratelimit.LoginOptions{Address: loginLimit, Store: store, Secret: secret, Timeout: longTimeout})
	login(l, "203.0.113.7", "alice", "wrong")
	store.set(down)
	for i := range 20 {
		if w := login(l, "203.0.113.7", "alice", "right"); w.Code != 200 {
			t.Fatalf("right login %d without a store: %d", i, w.Code)
		}
	}
	codes := map[int]int{}
	for range 20 {
		codes[login(l, "203.0.113.7", "alice", "wrong").Code]++
	}
	if codes[401] != 5 || codes[429] != 15 {
		t.Errorf("without a store: %v", codes)
	}

	closed := newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: secret, Timeout: longTimeout, OnFailure: ratelimit.FailClosed()})
	if w := login(closed, "203.0.113.7", "alice", "right"); w.Code != 503 || strings.Contains(w.Body.String(), "refused by") {
		t.Errorf("closed: %d %s", w.Code, w.Body)
	}
	open := newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: secret, Timeout: longTimeout, OnFailure: ratelimit.FailOpen()})
	if w := login(open, "203.0.113.7", "alice", "right"); w.Code != 200 {
		t.Errorf("open: %d", w.Code)
	}

	// A store that fails between Attempt and Succeed: Succeed returns an error, and
	// the attempt still counts.
	store.set(nil)
	l = newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: secret, Timeout: longTimeout})
	attempt, err := l.Attempt(fromIP("203.0.113.9"), "bob")
	if err != nil {
		t.Fatal(err)
	}
	store.set(down)
	if err := attempt.Succeed(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("Succeed: %v", err)
	}
}

// TestLateLogin: a login that a late store granted after FailOpen let it go on
// does not count: Succeed would not give it back.
func TestLateLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		l := newLogin(t, &ratelimit.LoginOptions{
			Account: ratelimit.Limit{Quota: 1, Window: time.Hour},
			Store:   store, Secret: []byte("0123456789abcdef"), OnFailure: ratelimit.FailOpen(),
		})
		store.set(hangs(time.Second))
		if w := login(l, "203.0.113.7", "alice", "right"); w.Code != 200 {
			t.Fatalf("without an answer in time: %d", w.Code)
		}
		store.set(nil)
		time.Sleep(time.Minute)
		if w := login(l, "203.0.113.7", "alice", "wrong"); w.Code != 401 {
			t.Errorf("after it: %d", w.Code)
		}
		if w := login(l, "203.0.113.7", "alice", "wrong"); w.Code != 429 {
			t.Errorf("over the quota: %d", w.Code)
		}
	})
}

// faultyLogin is a login of alice with three failures an hour, in which each
// attempt comes from a different address, and its store.
func faultyLogin() (*faulty, func(i int) (*ratelimit.Attempt, error)) {
	c := harness.NewClock()
	store := &faulty{Store: newMemory(c, 0, false)}
	l := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
		Store: store, Secret: []byte("sixteen bytes..."), Timeout: longTimeout, Now: c.Now, Account: ratelimit.Limit{Quota: 3, Window: time.Hour},
	}))
	return store, func(i int) (*ratelimit.Attempt, error) {
		return l.Attempt(fromIP(fmt.Sprintf("10.0.%d.1", i)), "alice")
	}
}

// TestSucceedResetsTheFallback: a right login undoes the failures that the
// fallback counted, for the next outage.
func TestSucceedResetsTheFallback(t *testing.T) {
	store, attempt := faultyLogin()
	store.set(down)
	for i := range 2 {
		a, err := attempt(i)
		if err != nil {
			t.Fatal(err)
		}
		a.Fail(t.Context())
	}
	store.set(nil)
	a, err := attempt(2)
	if err == nil {
		err = a.Succeed(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	store.set(down)
	for i := range 4 {
		a, err := attempt(3 + i)
		if (err == nil) != (i < 3) {
			t.Errorf("failure %d after a right login: %v", i+1, err)
		}
		a.Fail(t.Context())
	}
}

// TestSucceedInTheFallbackResetsTheStore: a right login during an outage undoes
// the failures from before it, if the store is back by then.
func TestSucceedInTheFallbackResetsTheStore(t *testing.T) {
	store, attempt := faultyLogin()
	for i := range 3 {
		a, err := attempt(i)
		if err != nil {
			t.Fatal(err)
		}
		a.Fail(t.Context())
	}
	store.set(down)
	a, err := attempt(3)
	store.set(nil)
	if err == nil {
		err = a.Succeed(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := attempt(4); err != nil {
		t.Errorf("after a right login: %v", err)
	}
}

// A recorder records the calls of a store.
type recorder struct {
	ratelimit.Store
	takes []ratelimit.Take
	taken []ratelimit.Taken
}

func (r *recorder) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	r.takes = append(r.takes, takes...)
	return r.Store.Take(ctx, takes)
}

func (r *recorder) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	r.taken = append(r.taken, taken...)
	return r.Store.GiveBack(ctx, taken)
}

// TestLoginGivesBackWhatItTook: package stores/redisstore keeps what is Fresh under
// another key, and a success was given back under the wrong one.
func TestLoginGivesBackWhatItTook(t *testing.T) {
	store := &recorder{Store: guard.Must(ratelimit.NewMemory(nil))}
	l := newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: []byte("0123456789abcdef"), Timeout: longTimeout})
	login(l, "203.0.113.7", "alice", "right")
	if len(store.takes) != 4 || len(store.taken) != 4 { // two limits, and what is in flight of each
		t.Fatalf("%d takes, %d given back", len(store.takes), len(store.taken))
	}
	for i, taken := range store.taken {
		if taken.Take != store.takes[i] || !taken.Fresh {
			t.Errorf("took %+v, gave back %+v", store.takes[i], taken.Take)
		}
	}
}

// A slotStore records the Slot of all takes.
type slotStore struct {
	*ratelimit.Memory
	slots map[string]int
}

func (s slotStore) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	for _, t := range takes {
		s.slots[t.Slot]++
	}
	return s.Memory.Take(ctx, takes)
}

func (s slotStore) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	for _, t := range taken {
		s.slots[t.Slot]++
	}
	return s.Memory.GiveBack(ctx, taken)
}

// TestLoginHasOneSlot: an attempt takes from counts of several keys, which a store of
// several servers has on one of them.
func TestLoginHasOneSlot(t *testing.T) {
	memory, err := ratelimit.NewMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := slotStore{memory, map[string]int{}}
	login := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{Store: s, Secret: []byte("sixteen bytes...")}))
	attempt, err := login.Attempt(httptest.NewRequest("POST", "/", nil), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := attempt.Succeed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := login.Reset(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if len(s.slots) != 1 || s.slots["login"] < 8 {
		t.Errorf("slots %v, want login alone", s.slots)
	}
}
