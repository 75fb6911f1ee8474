package sqlstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// inParallel calls f n times, so many times at once.
func inParallel(n, parallel int, f func()) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				f()
			}
		})
	}
	wg.Wait()
}

func newFamily(subject string) refresh.Family {
	now := time.Now()
	return refresh.Family{Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(time.Hour), ListedUntil: now.Add(time.Hour)}
}

// TestParallelLogins: of 192 logins of one subject, 64 at once in two processes, 100
// are left, and as many API keys as one may have.
func TestParallelLogins(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		db, ctx := p.open(t), context.Background()
		processes := []*sqlstore.Stores{s, b.in(t, p, nil)}
		var next atomic.Int64
		var ended sync.Map
		inParallel(192, 64, func() {
			s := processes[next.Add(1)%2]
			err := s.Sessions().Insert(ctx, sessiontest.Record("alice"), session.AnyEpoch)
			families, err2 := s.TokenFamilies().Start(ctx, newFamily("alice"))
			for _, f := range families {
				ended.Store(f.ID, true)
			}
			if err := errors.Join(err, err2); err != nil {
				t.Error(err)
			}
		})
		if n := count(t, db, "guard_sessions"); n != 100 {
			t.Errorf("%d sessions", n)
		}
		if n := count(t, db, "guard_families WHERE generation > 0"); n != 100 {
			t.Errorf("%d families", n)
		}
		n := 0
		ended.Range(func(any, any) bool { n++; return true })
		if n != 92 {
			t.Errorf("Start returned %d families that it ended", n)
		}
		var refused atomic.Int64
		inParallel(40, 40, func() {
			e := apikey.Entry{Record: apikey.Record{ID: rand.Text()[:12], Subject: "alice"}}
			switch ok, err := processes[next.Add(1)%2].APIKeys().Insert(ctx, e, 10); {
			case errors.Is(err, apikey.ErrTooMany):
				refused.Add(1)
			case !ok || err != nil:
				t.Errorf("Insert = %t, %v", ok, err)
			}
		})
		if n := count(t, db, "guard_api_keys"); n != 10 || refused.Load() != 30 {
			t.Errorf("%d API keys, and %d were refused", n, refused.Load())
		}
	})
}

// TestLoginsUnderEveryIsolation: 300 logins of one subject, 64 at once, succeed under
// every isolation level.
func TestLoginsUnderEveryIsolation(t *testing.T) {
	t.Parallel()
	for _, b := range backends[:2] {
		for _, level := range append([]string{"READ UNCOMMITTED"}, levels...) {
			t.Run(b.name+"/"+level, func(t *testing.T) { // one after the other: they are a load
				if level != "SERIALIZABLE" && os.Getenv("GUARD_HARDEN") != "1" {
					t.Skip("conflicts are rare, and the load takes seconds: GUARD_HARDEN=1")
				}
				_, p := b.stores(t, nil)
				s := b.withIsolation(t, p, level)
				for _, login := range []struct {
					name string
					run  func() error
				}{
					{"a session", func() error {
						return s.Sessions().Insert(context.Background(), sessiontest.Record("alice"), session.AnyEpoch)
					}},
					{"a session at an epoch", func() error {
						return s.Sessions().Insert(context.Background(), sessiontest.Record("bob"), 0)
					}},
					{"a family", func() error {
						_, err := s.TokenFamilies().Start(context.Background(), newFamily("alice"))
						return err
					}},
					{"an API key", func() error {
						e := apikey.Entry{Record: apikey.Record{ID: rand.Text()[:12], Subject: "alice"}}
						_, err := s.APIKeys().Insert(context.Background(), e, 1000)
						return err
					}},
				} {
					var failed atomic.Int64
					var last atomic.Pointer[error]
					inParallel(300, 64, func() {
						if err := login.run(); err != nil {
							failed.Add(1)
							last.Store(&err)
						}
					})
					if failed.Load() > 0 {
						t.Errorf("%s: %d of 300 failed, such as %v", login.name, failed.Load(), *last.Load())
					}
				}
			})
		}
	}
}
