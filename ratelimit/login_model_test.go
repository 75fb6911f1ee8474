package ratelimit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// A loginModel has the failures of each count as the times at which they expire.
type loginModel struct {
	limits map[string]ratelimit.Limit // by the first letter of a count
	counts map[string][]time.Time
}

// wait returns how long a count refuses.
func (m *loginModel) wait(now time.Time, count string) time.Duration {
	var live []time.Time
	for _, at := range m.counts[count] {
		if at.After(now) {
			live = append(live, at)
		}
	}
	m.counts[count] = live
	if l := m.limits[count[:1]]; len(live) >= l.Quota {
		return live[len(live)-l.Quota].Sub(now)
	}
	return 0
}

func (m *loginModel) longest(now time.Time, counts []string) (wait time.Duration) {
	for _, c := range counts {
		wait = max(wait, m.wait(now, c))
	}
	return wait
}

// attempt returns how long a login is refused. A device is -1 for a stranger.
func (m *loginModel) attempt(now time.Time, addr, account string, device int, right bool) time.Duration {
	places, known := []string{"n" + addr}, fmt.Sprint("d", device, account)
	if network, found := strings.CutSuffix(addr, "::1"); found {
		places = append(places, "w"+network[:len(network)-1]) // the last digit is that of a /64
	}
	stranger := []string{"a" + account, "s" + account}
	counts, cleared := append(places, stranger...), stranger
	if device >= 0 {
		if m.wait(now, known) > 0 {
			cleared = append(cleared, known) // a stranger
		} else {
			counts, cleared = append(places, known), []string{known}
		}
	}
	if wait := m.longest(now, counts); wait > 0 {
		return wait
	}
	if right {
		for _, c := range cleared {
			delete(m.counts, c)
		}
		return 0
	}
	for _, c := range counts {
		m.counts[c] = append(m.counts[c], now.Add(m.limits[c[:1]].Window))
	}
	return 0
}

// TestLoginModel: logins one after the other are as those of a plain twin.
func TestLoginModel(t *testing.T) {
	for seed := range uint64(40) {
		rnd, c := rand.New(rand.NewPCG(seed, 1)), harness.NewClock()
		m := &loginModel{counts: map[string][]time.Time{}, limits: map[string]ratelimit.Limit{
			"n": {Name: "n", Quota: 5, Window: 15 * time.Minute},
			"w": {Name: "w", Quota: 7, Window: 20 * time.Minute},
			"a": {Name: "a", Quota: 4, Window: time.Hour},
			"s": {Name: "s", Quota: 6, Window: 4 * time.Hour},
			"d": {Name: "d", Quota: 2, Window: time.Hour},
		}}
		d := newDeviceLogins(t, ratelimit.LoginOptions{
			Address: m.limits["n"], Network: m.limits["w"], Account: m.limits["a"], Strikes: []ratelimit.Limit{m.limits["s"]}, Device: m.limits["d"],
		})
		now := c.Now()
		for step := range 400 {
			account := string(rune('x' + rnd.IntN(3)))
			if rnd.IntN(30) == 0 {
				if err := d.Reset(t.Context(), account); err != nil {
					t.Fatal(err)
				}
				for _, count := range []string{"a", "s", "d0", "d1"} {
					delete(m.counts, count+account)
				}
			}
			by := time.Duration(rnd.IntN(10)) * time.Minute
			d.clock.Advance(by)
			now = now.Add(by)
			addr, device, right := fmt.Sprintf("2001:db8:%d:%d::1", rnd.IntN(2), rnd.IntN(3)), rnd.IntN(3)-1, rnd.IntN(4) == 0
			r := fromIP("[" + addr + "]")
			if rnd.IntN(4) == 0 {
				addr = fmt.Sprint("203.0.113.", rnd.IntN(2))
				r = fromIP(addr)
			}
			if device >= 0 {
				r.Header.Set("Device", fmt.Sprint(account, "/", device))
			}
			want := m.attempt(now, addr, account, device, right)
			attempt, err := d.Attempt(r, account)
			e, refused := errors.AsType[*guard.Error](err)
			if refused != (want > 0) || refused && e.Header.Get("Retry-After") != fmt.Sprint(int(want.Seconds())) {
				t.Fatalf("seed %d, step %d, device %d: %v, want a wait of %v", seed, step, device, err, want)
			}
			if right {
				if err := attempt.Succeed(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			attempt.Fail(t.Context())
		}
	}
}
