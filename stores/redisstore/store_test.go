package redisstore_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// newRefresher returns a refresher with its token families and denylist in s.
func newRefresher(t testing.TB, s *redisstore.Stores) *refresh.Refresher[struct{}] {
	t.Helper()
	issuer, err := jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{Issuer: "test", Denylist: s.Denylist()})
	if err != nil {
		t.Fatal(err)
	}
	reload := func(context.Context, string, map[string]any) (struct{}, bool, error) { return struct{}{}, true, nil }
	r, err := refresh.New(issuer, reload, &refresh.Options{Store: s.TokenFamilies()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConcurrentRefreshHasOneSuccessor(t *testing.T) {
	_, _, prefix := newStores(t)
	pair, err := newRefresher(t, reopen(t, prefix)).Start(t.Context(), "u", nil)
	if err != nil {
		t.Fatal(err)
	}
	var successors sync.Map
	var wg sync.WaitGroup
	for range 8 {
		r := newRefresher(t, reopen(t, prefix))
		for range 25 {
			wg.Go(func() {
				next, err := r.Refresh(t.Context(), pair.RefreshToken)
				if err != nil {
					t.Error(err)
					return
				}
				successors.Store(next.RefreshToken, true)
			})
		}
	}
	wg.Wait()
	n := 0
	successors.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("200 parallel refreshes of one token made %d successors, want 1", n)
	}
}

func TestScriptFlushAndFlushAll(t *testing.T) {
	s := startServer(t)
	stores := newStoresAt(t, s.addr)
	a := newApp(t, stores.Sessions())
	_, _, cookie := a.do("POST", "/login?as=u", nil)
	admin := newClient(t, s.addr)
	if err := admin.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := a.do("POST", "/login?as=v", nil); code != 200 {
		t.Errorf("a script after SCRIPT FLUSH: %d, want 200", code)
	}
	if err := admin.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if code, body, _ := a.do("GET", "/", cookie); code != 401 || !strings.Contains(body, "Invalid session") {
		t.Errorf("after FLUSHALL: %d %s", code, body)
	}
}

func TestReadOnlyReplica(t *testing.T) {
	main := startServer(t)
	a := newApp(t, newStoresAt(t, main.addr).Sessions())
	_, _, cookie := a.do("POST", "/login?as=u", nil)
	// As a replica of a server that does not exist, it retains its data and accepts no
	// writes.
	if err := newClient(t, main.addr).Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if code, body, _ := a.do("GET", "/", cookie); code != 200 || body != "u" {
		t.Errorf("a read: %d %s, want 200", code, body)
	}
	for _, target := range []string{"/login?as=v", "/logout"} {
		if code, body, _ := a.do("POST", target, cookie); code != 503 {
			t.Errorf("%s: %d %s, want 503", target, code, body)
		}
	}
	if code, _, _ := a.do("GET", "/", cookie); code != 200 {
		t.Errorf("after a logout that failed: %d, want 200", code)
	}
}

func TestNew(t *testing.T) {
	refusing := newClient(t, "127.0.0.1:1")
	old := newClient(t, helloServer(t, "server", "redis", "version", "6.0.16"))
	noDeadlines := redis.NewClient(&redis.Options{Addr: address(), MaxRetries: -1})
	defer noDeadlines.Close()
	for _, tt := range []struct {
		name   string
		client redis.UniversalClient
		prefix string
		want   string
	}{
		{"no client", nil, "app", "client is nil"},
		{"no prefix", old, "", "prefix"},
		{"a brace", old, "a{b", "prefix"},
		{"no server", refusing, "app", "refused"},
		{"an old server", old, "app", `Redis "6.0.16"`},
		{"deadlines", noDeadlines, "app", "ContextTimeoutEnabled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := redisstore.New(t.Context(), tt.client, tt.prefix)
			if s != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, %v; want an error with %q", s, err, tt.want)
			}
		})
	}
}

// TestRoundTrips counts the round trips of each operation by a hook.
func TestRoundTrips(t *testing.T) {
	s, c, _ := newStores(t)
	var trips atomic.Int64
	c.AddHook(hook(func(commands int, next func() error) error {
		trips.Add(int64(commands))
		return next()
	}))
	a := newApp(t, s.Sessions())
	r := newRefresher(t, s)
	limits := s.RateLimits()
	_, _, cookie := a.do("POST", "/login?as=u", nil)
	pair, _ := r.Start(t.Context(), "u", nil)
	takes := []ratelimit.Take{
		{Limit: ratelimit.Limit{Name: "a", Quota: 2, Window: time.Minute}, Key: "k", Cost: 1},
		{Limit: ratelimit.Limit{Name: "b", Quota: 3, Window: time.Hour}, Key: "k", Cost: 1},
	}
	one := []ratelimit.Take{{Limit: ratelimit.Limit{Name: "c", Quota: 1, Window: time.Hour}, Key: "k", Cost: 1}}
	// The first use of a script needs a second command, which loads it.
	for _, load := range []func() error{
		func() error {
			_, err := limits.Take(t.Context(), []ratelimit.Take{{Limit: takes[0].Limit, Key: "other", Cost: 0}})
			return err
		},
		func() error { return s.Sessions().Touch(t.Context(), session.Key{}, time.Now(), time.Now()) },
		func() error {
			_, err := s.TokenFamilies().Rotate(t.Context(), refresh.Rotation{Subject: "u", ID: "none", Now: time.Now()})
			return err
		},
	} {
		if err := load(); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		want int64
		do   func() error
	}{
		{"a login", 1, func() error { a.do("POST", "/login?as=v", nil); return nil }},
		{"a session's load", 1, func() error { a.do("GET", "/", cookie); return nil }},
		{"a touch", 1, func() error {
			return s.Sessions().Touch(t.Context(), session.Key{}, time.Now(), time.Now().Add(time.Hour))
		}},
		{"a decision of two limits", 1, func() error { _, err := limits.Take(t.Context(), takes); return err }},
		{"a grant", 1, func() error { _, err := limits.Take(t.Context(), one); return err }},
		{"the first refusal", 1, func() error { _, err := limits.Take(t.Context(), one); return err }},
		{"every further refusal", 0, func() error { _, err := limits.Take(t.Context(), one); return err }},
		{"a denylist check", 1, func() error { _, err := s.Denylist().Denied(t.Context(), time.Time{}, "", "a", "b"); return err }},
		{"a rotation", 1, func() error {
			_, err := s.TokenFamilies().Rotate(t.Context(), refresh.Rotation{Subject: "u", ID: "none", Now: time.Now()})
			return err
		}},
	} {
		trips.Store(0)
		if err := tt.do(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if n := trips.Load(); n != tt.want {
			t.Errorf("%s took %d round trips, want %d", tt.name, n, tt.want)
		}
	}
	if pair == nil {
		t.Error("no login")
	}
}
