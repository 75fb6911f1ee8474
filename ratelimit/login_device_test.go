package ratelimit_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// byDeviceHeader is a DeviceOf for tests. A program reads a signed cookie.
func byDeviceHeader(r *http.Request, account string) (int, bool, error) {
	owner, device, found := strings.Cut(r.Header.Get("Device"), "/")
	if !found || owner != account {
		return 0, false, nil
	}
	n, err := strconv.Atoi(device)
	return n, true, err
}

// deviceLogins is a login of many addresses, with the quotas 10, 10 and 10.
type deviceLogins struct {
	*testing.T
	*ratelimit.Login
	clock *harness.Clock
	n     int // attempts
}

func newDeviceLogins(t *testing.T, o ratelimit.LoginOptions) *deviceLogins {
	c := harness.NewClock()
	o.DeviceOf, o.Now = byDeviceHeader, c.Now
	return &deviceLogins{T: t, Login: newLogin(t, &o), clock: c}
}

// try tries a password from a new address and from a device, "" for a stranger.
func (d *deviceLogins) try(device, account, password string, want int) {
	d.Helper()
	d.n++
	if w := d.from("2001:db8:0:"+strconv.FormatInt(int64(d.n), 16)+"::1", device, account, password); w.Code != want {
		d.Errorf("attempt %d, of %q: %d %s, want %d", d.n, device, w.Code, w.Body, want)
	}
}

func (d *deviceLogins) from(addr, device, account, password string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), fromIP("["+addr+"]")
	if device != "" {
		r.Header.Set("Device", device)
	}
	attempt, err := d.Attempt(r, account)
	defer attempt.Fail(r.Context())
	if err == nil && password != "right" {
		err = guard.Unauthorized("Invalid credentials")
	}
	if err != nil {
		guard.Refuse(w, r, err)
		return w
	}
	if err := attempt.Succeed(r.Context()); err != nil {
		d.Error(err)
	}
	return w
}

func (d *deviceLogins) times(n int, device, account, password string, want int) {
	d.Helper()
	for range n {
		d.try(device, account, password, want)
	}
}

// TestDeviceOfTheOwner: ten failures of a stranger kept the owner out for an hour,
// on all devices.
func TestDeviceOfTheOwner(t *testing.T) {
	d := newDeviceLogins(t, ratelimit.LoginOptions{})
	d.times(10, "", "alice", "wrong", 401)
	d.try("", "alice", "right", 429)
	d.try("bob/0", "alice", "right", 429) // a device of another account is a stranger
	d.try("alice/3", " Alice ", "right", 200)

	// The owner's login does not give the stranger another ten guesses.
	d.try("", "alice", "wrong", 429)

	// Each device has a count, and a success clears it.
	d.times(9, "alice/3", "alice", "wrong", 401)
	d.try("alice/3", "alice", "right", 200)
	d.times(10, "alice/3", "alice", "wrong", 401)
	d.try("alice/3", "alice", "right", 429) // a stranger, whose count is used up
	d.try("alice/4", "alice", "right", 200)

	d.clock.Advance(time.Hour)
	d.times(10, "alice/3", "alice", "wrong", 401)
	d.times(10, "alice/3", "alice", "wrong", 401) // the stranger's count
	d.try("alice/3", "alice", "right", 429)
	d.try("", "alice", "right", 429)
	d.try("alice/9", "alice", "right", 200)
}

// TestDeviceAsAStranger: a device that has used up its failures may use those of a
// stranger, and its success undoes both.
func TestDeviceAsAStranger(t *testing.T) {
	d := newDeviceLogins(t, ratelimit.LoginOptions{
		Device: ratelimit.Limit{Quota: 2, Window: time.Hour}, Account: ratelimit.Limit{Quota: 3, Window: time.Hour},
	})
	d.times(4, "alice/0", "alice", "wrong", 401)
	d.try("alice/0", "alice", "right", 200)
	d.times(3, "", "alice", "wrong", 401)
	d.try("", "alice", "right", 429)
	d.times(2, "alice/0", "alice", "wrong", 401)
	d.try("alice/0", "alice", "right", 429)
}

// TestAddressOfADevice: devices do not get around the limit of their address.
func TestAddressOfADevice(t *testing.T) {
	d := newDeviceLogins(t, ratelimit.LoginOptions{Address: loginLimit})
	for i := range 5 {
		if w := d.from("2001:db8::1", "alice/"+strconv.Itoa(i), "alice", "wrong"); w.Code != 401 {
			t.Errorf("failure %d: %d", i+1, w.Code)
		}
	}
	if w := d.from("2001:db8::1", "alice/5", "alice", "right"); w.Code != 429 || w.Header().Get("Retry-After") != "900" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	d.times(10, "alice/5", "alice", "wrong", 401) // what the address refused, the device did not take
}

// TestResetOfDevices: all counts of an account are undone, and no others.
func TestResetOfDevices(t *testing.T) {
	d := newDeviceLogins(t, ratelimit.LoginOptions{Device: ratelimit.Limit{Quota: 1, Window: time.Hour}, Strikes: []ratelimit.Limit{
		{Name: "s1", Quota: 11, Window: 2 * time.Hour}, {Name: "s2", Quota: 12, Window: 3 * time.Hour}, {Name: "s3", Quota: 13, Window: 4 * time.Hour},
		{Name: "s4", Quota: 14, Window: 5 * time.Hour}, {Name: "s5", Quota: 15, Window: 6 * time.Hour}, {Name: "s6", Quota: 16, Window: 7 * time.Hour},
		{Name: "s7", Quota: 17, Window: 8 * time.Hour},
	}})
	devices := []string{"/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9"}
	for _, account := range []string{"alice", "bob"} {
		d.times(10, "", account, "wrong", 401)
		for _, device := range devices {
			d.try(account+device, account, "wrong", 401)
			d.try(account+device, account, "right", 429)
		}
	}
	if err := d.Reset(t.Context(), "ALICE"); err != nil {
		t.Fatal(err)
	}
	for _, device := range devices {
		d.try("alice"+device, "alice", "wrong", 401)
		d.try("bob"+device, "bob", "right", 429)
	}
	d.times(10, "", "alice", "wrong", 401)
	for _, device := range devices {
		d.try("alice"+device, "alice", "right", 429)
	}
}

func TestDeviceErrors(t *testing.T) {
	errDatabase := errors.New("connection refused")
	for name, tt := range map[string]struct {
		deviceOf func(*http.Request, string) (int, bool, error)
		status   int
	}{
		"failure":  {func(*http.Request, string) (int, bool, error) { return 0, true, errDatabase }, 500},
		"outage":   {func(*http.Request, string) (int, bool, error) { return 0, true, guard.Unavailable(errDatabase) }, 503},
		"refusal":  {func(*http.Request, string) (int, bool, error) { return 0, true, &guard.Error{Status: 403} }, 403},
		"too high": {func(*http.Request, string) (int, bool, error) { return ratelimit.MaxDevices, true, nil }, 500},
		"negative": {func(*http.Request, string) (int, bool, error) { return -1, true, nil }, 500},
		"absent":   {func(*http.Request, string) (int, bool, error) { return -1, false, nil }, 204},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLogin(t, &ratelimit.LoginOptions{DeviceOf: tt.deviceOf, Address: ratelimit.Limit{Quota: 1, Window: time.Hour}})
			a := serve(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := l.Attempt(r, "alice"); err != nil {
						guard.Refuse(w, r, err)
						return
					}
					next.ServeHTTP(w, r)
				})
			}, fromIP("203.0.113.7"))
			if a.Code != tt.status || strings.Contains(a.Body.String(), errDatabase.Error()) || len(a.decisions) != 1 {
				t.Errorf("%d %s %+v", a.Code, a.Body, a.decisions)
			}
		})
	}
}

// TestDeviceIsObserved: a decision names the count of the device, or that of
// strangers in its place.
func TestDeviceIsObserved(t *testing.T) {
	l := newLogin(t, &ratelimit.LoginOptions{DeviceOf: byDeviceHeader, Device: ratelimit.Limit{Quota: 1, Window: time.Hour}})
	request := func() *http.Request {
		r := fromIP("203.0.113.7")
		r.Header.Set("Device", "alice@example.com/2")
		return r
	}
	var got []string
	for _, d := range observeLogins(t, l, request(), request()) {
		got = append(got, d.Guard+" "+string(d.Outcome))
	}
	if s := strings.Join(got, ", "); s != "login-device allowed, login-account allowed" {
		t.Error(s)
	}
}
