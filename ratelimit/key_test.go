package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

var errTest = errors.New("test")

type user struct{ id string }

// anonymous is an authenticator that authenticates no one.
type anonymous struct{}

func (anonymous) Authenticate(*http.Request) (user, error) { return user{}, guard.ErrNoCredentials }
func (anonymous) Scheme() guard.Scheme                     { return guard.Scheme{Challenge: "Test"} }

func TestKeys(t *testing.T) {
	ip := ratelimit.ByIP(clientip.Direct())
	known := func(id string) *http.Request {
		r := of("h")
		return r.WithContext(guard.WithPrincipal(r.Context(), user{id}))
	}
	from := func(addr string) *http.Request { r := of("h"); r.RemoteAddr = addr; return r }
	byUser := ratelimit.ByPrincipal(func(u user) string { return u.id })
	wrong := of("h")
	wrong = wrong.WithContext(guard.WithPrincipal(wrong.Context(), "a string"))
	twice := of("h")
	twice.Header.Add("K", "other")
	anonymousRequest := of("h")
	guard.Optional(anonymous{})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { anonymousRequest = r })).ServeHTTP(httptest.NewRecorder(), anonymousRequest)
	for name, tt := range map[string]struct {
		key  ratelimit.Key
		r    *http.Request
		code int
	}{
		"address":             {ip, from("203.0.113.7:1"), 204},
		"no address":          {ip, from("junk"), 400},
		"an invalid address":  {ratelimit.ByIP(zeroAddr), of("h"), 400},
		"principal":           {byUser, known("1"), 204},
		"principal without":   {byUser, known(""), 500},
		"no principal":        {byUser, anonymousRequest, 401},
		"no step":             {byUser, of("h"), 500},
		"another type":        {byUser, wrong, 500},
		"header":              {byHeader, of("h"), 204},
		"header empty":        {byHeader, of(""), 400},
		"no header":           {byHeader, httptest.NewRequest("GET", "/", nil), 400},
		"header twice":        {byHeader, twice, 400},
		"skip":                {func(*http.Request) (string, error) { return "", ratelimit.ErrSkip }, of("h"), 204},
		"empty":               {func(*http.Request) (string, error) { return "", nil }, of("h"), 500},
		"error":               {func(*http.Request) (string, error) { return "", errTest }, of("h"), 500},
		"refusal":             {func(*http.Request) (string, error) { return "", guard.Forbidden("no") }, of("h"), 403},
		"join":                {ratelimit.Join(byUser, byHeader), known("1"), 204},
		"join with an empty":  {ratelimit.Join(byHeader, byUser), known(""), 500},
		"join with a skip":    {ratelimit.Join(byHeader, func(*http.Request) (string, error) { return "", ratelimit.ErrSkip }), of("h"), 204},
		"join with a refusal": {ratelimit.Join(byHeader, byUser), anonymousRequest, 401},
		"join without a step": {ratelimit.Join(byHeader, byUser), of("h"), 500},
	} {
		t.Run(name, func(t *testing.T) {
			l := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Hour}, tt.key, nil))
			a := serve(t, l.Wrap, tt.r)
			if a.Code != tt.code || len(a.decisions) != 1 {
				t.Errorf("%d %s %+v", a.Code, a.Body, a.decisions)
			}
			if strings.Contains(a.Body.String(), "test") || strings.Contains(a.Body.String(), "ratelimit") {
				t.Errorf("an internal text got out: %s", a.Body)
			}
		})
	}
}

// TestWrongOrderIsLogged: a limiter by principal without an authentication step in
// front lets no request through, and the first one is logged. It answered 401 to
// every client, and logged nothing.
func TestWrongOrderIsLogged(t *testing.T) {
	byUser := ratelimit.ByPrincipal(func(u user) string { return u.id })
	authenticated := guard.Optional(anonymous{})
	for name, tt := range map[string]struct {
		key   ratelimit.Key
		opts  ratelimit.Options
		inner bool // whether an authentication step is inside the limiter
	}{
		"outside":          {byUser, ratelimit.Options{}, true},
		"no step":          {byUser, ratelimit.Options{}, false},
		"one of two keys":  {ratelimit.Join(byHeader, byUser), ratelimit.Options{}, true},
		"a store may fail": {byUser, ratelimit.Options{Store: newFaulty(), OnFailure: ratelimit.FailOpen()}, true},
	} {
		t.Run(name, func(t *testing.T) {
			log := harness.CaptureLog(t)
			l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "user", Quota: 1, Window: time.Hour}, tt.key, &tt.opts))
			m := guard.Middleware(l.Wrap)
			if tt.inner {
				m = guard.Chain(l.Wrap, authenticated)
			}
			if w, reached := harness.Serve(t, m, nil, of("h")); w.Code != 500 || reached {
				t.Errorf("status %d, reached %t; want 500", w.Code, reached)
			}
			lines := log.Lines()
			if len(lines) != 1 {
				t.Fatalf("logged %q, want one line", lines)
			}
			for _, want := range []string{"level=ERROR", "package=ratelimit", "guard=user", "ratelimit_test.user", "no authentication step is in front of it"} {
				if !strings.Contains(lines[0], want) {
					t.Errorf("the line does not mention %q: %s", want, lines[0])
				}
			}
		})
	}
}

// TestOnlyKeysSkip: an error that is not a Key's and wraps ErrSkip exempts no
// request.
func TestOnlyKeysSkip(t *testing.T) {
	skips := func(*http.Request) (netip.Addr, error) { return netip.Addr{}, ratelimit.ErrSkip }
	limit := ratelimit.Limit{Quota: 1, Window: time.Hour}
	for name, tt := range map[string]struct {
		key  ratelimit.Key
		opts ratelimit.Options
		want int
	}{
		"a key":               {func(*http.Request) (string, error) { return "", ratelimit.ErrSkip }, ratelimit.Options{}, 200},
		"a key, wrapped":      {func(*http.Request) (string, error) { return "", fmt.Errorf("x: %w", ratelimit.ErrSkip) }, ratelimit.Options{}, 200},
		"an address function": {ratelimit.ByIP(skips), ratelimit.Options{}, 400},
		"LimitsOf": {ratelimit.ByIP(clientip.Direct()), ratelimit.Options{LimitsOf: func(context.Context) ([]ratelimit.Limit, error) {
			return nil, ratelimit.ErrSkip
		}}, 500},
	} {
		h := guard.Must(ratelimit.New(limit, tt.key, &tt.opts)).Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", name, w.Code, tt.want)
		}
	}
}

func TestByIPGroups(t *testing.T) {
	ip := ratelimit.ByIP(clientip.Direct())
	wide := ratelimit.ByIPPrefix(clientip.Direct(), 24, 48)
	key := func(k ratelimit.Key, addr string) string {
		r := of("h")
		r.RemoteAddr = addr
		s, err := k(r)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, tt := range []struct {
		a, b       string
		same, wide bool
	}{
		{"203.0.113.7:1", "203.0.113.7:2", true, true},
		{"203.0.113.7:1", "203.0.113.8:1", false, true},
		{"203.0.113.7:1", "203.0.114.7:1", false, false},
		{"203.0.113.7:1", "[::ffff:203.0.113.7]:1", true, true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:1", true, true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false, true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:2:2::1]:1", false, false},
		{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true, true},
	} {
		if got := key(ip, tt.a) == key(ip, tt.b); got != tt.same {
			t.Errorf("%s and %s the same: %t", tt.a, tt.b, got)
		}
		if got := key(wide, tt.a) == key(wide, tt.b); got != tt.wide {
			t.Errorf("%s and %s in one network: %t", tt.a, tt.b, got)
		}
	}
}

// TestEmbeddedAddresses: IPv4 clients behind a translator count by their IPv4
// addresses. 64:ff9b::/96 was one client.
func TestEmbeddedAddresses(t *testing.T) {
	ip := ratelimit.ByIPPrefix(clientip.Direct(), 32, 64)
	key := func(addr string) string {
		r := of("h")
		r.RemoteAddr = "[" + addr + "]:1"
		s, err := ip(r)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for addr, want := range map[string]string{
		"::ffff:203.0.113.66":    "203.0.113.66",
		"64:ff9b::203.0.113.66":  "203.0.113.66",
		"64:ff9b::198.51.100.7":  "198.51.100.7",
		"64:ff9b::1:203.0.113.7": "64:ff9b::", // not in the /96
		"64:ff9c::203.0.113.7":   "64:ff9c::",
		"2001:db8::203.0.113.7":  "2001:db8::",
		"::203.0.113.7":          "::",
		// RFC 6052, section 2.4, within the prefix of RFC 8215.
		"64:ff9b:1:c000:2:2100::":     "192.0.2.33",       // /48
		"64:ff9b:1:ffc0:0:221::":      "192.0.2.33",       // /56
		"64:ff9b:1:ffff:c0:2:2100::":  "192.0.2.33",       // /64
		"64:ff9b:1:ffff:7:8:c000:221": "192.0.2.33",       // /96
		"64:ff9b:1::c000:221":         "192.0.2.33",       // /96
		"64:ff9b:1:c000:302:2100::":   "64:ff9b:1:c000::", // bits 64 to 71 are not zero
		"64:ff9b:2::c000:221":         "64:ff9b:2::",
	} {
		got := key(addr)
		a, ok := netip.AddrFromSlice([]byte(got))
		if !ok || a.String() != want {
			t.Errorf("%s counts as %v, want %s", addr, a, want)
		}
	}
	l := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{Address: loginLimit}))
	for i := range 5 {
		if w := login(l, "[64:ff9b::203.0.113.66]", fmt.Sprint("user", i), "wrong"); w.Code != 401 {
			t.Fatal(w.Code)
		}
	}
	for addr, want := range map[string]int{"[64:ff9b::203.0.113.66]": 429, "203.0.113.66": 429, "[64:ff9b::198.51.100.7]": 200} {
		if w := login(l, addr, "alice", "right"); w.Code != want {
			t.Errorf("%s: %d, want %d", addr, w.Code, want)
		}
	}
}

// FuzzJoin: keys are the same only where all parts are.
func FuzzJoin(f *testing.F) {
	f.Add("a", "bc", "ab", "c")
	f.Add("a\x01b", "c", "a", "b\x01c")
	f.Fuzz(func(t *testing.T, a1, a2, b1, b2 string) {
		join := func(parts ...string) (string, error) {
			var keys []ratelimit.Key
			for _, p := range parts {
				keys = append(keys, func(*http.Request) (string, error) { return p, nil })
			}
			return ratelimit.Join(keys...)(nil)
		}
		a, err := join(a1, a2)
		if (err != nil) != (a1 == "" || a2 == "") {
			t.Errorf("Join(%q, %q): %v", a1, a2, err)
		}
		b, err2 := join(b1, b2)
		if err == nil && err2 == nil && (a == b) != (a1 == b1 && a2 == b2) {
			t.Errorf("(%q, %q) and (%q, %q) give %q and %q", a1, a2, b1, b2, a, b)
		}
	})
}

func TestKeyPanics(t *testing.T) {
	for name, tt := range map[string]struct {
		wire func()
		want string
	}{
		"ByIP of nil":        {func() { ratelimit.ByIP(nil) }, "ratelimit: the function that returns the client's address is nil: want one of package clientip"},
		"no bits":            {func() { ratelimit.ByIPPrefix(clientip.Direct(), 0, 64) }, "ratelimit: addresses are counted by 1 to 32 bits"},
		"too many bits":      {func() { ratelimit.ByIPPrefix(clientip.Direct(), 32, 129) }, "ratelimit: addresses are counted by 1 to 32 bits"},
		"ByPrincipal of nil": {func() { ratelimit.ByPrincipal[string](nil) }, "ratelimit: "},
		"Join of nothing":    {func() { ratelimit.Join() }, "ratelimit: "},
		"Join of nil":        {func() { ratelimit.Join(byHeader, nil) }, "ratelimit: "},
		"ByHeader of none":   {func() { ratelimit.ByHeader("") }, "ratelimit: "},
	} {
		func() {
			defer func() {
				if p, ok := recover().(string); !ok || !strings.HasPrefix(p, tt.want) {
					t.Errorf("%s: panic %v", name, p)
				}
			}()
			tt.wire()
		}()
	}
}

func zeroAddr(*http.Request) (netip.Addr, error) { return netip.Addr{}, nil }
