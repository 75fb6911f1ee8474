package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

func TestLogin(t *testing.T) {
	c := harness.NewClock()
	l := newLogin(t, &ratelimit.LoginOptions{Address: loginLimit, Now: c.Now})
	for i := range 300 {
		if w := login(l, "203.0.113.7", "alice", "right"); w.Code != 200 {
			t.Fatalf("right login %d: %d", i+1, w.Code)
		}
	}
	for i := range 5 {
		if w := login(l, "203.0.113.7", "bob", "wrong"); w.Code != 401 {
			t.Fatalf("failure %d: %d", i+1, w.Code)
		}
		if i < 4 { // a right one in between gives only itself back
			if w := login(l, "203.0.113.7", "alice", "right"); w.Code != 200 {
				t.Fatalf("right login after failure %d: %d", i+1, w.Code)
			}
		}
	}
	for _, password := range []string{"wrong", "right", "wrong"} {
		w := login(l, "203.0.113.7", "alice", password)
		want := `{"error":"Too Many Requests","message":"Too many login attempts. Try again later."}`
		if w.Code != 429 || w.Body.String() != want || w.Header().Get("Retry-After") != "900" {
			t.Fatalf("%s after five failures: %d %s %v", password, w.Code, w.Body, w.Header())
		}
	}
	if w := login(l, "203.0.113.8", "bob", "right"); w.Code != 200 {
		t.Errorf("another address: %d", w.Code)
	}
	c.Advance(15 * time.Minute)
	if w := login(l, "203.0.113.7", "bob", "right"); w.Code != 200 {
		t.Errorf("after the whole wait: %d", w.Code)
	}
}

// TestLoginNames: limits that have a name and nothing else have the default quotas, and
// logins that share a store count apart.
func TestLoginNames(t *testing.T) {
	store, err := ratelimit.NewMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	passwords := newLogin(t, &ratelimit.LoginOptions{Store: store})
	codes := newLogin(t, &ratelimit.LoginOptions{
		Store: store, Address: ratelimit.Limit{Name: "code-address"}, Account: ratelimit.Limit{Name: "code-account"},
	})
	for i := range 11 {
		want := 401
		if i == 10 {
			want = 429
		}
		if w := login(codes, "203.0.113.7", "alice", "wrong"); w.Code != want {
			t.Errorf("code %d: %d, want %d", i+1, w.Code, want)
		}
	}
	if w := login(passwords, "203.0.113.7", "alice", "wrong"); w.Code != 401 {
		t.Errorf("the password after wrong codes: %d", w.Code)
	}
}

func TestLoginPerAccount(t *testing.T) {
	c := harness.NewClock()
	l := newLogin(t, &ratelimit.LoginOptions{Now: c.Now})
	spellings := []string{"alice@example.com", "Alice@Example.com", " ALICE@EXAMPLE.COM ", "alice@example.com\t"}
	addr := func(i int) string { return "2001:db8:0:" + string(rune('a'+i)) + "::1" }
	bracketed := func(i int) string { return "[" + addr(i) + "]" }
	for i := range 9 {
		if w := login(l, bracketed(i/4), spellings[i%4], "wrong"); w.Code != 401 {
			t.Fatalf("failure %d: %d", i+1, w.Code)
		}
	}
	if w := login(l, "203.0.113.7", "alice@example.com", "right"); w.Code != 200 {
		t.Fatalf("the right password after 9 failures: %d", w.Code)
	}
	for i := range 10 { // the earlier ones were undone
		if w := login(l, "203.0.113."+string(rune('1'+i/4)), spellings[i%4], "wrong"); w.Code != 401 {
			t.Fatalf("failure %d: %d", i+1, w.Code)
		}
	}
	if w := login(l, "198.51.100.1", "alice@example.com", "right"); w.Code != 429 || w.Header().Get("Retry-After") != "3600" {
		t.Errorf("after 10 failures: %d %v", w.Code, w.Header())
	}
	// What the account refused, the address did not take.
	for range 5 {
		if w := login(l, "198.51.100.1", "nobody at all", "wrong"); w.Code != 401 {
			t.Errorf("the address was charged: %d", w.Code)
		}
	}
}

// TestOneAccountInAllCases: what strings.EqualFold takes for one account has one
// count.
func TestOneAccountInAllCases(t *testing.T) {
	l := guard.Must(ratelimit.NewLogin(clientip.Direct(), nil))
	tried := 0
	for i, account := range []string{"boss", "BOSS", " boſs", "bosſ", "boſſ\t"} {
		for j := range 20 {
			r := httptest.NewRequest("POST", "/", nil)
			r.RemoteAddr = fmt.Sprintf("10.%d.%d.1:1", i, j)
			if failed(l, r, account) == nil {
				tried++
			}
		}
	}
	if tried != 10 {
		t.Errorf("%d guesses, want 10", tried)
	}
}

// TestLoginStrikes: further failures lengthen the wait, for a while.
func TestLoginStrikes(t *testing.T) {
	c := harness.NewClock()
	l := newLogin(t, &ratelimit.LoginOptions{
		Account: ratelimit.Limit{Quota: 3, Window: time.Hour},
		Strikes: []ratelimit.Limit{{Name: "second", Quota: 4, Window: 4 * time.Hour}, {Name: "third", Quota: 5, Window: 24 * time.Hour}},
		Now:     c.Now,
	})
	var waits []time.Duration
	for i := 0; len(waits) < 3; i++ {
		err := failed(l, fromIP("198.51.100."+string(rune('1'+i))), "alice")
		var e *guard.Error
		if !errors.As(err, &e) {
			continue
		}
		d, _ := time.ParseDuration(e.Header.Get("Retry-After") + "s")
		waits = append(waits, d)
		c.Advance(d)
	}
	if waits[0] != time.Hour || waits[1] != 3*time.Hour || waits[2] != 20*time.Hour {
		t.Errorf("waits %v", waits)
	}
	c.Advance(24 * time.Hour)
	if w := login(l, "203.0.113.7", "alice", "right"); w.Code != 200 {
		t.Errorf("a day later: %d", w.Code)
	}
}

// TestParallelGuesses: however many come at once, no more than the quota are
// tried.
func TestParallelGuesses(t *testing.T) {
	for range 20 {
		l := newLogin(t, &ratelimit.LoginOptions{Address: loginLimit})
		var tried, refused atomic.Int64
		start := make(chan struct{})
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				<-start
				switch w := login(l, "203.0.113.7", "alice", "wrong"); w.Code {
				case 401:
					tried.Add(1)
				case 429:
					refused.Add(1)
				}
			})
		}
		close(start)
		wg.Wait()
		if tried.Load() != 5 || refused.Load() != 59 {
			t.Fatalf("%d guesses were tried, %d refused", tried.Load(), refused.Load())
		}
	}
}

// TestLoginCounts: everything is a failure but Succeed, and that works once.
func TestLoginCounts(t *testing.T) {
	c := harness.NewClock() // which stands still: all attempts are of one instant
	l := newLogin(t, &ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 2, Window: time.Hour}, Now: c.Now})
	func() {
		defer func() { _ = recover() }()
		r, end := served(fromIP("203.0.113.7"))
		defer end()
		if _, err := l.Attempt(r, "a"); err != nil {
			t.Fatal(err)
		}
		panic("handler")
	}()
	ctx, leave := context.WithCancel(t.Context())
	attempt, err := l.Attempt(fromIP("203.0.113.7"), "a")
	if err != nil {
		t.Fatal(err)
	}
	leave() // the client: the success counts all the same
	for range 3 {
		if err := attempt.Succeed(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := failed(l, fromIP("203.0.113.7"), "a"); err != nil {
		t.Errorf("the right one was not given back: %v", err)
	}
	if failed(l, fromIP("203.0.113.7"), "a") == nil {
		t.Error("one success gave back more than one attempt")
	}
	if err := (*ratelimit.Attempt)(nil).Succeed(ctx); err != nil {
		t.Error(err)
	}
}

func TestLoginReset(t *testing.T) {
	c := harness.NewClock()
	l := newLogin(t, &ratelimit.LoginOptions{Strikes: []ratelimit.Limit{{Name: "day", Quota: 10, Window: 24 * time.Hour}}, Address: loginLimit, Now: c.Now})
	for i := range 10 {
		login(l, "203.0.113."+string(rune('1'+i/5)), "alice@example.com", "wrong")
	}
	if w := login(l, "198.51.100.1", "alice@example.com", "right"); w.Code != 429 {
		t.Fatalf("after 10 failures: %d", w.Code)
	}
	if err := l.Reset(t.Context(), "bob@example.com"); err != nil {
		t.Error(err)
	}
	if w := login(l, "198.51.100.1", "alice@example.com", "right"); w.Code != 429 {
		t.Errorf("after the reset of another account: %d", w.Code)
	}
	if err := l.Reset(t.Context(), " Alice@Example.com"); err != nil {
		t.Error(err)
	}
	if w := login(l, "198.51.100.1", "alice@example.com", "right"); w.Code != 200 {
		t.Errorf("after the reset: %d", w.Code)
	}
	if w := login(l, "203.0.113.1", "alice@example.com", "right"); w.Code != 429 {
		t.Errorf("an address that failed five times: %d", w.Code)
	}
	w, r := httptest.NewRecorder(), fromIP("203.0.113.7")
	if guard.Refuse(w, r, l.Reset(t.Context(), " ")); w.Code != 400 {
		t.Errorf("no account: %d", w.Code)
	}
}

func TestLoginRefusals(t *testing.T) {
	l := newLogin(t, &ratelimit.LoginOptions{Address: loginLimit, Message: "Slow down."})
	for name, tt := range map[string]struct {
		r       *http.Request
		account string
		status  int
	}{
		"no account":    {fromIP("203.0.113.7"), "", 400},
		"blank account": {fromIP("203.0.113.7"), " \t ", 400},
		"no address":    {fromIP("junk"), "alice", 400},
	} {
		w := httptest.NewRecorder()
		a, err := l.Attempt(tt.r, tt.account)
		guard.Refuse(w, tt.r, err)
		if a != nil || w.Code != tt.status {
			t.Errorf("%s: %v, %d", name, a, w.Code)
		}
	}
	for range 5 {
		login(l, "203.0.113.7", "alice", "wrong")
	}
	if w := login(l, "203.0.113.7", "alice", "wrong"); !strings.Contains(w.Body.String(), "Slow down.") {
		t.Errorf("%s", w.Body)
	}
}
