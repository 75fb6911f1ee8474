package refresh_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth/refresh"
)

func TestNewReportsMistakes(t *testing.T) {
	g := newRig(t, nil)
	for want, o := range map[string]*refresh.Options{
		"Grace 1m1s is not":          {Grace: 61 * time.Second},
		"Grace -1ns":                 {Grace: -1},
		"Grace 10ns is not between":  {Grace: 10}, // without its unit
		"both Grace and NoGrace are": {Grace: 1, NoGrace: true},
		"Idle 30m0s is shorter than the lifetime of access tokens, 1h0m0s": {Idle: 30 * time.Minute},
		"Idle 30m0s is shorter":                      {Lifetime: 30 * time.Minute},
		"Idle -1ns is shorter":                       {Lifetime: -1},
		"Idle -1ns is shorter than":                  {Idle: -1},
		"Idle 2h0m0s is longer than Lifetime 1h0m0s": {Lifetime: time.Hour, Idle: 2 * time.Hour},
		"longer than ten years":                      {Lifetime: 1 << 62},
		"has 31 bytes":                               {Key: make([]byte, 31)},
		"has 0 bytes, and needs":                     {Key: []byte("")},
		"has 1 bytes, and needs 32":                  {PreviousKeys: []guard.Secret{[]byte("1")}},
		"a key has zeros only":                       {Key: make([]byte, 32)},
		"without Cookie":                             {InsecureCookie: true},
		"or TrustedOrigins without Cookie":           {TrustedOrigins: []string{"https://app.example"}},
		"refresh: trusted origin: ":                  {Cookie: true, TrustedOrigins: []string{"app.example"}},
		`write "https://app.example"`:                {Cookie: true, TrustedOrigins: []string{"https://App.example"}},
	} {
		if r, err := refresh.New(g.issuer, g.reload, o); r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if _, err := refresh.New[claims](nil, g.reload, nil); err == nil {
		t.Error("no issuer")
	}
	if _, err := refresh.New(g.issuer, nil, nil); err == nil {
		t.Error("no reload")
	}
	for _, want := range []string{"an Issuer", "reloads claims", "both Grace and NoGrace"} {
		if _, err := refresh.New[claims](nil, nil, &refresh.Options{Grace: 1, NoGrace: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without an Issuer and reload: %v; want %q in it", err, want)
		}
	}
	for _, want := range []string{"reloads claims", "has 1 bytes", "has 2 bytes", "longer than ten years"} {
		o := &refresh.Options{Key: []byte("1"), PreviousKeys: []guard.Secret{[]byte("12")}, Lifetime: 1 << 62}
		if _, err := refresh.New(g.issuer, nil, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without reload: %v; want %q in it", err, want)
		}
	}
}
