package ratelimit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// TestLoginNetwork: one IPv6 /48, which many get for one contract, had 65,536 times the
// quota of an address.
func TestLoginNetwork(t *testing.T) {
	for name, tt := range map[string]struct {
		opts ratelimit.LoginOptions
		want int
		wait string
	}{
		"default":      {ratelimit.LoginOptions{}, 100, "913"}, // of a quota above 16: by sixteenths
		"five times":   {ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 2, Window: time.Hour}}, 10, "3600"},
		"GCRA":         {ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 60, Window: time.Hour, Algorithm: ratelimit.GCRA, Burst: 2}}, 10, "12"},
		"another name": {ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 2, Window: time.Hour}, Network: ratelimit.Limit{Name: "site"}}, 10, "3600"},
		"own":          {ratelimit.LoginOptions{Network: ratelimit.Limit{Quota: 3, Window: time.Minute}}, 3, "60"},
	} {
		t.Run(name, func(t *testing.T) {
			c := harness.NewClock()
			tt.opts.Now = c.Now
			l := newLogin(t, &tt.opts)
			tried := 0
			for i := range 150 {
				w := login(l, fmt.Sprintf("[2001:db8:1:%x::1]", i), fmt.Sprint("user", i), "wrong")
				if w.Code == 401 {
					tried++
				} else if w.Code != 429 || w.Header().Get("Retry-After") != tt.wait {
					t.Fatalf("guess %d: %d %v, want Retry-After %s", i+1, w.Code, w.Header(), tt.wait)
				}
			}
			if tried != tt.want {
				t.Errorf("%d guesses, want %d", tried, tt.want)
			}
			for addr, want := range map[string]int{"[2001:db8:1:ffff::1]": 429, "[2001:db8:2:1::1]": 200, "203.0.113.7": 200} {
				if w := login(l, addr, "alice", "right"); w.Code != want {
					t.Errorf("%s: %d, want %d", addr, w.Code, want)
				}
			}
			for i := range 150 { // IPv4 has no such networks
				if w := login(l, fmt.Sprintf("203.0.113.%d", i), fmt.Sprint("neighbour", i), "wrong"); w.Code != 401 {
					t.Fatalf("address %d of IPv4: %d", i, w.Code)
				}
			}
		})
	}
}

// TestOneMistakeOfAddress: the network's default follows from the address's limit.
func TestOneMistakeOfAddress(t *testing.T) {
	_, err := ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: -1, Window: time.Hour}})
	if err == nil || strings.Contains(err.Error(), "login-network") {
		t.Errorf("%v", err)
	}
}

// TestLoginNetworkGivesBack: a right login, and an attempt that is withdrawn, give the
// network back one unit each.
func TestLoginNetworkGivesBack(t *testing.T) {
	c := harness.NewClock() // which stands still: all attempts are of one instant
	l := newLogin(t, &ratelimit.LoginOptions{Network: ratelimit.Limit{Quota: 2, Window: time.Hour}, Now: c.Now})
	for i := range 50 {
		r := fromIP(fmt.Sprintf("[2001:db8:1:%x::1]", i))
		a, err := l.Attempt(r, "alice")
		if err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
		if i%2 == 0 {
			err = a.Succeed(r.Context())
		} else {
			err = a.Withdraw(r.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if i == 9 {
			login(l, "[2001:db8:1:ff::1]", "bob", "wrong")
		}
	}
	for _, want := range []int{401, 429} {
		if w := login(l, "[2001:db8:1:fe::1]", "carol", "wrong"); w.Code != want {
			t.Errorf("%d, want %d", w.Code, want)
		}
	}
}
