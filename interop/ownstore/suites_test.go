package ownstore_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
	"github.com/go-guard/guard/interop/ownstore"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/denylisttest"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/jwtauth/refresh/refreshtest"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/once/oncetest"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/ratelimit/ratelimittest"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

func TestSessions(t *testing.T) {
	sessiontest.Run(t, func(t *testing.T) session.Store { return ownstore.NewSessions() })
}

func TestTokenFamilies(t *testing.T) {
	refreshtest.Run(t, func(t *testing.T) refresh.Store { return ownstore.NewTokenFamilies() })
}

func TestDenylist(t *testing.T) {
	denylisttest.Run(t, func(t *testing.T) jwtauth.Denylist { return ownstore.NewDenylist() })
}

func TestAPIKeys(t *testing.T) {
	apikeytest.Run(t, func(t *testing.T) apikey.Store { return ownstore.NewAPIKeys() })
}

func TestOnce(t *testing.T) {
	oncetest.Run(t, func(t *testing.T) once.Store { return ownstore.NewOnce() }, nil)
}

func TestCounts(t *testing.T) {
	ratelimittest.Run(t, func(t *testing.T) ratelimit.Store { return ownstore.NewCounts() }, nil)
}

// TestCountsTraces: each count answers as a slow one that has every take.
func TestCountsTraces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ratelimittest.Traces(t, ownstore.NewCounts(), bubble{}, 0, 300)
	})
}

// bubble is the clock of a synctest bubble.
type bubble struct{}

func (bubble) Now() time.Time          { return time.Now() }
func (bubble) Advance(d time.Duration) { time.Sleep(d) }

// TestCountsDrained: units of GCRA that have drained are not given back.
func TestCountsDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := ownstore.NewCounts()
		take := ratelimit.Take{Limit: ratelimit.Limit{Name: "drained", Quota: 1, Burst: 3, Window: time.Hour, Algorithm: ratelimit.GCRA}, Key: "key", Cost: 1}
		first, second := takeOne(t, s, take), takeOne(t, s, take)
		giveBack := func(st ratelimit.State) {
			if err := s.GiveBack(t.Context(), []ratelimit.Taken{{Take: take, Stamp: st.Stamp}}); err != nil {
				t.Error(err)
			}
		}
		giveBack(first)
		time.Sleep(time.Hour)
		all := take
		all.Cost = 3
		takeOne(t, s, all)
		giveBack(second)
		if st := takeOne(t, s, take); st.RetryAfter != time.Hour {
			t.Errorf("after 3 of 3: %+v, want RetryAfter 1h", st)
		}
	})
}

// TestCountsRepeatedCall: a repeated call takes nothing more, whatever its cost is.
func TestCountsRepeatedCall(t *testing.T) {
	s := ownstore.NewCounts()
	take := ratelimit.Take{Limit: ratelimit.Concurrent(3), Key: "key", Cost: 1, Call: "call"}
	takeOne(t, s, take)
	take.Cost = 3
	if st := takeOne(t, s, take); st.RetryAfter != 0 || st.Remaining != 2 {
		t.Errorf("%+v, want 2 remaining", st)
	}
}

func takeOne(t *testing.T, s ratelimit.Store, take ratelimit.Take) ratelimit.State {
	t.Helper()
	states, err := s.Take(t.Context(), []ratelimit.Take{take})
	if err != nil {
		t.Fatal(err)
	}
	return states[0]
}

// TestOnceForgets: a key is remembered for once.Slack longer than its time, and a lease is not.
func TestOnceForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, ctx := ownstore.NewOnce(), t.Context()
		taken, done, stepped := once.Key("taken"), once.Key("done"), once.Key("stepped")
		check := func(first bool, state once.State, later bool) {
			t.Helper()
			if ok, err := s.Take(ctx, taken, time.Now().Add(time.Hour)); ok != first || err != nil {
				t.Errorf("Take = %t, %v; want %t", ok, err, first)
			}
			if _, got, err := s.Acquire(ctx, done, time.Hour); got != state || err != nil {
				t.Errorf("Acquire = %v, %v; want %v", got, err, state)
			}
			if ok, err := s.Advance(ctx, stepped, 5, time.Now().Add(2*time.Hour)); ok != later || err != nil {
				t.Errorf("Advance = %t, %v; want %t", ok, err, later)
			}
		}
		lease, _, _ := s.Acquire(ctx, done, time.Hour)
		if err := s.Commit(ctx, lease, time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		check(true, once.Done, true)
		if ok, err := s.Advance(ctx, stepped, 6, time.Now().Add(time.Hour)); !ok || err != nil {
			t.Errorf("Advance = %t, %v", ok, err)
		}
		time.Sleep(time.Hour + once.Slack - time.Nanosecond)
		check(false, once.Done, false)
		time.Sleep(time.Nanosecond)
		check(true, once.First, false)
		time.Sleep(time.Hour)
		check(false, once.First, true)
	})
}

// TestDocsOwnStore: docs/own-store.md links each store, shows the smallest one in full,
// and its other code is from these files, too.
func TestDocsOwnStore(t *testing.T) {
	page, all := read(t, "../../docs/own-store.md"), read(t, "suites_test.go")
	for _, file := range []string{"session.go", "refresh.go", "denylist.go", "apikey.go", "once.go", "ratelimit.go"} {
		imports, code, found := strings.Cut(read(t, file), "\n)\n\n")
		if !found || strings.Contains(imports, "/internal/") {
			t.Errorf("%s imports what no other module can:\n%s", file, imports)
		}
		if !strings.Contains(page, "(../interop/ownstore/"+file+")") {
			t.Errorf("docs/own-store.md does not link %s", file)
		}
		if file == "denylist.go" && !strings.Contains(page, "```go\n"+code+"```\n") {
			t.Error("docs/own-store.md does not show denylist.go in full")
		}
		all += "\n" + code
	}
	blocks := strings.Split(page, "```go\n")[1:]
	if len(blocks) < 7 {
		t.Errorf("%d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		if code, _, _ := strings.Cut(block, "```\n"); !strings.Contains(all, "\n"+code) {
			t.Errorf("docs/own-store.md shows code that is not in interop/ownstore:\n%s", code)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
