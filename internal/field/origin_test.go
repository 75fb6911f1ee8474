package field_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/field"
)

// TestCrossOriginWithoutHost: a sandboxed page's Origin, "null", is that of no request.
func TestCrossOriginWithoutHost(t *testing.T) {
	for _, tt := range []struct {
		method, origin, host string
		refused              bool
	}{
		{"POST", "null", "", true},
		{"POST", "null", "app.test", true},
		{"POST", "https://evil.test", "", true},
		{"POST", "https://app.test", "", true},
		{"POST", "https://trusted.test", "", false},
		{"POST", "https://app.test", "app.test", false},
		{"POST", "", "", false}, // no browser
		{"GET", "null", "", false},
	} {
		p, _ := field.Origins("test", []string{"https://trusted.test"})
		r := httptest.NewRequest(tt.method, "/", nil)
		r.Host = tt.host
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		if err := field.CrossOrigin(p, r); (err != nil) != tt.refused || r.Host != tt.host || r.Method != tt.method {
			t.Errorf("%s of %q to %q: %v", tt.method, tt.origin, tt.host, err)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = ""
	r.Header.Set("Origin", "null")
	r.Header.Set("Upgrade", "websocket")
	if p, _ := field.Origins("test", nil); field.CrossOrigin(p, r) == nil {
		t.Error("a WebSocket was opened")
	}
}

// TestOriginsSayWhatToWrite: origins that no browser sends were accepted, and matched
// nothing.
func TestOriginsSayWhatToWrite(t *testing.T) {
	for origin, want := range map[string]string{
		"https://app.example.com":         "",
		"http://localhost:3000":           "",
		"http://127.0.0.1:8080":           "",
		"https://[2001:db8::1]:8443":      "",
		"https://xn--bcher-kva.example":   "",
		"https://app_1.example.com.":      "",
		"http://app.example.com:443":      "",
		"capacitor://localhost":           "",
		"chrome-extension://abcdefghijkl": "",

		"https://App.Example.com":            `write "https://app.example.com"`,
		"HTTPS://app.example.com":            `write "https://app.example.com"`,
		"https://app.example.com/":           `write "https://app.example.com"`,
		"https://app.example.com/a?b#c":      `write "https://app.example.com"`,
		"https://app.example.com?":           `write "https://app.example.com"`,
		"https://app.example.com#":           `write "https://app.example.com"`,
		"https://app.example.com:443":        `write "https://app.example.com"`,
		"https://app.example.com:0443":       `write "https://app.example.com"`,
		"https://app.example.com:":           `write "https://app.example.com"`,
		"http://app.example.com:80":          `write "http://app.example.com"`,
		"https://me:pw@app.example.com":      `write "https://app.example.com"`,
		"https://app.example.com:08443/x":    `write "https://app.example.com:8443"`,
		"wss://app.example.com":              `write "https://app.example.com"`,
		"ws://localhost:8080":                `write "http://localhost:8080"`,
		"https://[2001:DB8:0:0:0:0:0:1]":     `write "https://[2001:db8::1]"`,
		"app.example.com":                    `write "https://app.example.com"`,
		"localhost:3000":                     `write "https://localhost:3000"`,
		"//app.example.com":                  `write it as "https://app.example.com"`,
		"":                                   `write it as "https://app.example.com"`,
		" https://app.example.com":           `write it as "https://app.example.com"`,
		"https://":                           `write it as "https://app.example.com"`,
		"mailto:me@example.com":              `write it as "https://app.example.com"`,
		"file:///index.html":                 `write it as "https://app.example.com"`,
		"/app":                               `write it as "https://app.example.com"`,
		"null":                               "every sandboxed page",
		"*":                                  "list each origin",
		"https://*.example.com":              "list each origin",
		"https://app.example.com:*":          "list each origin",
		"https://b\u00fccher.example":        "location.origin",
		"b\u00fccher.example":                `write it as "https://app.example.com"`,
		"https://\u24d0pp.example.com":       "location.origin",
		"https://app.example.com%2e.com":     "write it as",
		"https://app.example.com, https://x": "write",
		"https://app.example.com:65536":      `write it as "https://app.example.com"`,
		"https://me:pw@app.example.com:x":    `write it as "https://app.example.com"`,
		"https://me:pw@app.example.com:*":    "list each origin",
	} {
		p, errs := field.Origins("test", []string{origin})
		if want == "" {
			r := httptest.NewRequest("POST", "https://api.example.com/", nil)
			r.Header.Set("Origin", origin)
			if len(errs) > 0 || field.CrossOrigin(p, r) != nil {
				t.Errorf("%q: %v, or it is not trusted", origin, errs)
			}
			continue
		}
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) || !strings.HasPrefix(errs[0].Error(), "test: trusted origin: ") || strings.Contains(errs[0].Error(), ":pw@") {
			t.Errorf("%q: %v; want %s", origin, errs, want)
		}
	}
}
