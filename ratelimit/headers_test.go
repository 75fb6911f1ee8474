package ratelimit_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

func TestHeaders(t *testing.T) {
	c := harness.NewClock()
	burst := ratelimit.Limit{Name: "burst", Quota: 2, Window: 1500 * time.Millisecond}
	hour := ratelimit.Limit{Name: "hour", Quota: 10, Window: time.Hour}
	l := guard.Must(ratelimit.New(burst, byHeader, &ratelimit.Options{
		Also: []ratelimit.Limit{hour}, Headers: ratelimit.RateLimit | ratelimit.XRateLimit, Now: c.Now,
	}))
	outer := guard.Must(ratelimit.New(ratelimit.Limit{Name: "outer", Quota: 10, Window: time.Minute}, byHeader,
		&ratelimit.Options{Headers: ratelimit.RateLimit, Now: c.Now}))
	chain := guard.Chain(outer.Wrap, l.Wrap)
	want := []map[string][]string{
		{
			"Ratelimit-Policy":  {`"outer";q=10;w=60`, `"burst";q=2, "hour";q=10;w=3600`},
			"Ratelimit":         {`"outer";r=9;t=60`, `"burst";r=1;t=2, "hour";r=9;t=3600`},
			"X-Ratelimit-Limit": {"2"}, "X-Ratelimit-Remaining": {"1"}, "X-Ratelimit-Reset": {"2"}, "Retry-After": nil,
		},
		{"Ratelimit": {`"outer";r=8;t=60`, `"burst";r=0;t=2, "hour";r=8;t=3600`}, "X-Ratelimit-Remaining": {"0"}},
		{
			"Ratelimit-Policy":  {`"outer";q=10;w=60`, `"burst";q=2, "hour";q=10;w=3600`},
			"Ratelimit":         {`"outer";r=7;t=60`, `"burst";r=0;t=2, "hour";r=8;t=3600`},
			"X-Ratelimit-Limit": {"2"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"2"}, "Retry-After": {"2"},
		},
	}
	for i, fields := range want {
		a := serve(t, chain, of("a"))
		if (a.Code == 429) != (i == 2) {
			t.Errorf("request %d: %d", i+1, a.Code)
		}
		for name, want := range fields {
			if got := a.Header()[name]; !slices.Equal(got, want) {
				t.Errorf("request %d: %s: %q, want %q", i+1, name, got, want)
			}
		}
	}
}

// The grammar of draft-ietf-httpapi-ratelimit-headers-11, sections 3.1 and 4.1, in
// RFC 9651: Lists of Strings, whose parameters these are. The others are comments.
var (
	sfPolicy = regexp.MustCompile(`^"([ -!#-\[\]-~]+)";q=(\d{1,15})(?:;qu="(requests|content-bytes|concurrent-requests)")?(?:;w=([1-9]\d{0,14}))?(?:;pk=:[A-Za-z0-9+/=]*:)?$`)
	sfLimit  = regexp.MustCompile(`^"([ -!#-\[\]-~]+)";r=(\d{1,15})(?:;t=(\d{1,15}))?(?:;pk=:[A-Za-z0-9+/=]*:)?$`)
)

// items returns the items of a List, each in the parts of its grammar.
func items(t *testing.T, item *regexp.Regexp, list string) (all [][]string) {
	t.Helper()
	for text := range strings.SplitSeq(list, ",") { // no name of ours has a comma
		m := item.FindStringSubmatch(strings.Trim(text, " \t"))
		if m == nil {
			t.Fatalf("%q in %q is not in the grammar", text, list)
		}
		all = append(all, m[1:])
	}
	return all
}

// TestDraft11: the fields are in the grammar of the draft, which its examples show.
func TestDraft11(t *testing.T) {
	for _, example := range []string{
		`"burst";q=100;w=60,"daily";q=1000;w=86400`, `"default";q=100;w=10`, `"permin";q=50;w=60,"perhr";q=1000;w=3600`,
		`"peruser";q=100;w=60;pk=:cHsdsRa894==:`, `"peruser";q=65535;qu="content-bytes";w=10;pk=:sdfjLJUOUH==:`,
	} {
		items(t, sfPolicy, example)
	}
	for _, example := range []string{
		`"default";r=50;t=30`, `"default";r=999;pk=:dHJpYWwxMjEzMjM=:`, `"default";r=300000000;t=60;pk=:QXBwLTk5OQ==:`,
		`"problemPolicy";r=0;t=10`, `"dayLimit";r=100;t=36000`,
	} {
		items(t, sfLimit, example)
	}
	c := harness.NewClock()
	l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "exact", Quota: 5, Window: 90 * time.Second}, byHeader, &ratelimit.Options{
		Also: []ratelimit.Limit{
			{Name: "day", Quota: 20, Window: 24 * time.Hour},
			{Name: "month", Quota: 30, Calendar: ratelimit.Monthly(1, nil)},
			{Name: "drip", Quota: 10, Window: time.Minute, Algorithm: ratelimit.GCRA, Burst: 40},
			{Name: "short", Quota: 100, Window: 1500 * time.Millisecond},
			ratelimit.Concurrent(3),
		},
		Headers: ratelimit.RateLimit, Now: c.Now, Store: newLedger(c.Now), Timeout: longTimeout,
	}))
	for range 60 {
		a := serve(t, l.Wrap, of("a"))
		policies := items(t, sfPolicy, a.Header().Get("RateLimit-Policy"))
		limits := items(t, sfLimit, a.Header().Get("RateLimit"))
		if len(policies) != 6 || len(limits) != 6 {
			t.Fatalf("%v", a.Header())
		}
		for i, p := range policies {
			name, unit, window, left, wait := p[0], p[2], p[3], limits[i][1], limits[i][2]
			if limits[i][0] != name || (unit == "concurrent-requests") != (name == "concurrent") || (wait == "") != (name == "concurrent") {
				t.Errorf("%v beside %v", p, limits[i])
			}
			if window != "" && number(t, wait) > number(t, window) || number(t, left) > max(number(t, p[1]), 40) {
				t.Errorf("%v beside %v", p, limits[i])
			}
		}
		c.Advance(7 * time.Second)
	}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Error(err)
	}
	return n
}

// TestEffectiveWindow: t and a reset are never later than the window: of 20 a day, 90,247
// of 86,400 seconds were left. A Retry-After is true, and not earlier than t.
func TestEffectiveWindow(t *testing.T) {
	for name, l := range map[string]ratelimit.Limit{
		"exact":      {Name: "l", Quota: 2, Window: 24 * time.Hour},
		"sixteenths": {Name: "l", Quota: 20, Window: 24 * time.Hour},
		"GCRA":       {Name: "l", Quota: 20, Window: 24 * time.Hour, Algorithm: ratelimit.GCRA, Burst: 100},
	} {
		t.Run(name, func(t *testing.T) {
			c := harness.NewClock()
			c.Advance(time.Second)
			lim := guard.Must(ratelimit.New(l, byHeader, &ratelimit.Options{Headers: ratelimit.RateLimit | ratelimit.XRateLimit, Now: c.Now}))
			for {
				a := serve(t, lim.Wrap, of("a"))
				until := number(t, items(t, sfLimit, a.Header().Get("RateLimit"))[0][2])
				reset := number(t, a.Header().Get("X-RateLimit-Reset"))
				if until > 86_400 || a.Code != 429 && reset > 86_400 {
					t.Fatalf("%v", a.Header())
				}
				if a.Code != 429 {
					continue
				}
				wait := number(t, a.Header().Get("Retry-After"))
				if wait < until || reset != wait {
					t.Errorf("%v", a.Header())
				}
				c.Advance(time.Duration(wait) * time.Second)
				if a := serve(t, lim.Wrap, of("a")); a.Code == 429 {
					t.Errorf("refused after %d s", wait)
				}
				return
			}
		})
	}
}

// TestXRateLimitUnix: the reset is a Unix time, rounded up.
func TestXRateLimitUnix(t *testing.T) {
	c := harness.NewClock()
	c.Advance(time.Millisecond)
	l := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Minute}, byHeader,
		&ratelimit.Options{Headers: ratelimit.XRateLimitUnix, Now: c.Now}))
	for _, code := range []int{204, 429} {
		a := serve(t, l.Wrap, of("a"))
		reset := time.Unix(int64(number(t, a.Header().Get("X-RateLimit-Reset"))), 0)
		if a.Code != code || reset.Sub(c.Now()) != time.Minute+time.Second-time.Millisecond {
			t.Errorf("%d: %v after now", a.Code, reset.Sub(c.Now()))
		}
		if a.Header().Get("X-RateLimit-Limit") != "1" || a.Header().Get("X-RateLimit-Remaining") != "0" {
			t.Errorf("%v", a.Header())
		}
	}
}
