package password_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/password"
)

var deviceKey = bytes.Repeat([]byte("k"), 32)

// epochs are those of subjects.
type epochs map[string]int64

func (e epochs) of(_ context.Context, subject string) (int64, error) { return e[subject], nil }

var alice = password.Device{Account: "alice@example.com", Subject: "subject-1", Epoch: 7}

// remember returns the request of a browser, with its cookie from then on.
func remember(t *testing.T, d *password.Devices, r *http.Request, device password.Device) *http.Request {
	t.Helper()
	w := httptest.NewRecorder()
	if err := d.Remember(w, r, device); err != nil {
		t.Fatal(err)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%v", w.Header())
	}
	return browser(cookies[0].Name + "=" + cookies[0].Value)
}

func browser(cookie string) *http.Request {
	r := httptest.NewRequest("POST", "/login", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r
}

func TestNewDevices(t *testing.T) {
	// A key that was never filled was accepted: anyone could make the cookie of any account.
	if d, err := password.NewDevices(make(guard.Secret, 32), epochs{}.of, nil); d != nil || err == nil || !strings.Contains(err.Error(), "password: the keys of devices: key 1 has zeros only") {
		t.Errorf("a key of zeros: %v", err)
	}
	if _, err := password.NewDevices(deviceKey[:31], nil, &password.DeviceOptions{
		Name: "__Host-x", Lifetime: 401 * 24 * time.Hour, OldKeys: []guard.Secret{deviceKey, nil},
	}); err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("not all mistakes are reported: %v", err)
	}
	for name, o := range map[string]password.DeviceOptions{
		"a space in the name": {Name: "a b"}, "a negative lifetime": {Lifetime: -time.Second}, "an empty old key": {OldKeys: []guard.Secret{{}}},
	} {
		if d, err := password.NewDevices(deviceKey, epochs{}.of, &o); d != nil || err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestDeviceCookie(t *testing.T) {
	for name, tt := range map[string]struct {
		opts *password.DeviceOptions
		want string
	}{
		"default":  {nil, "; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax"},
		"insecure": {&password.DeviceOptions{InsecureCookie: true, Lifetime: time.Hour}, "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
	} {
		d := guard.Must(password.NewDevices(deviceKey, epochs{}.of, tt.opts))
		w := httptest.NewRecorder()
		if err := d.Remember(w, browser(""), alice); err != nil {
			t.Fatal(err)
		}
		line := w.Header().Get("Set-Cookie")
		prefix := map[bool]string{true: "__Host-device=", false: "device="}[name == "default"]
		value, attributes, _ := strings.Cut(line, ";")
		if !strings.HasPrefix(line, prefix) || ";"+attributes != tt.want {
			t.Errorf("%s: %s", name, line)
		}
		decoded, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(value, prefix))
		if len(decoded) < 50 || bytes.Contains(decoded, []byte("alice")) || bytes.Contains(decoded, []byte("subject")) {
			t.Errorf("%s: the cookie has %q", name, decoded)
		}
	}
	d := guard.Must(password.NewDevices(deviceKey, epochs{}.of, nil))
	for _, device := range []password.Device{
		{}, {Account: "a"}, {Subject: "1"}, {Account: " ", Subject: "1"}, {Account: "a", Subject: strings.Repeat("1", 256)},
	} {
		w := httptest.NewRecorder()
		if err := d.Remember(w, browser(""), device); err == nil || len(w.Header()) > 0 {
			t.Errorf("%+v: %v, %v", device, err, w.Header())
		}
	}
}

func TestDevices(t *testing.T) {
	c := harness.NewClock()
	epoch := epochs{"subject-1": 7, "subject-2": 0}
	d := guard.Must(password.NewDevices(deviceKey, epoch.of, &password.DeviceOptions{Now: c.Now}))
	mine := remember(t, d, browser(""), alice)
	cookie := mine.Header.Get("Cookie")
	devices := func(key guard.Secret, o password.DeviceOptions) *password.Devices {
		o.Now = c.Now
		return guard.Must(password.NewDevices(key, epoch.of, &o))
	}
	another := bytes.Repeat([]byte("l"), 32)
	family := remember(t, d, mine, password.Device{Account: "bob@example.com", Subject: "subject-2"})
	crowd := mine
	for i := range 5 {
		crowd = remember(t, d, crowd, password.Device{Account: fmt.Sprint("user", i), Subject: "subject-2"})
	}
	tampered := []byte(cookie)
	tampered[len(tampered)-8] ^= 1
	for name, tt := range map[string]struct {
		d       *password.Devices
		r       *http.Request
		account string
		want    bool
	}{
		"this device":             {d, mine, "alice@example.com", true},
		"another spelling":        {d, mine, " ALICE@example.com", true},
		"another account":         {d, mine, "bob@example.com", false},
		"no account":              {d, mine, "", false},
		"no cookie":               {d, browser(""), "alice@example.com", false},
		"an empty cookie":         {d, browser("__Host-device="), "alice@example.com", false},
		"a forged one":            {d, browser("__Host-device=" + strings.Repeat("A", 100)), "alice@example.com", false},
		"a tampered one":          {d, browser(string(tampered)), "alice@example.com", false},
		"a long one":              {d, browser(cookie + strings.Repeat("A", 1<<16)), "alice@example.com", false},
		"twice":                   {d, browser(cookie + "; " + cookie), "alice@example.com", false},
		"under another name":      {devices(deviceKey, password.DeviceOptions{Name: "other"}), browser(strings.Replace(cookie, "device", "other", 1)), "alice@example.com", false},
		"of another key":          {devices(another, password.DeviceOptions{}), mine, "alice@example.com", false},
		"of an old key":           {devices(another, password.DeviceOptions{OldKeys: []guard.Secret{deviceKey}}), mine, "alice@example.com", true},
		"of a shorter lifetime":   {devices(deviceKey, password.DeviceOptions{Lifetime: time.Second}), mine, "alice@example.com", true},
		"one of a family":         {d, family, "alice@example.com", true},
		"another one of a family": {d, family, "bob@example.com", true},
		"five others came since":  {d, crowd, "alice@example.com", false},
		"the last of five":        {d, crowd, "user0", true},
	} {
		if n, found, err := tt.d.Of(tt.r, tt.account); found != tt.want || err != nil || n < 0 || n >= ratelimit.MaxDevices {
			t.Errorf("%s: %d, %t, %v", name, n, found, err)
		}
	}

	epoch["subject-1"] = 8
	if _, found, err := d.Of(mine, "alice@example.com"); found || err != nil {
		t.Errorf("after a change of the password: %t, %v", found, err)
	}
	epoch["subject-1"] = 7
	c.Advance(400*24*time.Hour - time.Second)
	if _, found, _ := d.Of(mine, "alice@example.com"); !found {
		t.Error("399 days later it is a stranger")
	}
	renewed := remember(t, d, mine, alice)
	c.Advance(time.Second)
	if _, found, _ := d.Of(mine, "alice@example.com"); found {
		t.Error("400 days later it is no stranger")
	}
	if _, found, _ := d.Of(renewed, "alice@example.com"); !found {
		t.Error("a login did not renew it")
	}
}

// A device keeps its number: signing in again is not another count.
func TestDeviceNumber(t *testing.T) {
	d := guard.Must(password.NewDevices(deviceKey, epochs{"subject-1": 7}.of, nil))
	numbers := map[int]bool{}
	for range 300 {
		r := remember(t, d, browser(""), alice)
		first, _, _ := d.Of(r, "alice@example.com")
		again, found, _ := d.Of(remember(t, d, r, alice), "alice@example.com")
		if first != again || !found {
			t.Fatalf("number %d, then %d", first, again)
		}
		numbers[first] = true
	}
	if len(numbers) != ratelimit.MaxDevices { // one is missing by chance in 10^13 runs
		t.Errorf("%d numbers", len(numbers))
	}
}

// TestDeviceEpochFails: while the epoch cannot be read, a device is a stranger.
func TestDeviceEpochFails(t *testing.T) {
	for _, failure := range []error{errors.New("down"), guard.ErrNoCredentials, guard.Forbidden("no")} {
		calls := 0
		d := guard.Must(password.NewDevices(deviceKey, func(context.Context, string) (int64, error) {
			calls++
			return 7, failure
		}, nil))
		mine := remember(t, d, browser(""), alice)
		var seen []guard.Decision
		answer(func(r *http.Request) error {
			if _, found, err := d.Of(mine.WithContext(r.Context()), "alice@example.com"); found || err != nil {
				t.Errorf("%v: %t, %v", failure, found, err)
			}
			return nil
		}, func(d guard.Decision) { seen = append(seen, d) })
		if len(seen) != 1 || seen[0].Outcome != guard.Failed || seen[0].Guard != "device" || seen[0].Subject != "subject-1" {
			t.Errorf("%v: %+v", failure, seen)
		}
		if _, _, _ = d.Of(browser(""), "alice@example.com"); calls != 1 {
			t.Errorf("%d epochs were read, one of them for a stranger", calls)
		}
	}
}

// TestDeviceIsNotLockedOut: ten failures of strangers lock the owner out everywhere,
// but not on a device that signed in before. A stolen cookie gets ten failures.
func TestDeviceIsNotLockedOut(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	table := newAccounts(t, h)
	epoch := epochs{"1": 7}
	devices := guard.Must(password.NewDevices(deviceKey, epoch.of, nil))
	l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{Hasher: h, Attempts: guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
		Address: ratelimit.Limit{Quota: 100, Window: time.Hour}, DeviceOf: devices.Of,
	}))}))
	try := func(r *http.Request, pw string) (status int) {
		_, err := l.Check(r, "alice@example.com", pw)
		if e, ok := errors.AsType[*guard.Error](err); ok {
			return e.Status
		}
		return 200
	}
	mine := remember(t, devices, browser(""), password.Device{Account: "alice@example.com", Subject: "1", Epoch: 7})
	for range 10 {
		try(browser(""), "guess")
	}
	if stranger, owner := try(browser(""), "secret"), try(mine, "secret"); stranger != 429 || owner != 200 {
		t.Errorf("after ten failures of a stranger: stranger %d, owner %d", stranger, owner)
	}
	codes := map[int]int{}
	for range 50 {
		codes[try(mine, "guess")]++
	}
	if codes[401] != 10 || codes[429] != 40 {
		t.Errorf("guesses with a stolen cookie: %v", codes)
	}
	epoch["1"]++
	if status := try(mine, "secret"); status != 429 {
		t.Errorf("after a change of the password: %d", status)
	}
}

// FuzzDevices: no value that was not set is a device.
func FuzzDevices(f *testing.F) {
	d := guard.Must(password.NewDevices(deviceKey, func(context.Context, string) (int64, error) { return 0, nil }, nil))
	f.Add("", "a")
	f.Add("AAAA", "")
	f.Add(strings.Repeat("A", 200), "alice@example.com")
	f.Fuzz(func(t *testing.T, value, account string) {
		if n, found, err := d.Of(browser("__Host-device="+value), account); n != 0 || found || err != nil {
			t.Errorf("%q: %d, %t, %v", value, n, found, err)
		}
	})
}

// TestDeviceOfALookalike: a device of "ſarah", which the limiter counts as "sarah", was
// one of hers.
func TestDeviceOfALookalike(t *testing.T) {
	d := guard.Must(password.NewDevices(deviceKey, epochs{}.of, nil))
	for account, want := range map[string]bool{"sarah": true, " SARAH\t": true, "ſarah": false, "ſARAH": false} {
		r := remember(t, d, browser(""), password.Device{Account: account, Subject: "1"})
		if _, found, err := d.Of(r, "sarah"); found != want || err != nil {
			t.Errorf("%q: %t, %v", account, found, err)
		}
	}
}
