package ratelimit_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

// TestRightLoginsAtOnce: of 20 right logins at once from one address, with a quota
// of 5, 15 were refused for 15 minutes.
func TestRightLoginsAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		opts          ratelimit.LoginOptions
		addr, account string // with %d for those that differ
	}{
		"address":         {ratelimit.LoginOptions{Address: loginLimit}, "203.0.113.7", "user%d"},
		"address by GCRA": {ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 5, Window: 15 * time.Minute, Algorithm: ratelimit.GCRA}}, "203.0.113.7", "user%d"},
		"account":         {ratelimit.LoginOptions{Account: loginLimit}, "203.0.113.%d", "alice"},
		"strikes":         {ratelimit.LoginOptions{Strikes: []ratelimit.Limit{loginLimit}}, "203.0.113.%d", "alice"},
		"network":         {ratelimit.LoginOptions{Network: loginLimit}, "[2001:db8:0:%d::1]", "user%d"},
		"both":            {ratelimit.LoginOptions{Address: loginLimit, Account: ratelimit.Limit{Quota: 4, Window: time.Hour}}, "203.0.113.7", "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, twoProcesses(t, tt.opts)...)
				s.atOnce(20, func(i int) {
					n := strings.NewReplacer("%d", strconv.Itoa(i))
					s.login(i, n.Replace(tt.addr), n.Replace(tt.account), true, false)
				})
				s.want("map[200:20]")
				if s.most < 4 || s.most > 5 {
					t.Errorf("up to %d in flight", s.most)
				}
			})
		})
	}
}

// TestFailuresAtOnce: failures, a panic and a client that leaves fill the window,
// and those that waited for them are refused for as long as it lasts.
func TestFailuresAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, twoProcesses(t, ratelimit.LoginOptions{Address: loginLimit})...)
		s.atOnce(64, func(i int) { s.login(i, "203.0.113.7", fmt.Sprint("user", i), i%3 == 0, i%3 == 0) })
		if s.codes["429 after 900"] != 59 || s.failed != 5 || s.sum > 5 {
			t.Errorf("%v, %d failures", s.codes, s.failed)
		}
		if s.longest > time.Second {
			t.Errorf("waited %v", s.longest)
		}
	})
}

// TestRightAndWrongLoginsAtOnce: attempts in flight and failures never exceed the
// quota.
func TestRightAndWrongLoginsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, twoProcesses(t, ratelimit.LoginOptions{Address: loginLimit})...)
		s.atOnce(100, func(i int) {
			time.Sleep(time.Duration(i) * time.Millisecond)
			s.login(i, "203.0.113.7", fmt.Sprint("user", i), i%9 != 0, false)
		})
		if s.sum != 5 || s.failed != 5 || s.codes["200"] == 0 || s.codes["429 after 1"] != 0 {
			t.Errorf("%v, %d failures, up to %d at once", s.codes, s.failed, s.sum)
		}
	})
}

// TestSlowLogins: those that wait in vain may try again in a second.
func TestSlowLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newLogin(t, &ratelimit.LoginOptions{Address: loginLimit}))
		s.takes = 30 * time.Second
		s.atOnce(5+256+10, func(i int) {
			time.Sleep(time.Duration(i) * time.Microsecond)
			began := time.Now()
			s.login(i, "203.0.113.7", fmt.Sprint("user", i), true, false)
			if waited := time.Since(began); i >= 5+256 && waited != 0 {
				t.Errorf("attempt %d waited %v", i, waited)
			}
		})
		s.want("map[200:5 429 after 1:266]")
		if s.longest < 4*time.Second || s.longest > 5*time.Second {
			t.Errorf("waited %v", s.longest)
		}
		s.takes = 50 * time.Millisecond // no one waits any more
		s.codes = map[string]int{}
		s.atOnce(20, func(i int) { s.login(i, "203.0.113.7", fmt.Sprint("user", i), true, false) })
		s.want("map[200:20]")
	})
}

// TestWaitingClientLeaves: its attempt takes nothing.
func TestWaitingClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogin(t, &ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 1, Window: time.Hour}})
		r, end := atServer(t, "203.0.113.7")
		first, err := l.Attempt(r, "alice")
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		leaving, leave := atServer(t, "203.0.113.7")
		time.AfterFunc(time.Second, leave)
		began := time.Now()
		a, err := l.Attempt(leaving, "bob")
		if a != nil || err == nil || time.Since(began) != time.Second {
			t.Errorf("%v, %v after %v", a, err, time.Since(began))
		}
		if err := first.Succeed(r.Context()); err != nil {
			t.Fatal(err)
		}
		if err := failed(l, fromIP("203.0.113.7"), "bob"); err != nil {
			t.Error(err)
		}
	})
}

// TestFlightsWithoutAStore: in an outage of the store, attempts wait for those that
// the fallback counts, and FailOpen has none.
func TestFlightsWithoutAStore(t *testing.T) {
	for name, failure := range map[string]ratelimit.Failure{"fallback": {}, "open": ratelimit.FailOpen()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newFaulty()
				store.set(down)
				l := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
					Address: loginLimit, Store: store, Secret: []byte("sixteen bytes..."), OnFailure: failure,
				}))
				s := newSite(t, l)
				s.atOnce(20, func(i int) { s.login(i, "203.0.113.7", fmt.Sprint("user", i), true, false) })
				s.want("map[200:20]")
				s.codes = map[string]int{}
				s.atOnce(20, func(i int) { s.login(i, "203.0.113.7", fmt.Sprint("user", i), false, false) })
				if name == "open" {
					s.want("map[401:20]")
				} else {
					s.want("map[401:5 429 after 900:15]")
				}
			})
		})
	}
}
