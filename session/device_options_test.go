package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
)

// TestDeviceOptions: every mistake is reported, and names its field.
func TestDeviceOptions(t *testing.T) {
	device := session.DeviceOptions{Path: "/device"}
	for name, tt := range map[string]struct {
		opts session.Options
		want string
	}{
		"no path":         {session.Options{ExperimentalDevice: session.DeviceOptions{Every: time.Minute}}, "has no Path"},
		"an address":      {session.Options{ExperimentalDevice: session.DeviceOptions{Path: "https://example.com/device"}}, "is no path"},
		"two slashes":     {session.Options{ExperimentalDevice: session.DeviceOptions{Path: "//device"}}, "is no path"},
		"a query":         {session.Options{ExperimentalDevice: session.DeviceOptions{Path: "/device?a=b"}}, "is no path"},
		"a quote":         {session.Options{ExperimentalDevice: session.DeviceOptions{Path: `/device";authorization="x`}}, "is no path"},
		"an escape":       {session.Options{ExperimentalDevice: session.DeviceOptions{Path: "/%64evice"}}, "is no path"},
		"too short":       {session.Options{ExperimentalDevice: session.DeviceOptions{Path: "/device", Every: time.Second}}, "Every 1s is not between"},
		"too long":        {session.Options{ExperimentalDevice: session.DeviceOptions{Path: "/device", Every: 2 * time.Hour}}, "Every 2h0m0s is not between"},
		"http":            {session.Options{ExperimentalDevice: device, InsecureCookie: true}, "over https only"},
		"a domain":        {session.Options{ExperimentalDevice: device, Domain: "example.com"}, "with Domain"},
		"SameSite None":   {session.Options{ExperimentalDevice: device, SameSite: http.SameSiteNoneMode}, "SameSite None"},
		"another store":   {session.Options{ExperimentalDevice: device, Store: &faulty{newMemory(t, nil), nil}}, "no DeviceStore"},
		"partitioned":     {session.Options{ExperimentalDevice: device, SameSite: http.SameSiteNoneMode, Partitioned: true}, "Partitioned"},
		"negative period": {session.Options{ExperimentalDevice: session.DeviceOptions{Path: "/device", Every: -time.Minute}}, "is not between"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := session.New[profile](&tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	for _, opts := range []session.Options{{ExperimentalDevice: device}, {ExperimentalDevice: device, SameSite: http.SameSiteStrictMode, Store: newMemory(t, nil)}} {
		if _, err := session.New[profile](&opts); err != nil {
			t.Error(err)
		}
	}
}

// TestDeviceMethods: only POST is answered, and other origins are refused.
func TestDeviceMethods(t *testing.T) {
	m := deviceManager(t, nil)
	for _, method := range []string{"GET", "HEAD", "PUT", "OPTIONS"} {
		w := recorder()
		m.Device().ServeHTTP(w, request(method))
		if w.Code != 405 || w.Header().Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
	for name, f := range map[string]func(){
		"Device":        func() { manager(t, nil).Device() },
		"RequireDevice": func() { manager(t, nil).RequireDevice() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, "ExperimentalDevice.Path") {
					t.Errorf("panic %q", text)
				}
			}()
			f()
		})
	}
}
