package ratelimit_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

// TestEndOfAnAttempt: what ends an attempt that does not succeed ends the wait for
// it. The attempt counts.
func TestEndOfAnAttempt(t *testing.T) {
	for name, tt := range map[string]struct {
		end    func(a *ratelimit.Attempt, r *http.Request, end func())
		server bool
		after  time.Duration
	}{
		"Fail":                {func(a *ratelimit.Attempt, r *http.Request, _ func()) { a.Fail(r.Context()) }, true, 0},
		"its handler":         {func(_ *ratelimit.Attempt, _ *http.Request, end func()) { end() }, true, 0},
		"time":                {func(*ratelimit.Attempt, *http.Request, func()) {}, true, time.Minute},
		"time, and no server": {func(*ratelimit.Attempt, *http.Request, func()) {}, false, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newFaulty()
				l := newLogin(t, &ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 1, Window: time.Hour}, Store: store, Secret: []byte("sixteen bytes...")})
				r, end := atServer(t, "203.0.113.7")
				defer end()
				if !tt.server {
					r = fromIP("203.0.113.7")
				}
				a, err := l.Attempt(r, "alice")
				if err != nil {
					t.Fatal(err)
				}
				tt.end(a, r, end)
				if tt.after > 0 {
					time.Sleep(tt.after - time.Nanosecond)
					leaving, leave := atServer(t, "203.0.113.7")
					leave()
					if e := refusalOf(t, l, leaving); e.Header.Get("Retry-After") != "1" {
						t.Errorf("just before its end: %v", e.Header)
					}
					time.Sleep(time.Nanosecond)
				}
				synctest.Wait()
				e := refusalOf(t, l, fromIP("203.0.113.7"))
				if want := fmt.Sprint(3600 - int(tt.after.Seconds())); e.Header.Get("Retry-After") != want {
					t.Errorf("after its end: %v, want %s", e.Header, want)
				}
				if err := a.Succeed(t.Context()); err != nil {
					t.Error(err)
				}
				if err := failed(l, fromIP("203.0.113.7"), "alice"); (err == nil) == (name == "Fail") {
					t.Errorf("after its success: %v", err)
				}
			})
		})
	}
}

func refusalOf(t *testing.T, l *ratelimit.Login, r *http.Request) *guard.Error {
	t.Helper()
	a, err := l.Attempt(r, "bob")
	e, ok := errors.AsType[*guard.Error](err)
	if !ok || e.Status != 429 {
		t.Fatalf("%v, %v", a, err)
	}
	return e
}

// TestOutageOfTheDatabase: an outage of what a login looks up locked out the people
// behind a NAT. Their attempts are withdrawn.
func TestOutageOfTheDatabase(t *testing.T) {
	store := newFaulty()
	l := newLogin(t, &ratelimit.LoginOptions{
		Address: loginLimit, Account: ratelimit.Limit{Quota: 3, Window: time.Hour}, Strikes: []ratelimit.Limit{{Name: "day", Quota: 4, Window: 24 * time.Hour}},
		Store: store, Secret: []byte("sixteen bytes..."), Timeout: longTimeout, DeviceOf: byDeviceHeader, Device: ratelimit.Limit{Quota: 1, Window: time.Hour},
	})
	for range 2 { // failures, which stay
		if err := failed(l, fromIP("203.0.113.7"), "alice"); err != nil {
			t.Fatal(err)
		}
	}
	withdraw := func(r *http.Request) {
		t.Helper()
		attempt, err := l.Attempt(r, "alice")
		for range 2 {
			if err == nil {
				err = attempt.Withdraw(t.Context())
			}
		}
		if err == nil {
			err = attempt.Succeed(t.Context()) // which is too late
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	onDevice := fromIP("203.0.113.7")
	onDevice.Header.Set("Device", "alice/0")
	for range 10 {
		withdraw(fromIP("203.0.113.7"))
		withdraw(onDevice)
	}
	if err := failed(l, onDevice, "alice"); err != nil {
		t.Fatal(err)
	}
	withdraw(onDevice) // in the place of a stranger
	if err := failed(l, fromIP("203.0.113.7"), "alice"); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{fromIP("203.0.113.8"), onDevice} {
		if err := failed(l, r, "alice"); err == nil {
			t.Errorf("a fourth guess, of %q", r.Header.Get("Device"))
		}
	}
	if err := failed(l, fromIP("203.0.113.7"), "bob"); err != nil { // the fifth of the address
		t.Error(err)
	}
	if err := failed(l, fromIP("203.0.113.7"), "bob"); err == nil {
		t.Error("a sixth guess from one address")
	}

	attempt, err := l.Attempt(fromIP("203.0.113.9"), "carol")
	if err != nil {
		t.Fatal(err)
	}
	store.set(down)
	if err := attempt.Withdraw(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("Withdraw: %v", err)
	}
}
