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

// TestLoginDefaults: five typos behind one NAT locked out the sixth colleague.
func TestLoginDefaults(t *testing.T) {
	c := harness.NewClock()
	l := newLogin(t, &ratelimit.LoginOptions{Now: c.Now})
	for i := range 20 {
		if w := login(l, "203.0.113.7", fmt.Sprint("user", i), "wrong"); w.Code != 401 {
			t.Fatalf("failure %d: %d", i+1, w.Code)
		}
	}
	if w := login(l, "203.0.113.7", "alice", "right"); w.Code != 429 {
		t.Errorf("after 20 failures of one address: %d", w.Code)
	}
	c.Advance(15*time.Minute + 15*time.Minute/16) // as for any quota above 16
	if w := login(l, "203.0.113.7", "alice", "right"); w.Code != 200 {
		t.Errorf("after the window: %d", w.Code)
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
		"strikes":      {&ratelimit.LoginOptions{Strikes: make([]ratelimit.Limit, 10)}, "10 strikes"},
		"no devices":   {&ratelimit.LoginOptions{Device: ratelimit.Limit{Quota: 1, Window: time.Hour}}, "without DeviceOf"},
		"device":       {&ratelimit.LoginOptions{Device: ratelimit.Limit{Quota: -7, Window: time.Hour}, DeviceOf: byDeviceHeader}, "quota -7"},
		"a calendar":   {&ratelimit.LoginOptions{Account: ratelimit.Limit{Quota: 5, Calendar: ratelimit.Daily(nil)}}, `"login-account": a login counts failures in a Window`},
		"in flight":    {&ratelimit.LoginOptions{Strikes: []ratelimit.Limit{ratelimit.Concurrent(5)}}, `"concurrent": a login counts failures in a Window`},
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
