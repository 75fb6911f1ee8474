package ratelimit_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

func newLogin(t *testing.T, opts *ratelimit.LoginOptions) *ratelimit.Login {
	t.Helper()
	l, err := ratelimit.NewLogin(clientip.Direct(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func fromIP(addr string) *http.Request {
	r := httptest.NewRequest("POST", "/login", nil)
	r.RemoteAddr = addr + ":1000"
	return r
}

// login tries the password "right" from an address, as a handler does.
func login(l *ratelimit.Login, addr, account, password string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := fromIP(addr)
	attempt, err := l.Attempt(r, account)
	if err != nil {
		guard.Refuse(w, r, err)
		return w
	}
	if password != "right" {
		w.WriteHeader(http.StatusUnauthorized)
		return w
	}
	if err := attempt.Succeed(r.Context()); err != nil {
		guard.Refuse(w, r, err)
		return w
	}
	w.WriteHeader(http.StatusOK)
	return w
}

func TestLogin(t *testing.T) {
	c := newClock()
	l := newLogin(t, &ratelimit.LoginOptions{Now: c.Now})
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

func TestLoginPerAccount(t *testing.T) {
	c := newClock()
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
	for i := range 10 { // which were forgotten
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

// TestLoginStrikes: further failures lengthen the wait, for a while.
func TestLoginStrikes(t *testing.T) {
	c := newClock()
	l := newLogin(t, &ratelimit.LoginOptions{
		Account: ratelimit.Limit{Quota: 3, Window: time.Hour},
		Strikes: []ratelimit.Limit{{Name: "second", Quota: 4, Window: 4 * time.Hour}, {Name: "third", Quota: 5, Window: 24 * time.Hour}},
		Now:     c.Now,
	})
	var waits []time.Duration
	for i := 0; len(waits) < 3; i++ {
		_, err := l.Attempt(fromIP("198.51.100."+string(rune('1'+i))), "alice")
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
		l := newLogin(t, nil)
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
	c := newClock() // which stands still: all attempts are of one instant
	l := newLogin(t, &ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 2, Window: time.Hour}, Now: c.Now})
	func() {
		defer func() { _ = recover() }()
		if _, err := l.Attempt(fromIP("203.0.113.7"), "a"); err != nil {
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
	if _, err := l.Attempt(fromIP("203.0.113.7"), "a"); err != nil {
		t.Errorf("the right one was not given back: %v", err)
	}
	if _, err := l.Attempt(fromIP("203.0.113.7"), "a"); err == nil {
		t.Error("one success gave back more than one attempt")
	}
	if err := (*ratelimit.Attempt)(nil).Succeed(ctx); err != nil {
		t.Error(err)
	}
}

func TestLoginRefusals(t *testing.T) {
	l := newLogin(t, &ratelimit.LoginOptions{Message: "Slow down."})
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

func TestLoginIsObserved(t *testing.T) {
	l := newLogin(t, &ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 1, Window: time.Hour}})
	var seen []guard.Decision
	h := guard.Observe(func(_ context.Context, d guard.Decision) { seen = append(seen, d) })(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := l.Attempt(r, "alice@example.com"); err != nil {
				guard.Refuse(w, r, err)
			}
		}))
	for range 2 {
		h.ServeHTTP(httptest.NewRecorder(), fromIP("203.0.113.7"))
	}
	h.ServeHTTP(httptest.NewRecorder(), fromIP("junk"))
	if len(seen) != 5 {
		t.Fatalf("%+v", seen)
	}
	if d := seen[0]; d.Package != "ratelimit" || d.Outcome != guard.Allowed || d.Guard != "login-address" {
		t.Errorf("%+v", d)
	}
	if d := seen[1]; d.Outcome != guard.Refused || d.Status != 429 || d.RetryAfter < 59*time.Minute || d.Guard != "login-address" {
		t.Errorf("%+v", d)
	}
	if d := seen[2]; d.Package != "handler" || d.Status != 429 {
		t.Errorf("%+v", d)
	}
	if d := seen[3]; d.Outcome != guard.Refused || d.Status != 400 || d.Guard != "login" {
		t.Errorf("%+v", d)
	}
	for _, d := range seen {
		if strings.Contains(d.Reason, "alice") {
			t.Errorf("an account's name is in %+v", d)
		}
	}
}

func TestNewLoginErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		opts *ratelimit.LoginOptions
		want string
	}{
		"limits":       {&ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: -1, Window: 1}}, "quota -1"},
		"names":        {&ratelimit.LoginOptions{Address: ratelimit.Limit{Name: "a", Quota: 1, Window: time.Hour}, Account: ratelimit.Limit{Name: "a", Quota: 1, Window: time.Hour}}, "two limits"},
		"no secret":    {&ratelimit.LoginOptions{Store: newFaulty()}, "Secret"},
		"short secret": {&ratelimit.LoginOptions{Store: newFaulty(), Secret: []byte("short")}, "a Secret of 5 bytes"},
		"for nothing":  {&ratelimit.LoginOptions{Secret: []byte("short")}, "a Secret of 5 bytes"},
	} {
		if _, err := ratelimit.NewLogin(clientip.Direct(), tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ratelimit.NewLogin(nil, nil); err == nil {
		t.Error("no address: no error")
	}
}

// TestLoginFallback: while the store is down this process counts by itself, and
// says so.
func TestLoginFallback(t *testing.T) {
	store := newFaulty()
	secret := []byte("0123456789abcdef")
	l := newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: secret, Timeout: patient})
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

	closed := newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: secret, Timeout: patient, OnFailure: ratelimit.FailClosed()})
	if w := login(closed, "203.0.113.7", "alice", "right"); w.Code != 503 || strings.Contains(w.Body.String(), "refused by") {
		t.Errorf("closed: %d %s", w.Code, w.Body)
	}
	open := newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: secret, Timeout: patient, OnFailure: ratelimit.FailOpen()})
	if w := login(open, "203.0.113.7", "alice", "right"); w.Code != 200 {
		t.Errorf("open: %d", w.Code)
	}

	// A store that fails between Attempt and Succeed: told, and still counted.
	store.set(nil)
	l = newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: secret, Timeout: patient})
	attempt, err := l.Attempt(fromIP("203.0.113.9"), "bob")
	if err != nil {
		t.Fatal(err)
	}
	store.set(down)
	if err := attempt.Succeed(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("Succeed: %v", err)
	}
}

// A recorder keeps what a store is asked for.
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
	l := newLogin(t, &ratelimit.LoginOptions{Store: store, Secret: []byte("0123456789abcdef"), Timeout: patient})
	login(l, "203.0.113.7", "alice", "right")
	if len(store.takes) != 2 || len(store.taken) != 2 {
		t.Fatalf("%d takes, %d given back", len(store.takes), len(store.taken))
	}
	for i, taken := range store.taken {
		if taken.Take != store.takes[i] || !taken.Fresh {
			t.Errorf("took %+v, gave back %+v", store.takes[i], taken.Take)
		}
	}
}
