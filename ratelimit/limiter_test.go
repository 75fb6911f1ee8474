package ratelimit_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// TestRetryAfterIsTrue: it is rounded up, at least 1, and after it the request is
// served.
func TestRetryAfterIsTrue(t *testing.T) {
	for _, l := range []ratelimit.Limit{
		{Quota: 1, Window: time.Millisecond},
		{Quota: 3, Window: 1001 * time.Millisecond},
		{Quota: 16, Window: 7 * time.Second},
		{Quota: 100, Window: 7 * time.Second},
		{Quota: 7, Window: 10 * time.Second, Algorithm: ratelimit.GCRA},
		{Quota: 7, Window: 10 * time.Second, Algorithm: ratelimit.GCRA, Burst: 2},
	} {
		c := harness.NewClock()
		lim := guard.Must(ratelimit.New(l, byHeader, &ratelimit.Options{Now: c.Now}))
		waits := 0
		for waits < 20 {
			a := serve(t, lim.Wrap, of("a"))
			if a.reached {
				c.Advance(37 * time.Microsecond)
				continue
			}
			waits++
			s, _ := strconv.Atoi(a.Header().Get("Retry-After"))
			c.Advance(time.Duration(s) * time.Second)
			if a := serve(t, lim.Wrap, of("a")); !a.reached {
				t.Fatalf("%+v: refused after %d s", l, s)
			}
		}
	}
}

func TestSeveralLimits(t *testing.T) {
	c := harness.NewClock()
	l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "second", Quota: 2, Window: time.Second}, byHeader, &ratelimit.Options{
		Also: []ratelimit.Limit{{Name: "minute", Quota: 5, Window: time.Minute}, {Name: "smooth", Quota: 60, Window: time.Minute, Algorithm: ratelimit.GCRA}},
		Now:  c.Now,
	}))
	admitted, refusedBy := 0, map[string]int{}
	for range 60 {
		if a := serve(t, l.Wrap, of("a")); a.reached {
			admitted++
		} else {
			refusedBy[a.decisions[0].Guard]++
		}
		c.Advance(250 * time.Millisecond)
	}
	if admitted != 5 || refusedBy["second"] == 0 || refusedBy["minute"] < 40 {
		t.Errorf("%d admitted, refused by %v", admitted, refusedBy)
	}
	// What a limit refused, the others did not take.
	if res, err := l.Peek(t.Context(), "a"); err != nil || res.OK || res.Limit != "minute" {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestLimitsOf(t *testing.T) {
	type user struct{ plan string }
	plans := map[string][]ratelimit.Limit{
		"free":   nil,
		"pro":    {{Name: "pro", Quota: 3, Window: time.Hour}, {Name: "pro-day", Quota: 30, Window: 24 * time.Hour}},
		"broken": {{Name: "x y", Quota: 0}},
	}
	l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "free", Quota: 1, Window: time.Hour}, byHeader, &ratelimit.Options{
		Headers: ratelimit.RateLimit,
		LimitsOf: func(ctx context.Context) ([]ratelimit.Limit, error) {
			u, _ := guard.PrincipalFrom[user](ctx)
			if u.plan == "down" {
				return nil, io.ErrUnexpectedEOF
			}
			return plans[u.plan], nil
		},
	}))
	for plan, want := range map[string][]int{"free": {204, 429}, "pro": {204, 204, 204, 429}, "broken": {500}, "down": {500}} {
		for i, code := range want {
			r := of(plan)
			r = r.WithContext(guard.WithPrincipal(r.Context(), user{plan}))
			a := serve(t, l.Wrap, r)
			if a.Code != code {
				t.Errorf("%s, request %d: %d, want %d", plan, i+1, a.Code, code)
			}
			if policy := a.Header().Get("RateLimit-Policy"); code < 500 && !strings.HasPrefix(policy, `"`+plan+`"`) {
				t.Errorf("%s: policy %s", plan, policy)
			}
		}
	}
}

func TestTakePeekReset(t *testing.T) {
	c := harness.NewClock()
	l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Now: c.Now}))
	ctx := t.Context()
	for i := range 5 {
		if res, err := l.Take(ctx, "a", 1); err != nil || !res.OK || res.Remaining != 4-i || res.Quota != 5 || res.Limit != "login" {
			t.Fatalf("%+v, %v", res, err)
		}
		if res, err := l.Peek(ctx, "a"); err != nil || res.OK != (i < 4) || res.Remaining != 4-i {
			t.Fatalf("peek: %+v, %v", res, err)
		}
	}
	if res, err := l.Take(ctx, "a", 1); err != nil || res.OK || res.RetryAfter < 14*time.Minute || res.Reset < res.RetryAfter {
		t.Fatalf("%+v, %v", res, err)
	}
	if err := l.Reset(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if res, err := l.Take(ctx, "a", 5); err != nil || !res.OK {
		t.Fatalf("%+v, %v", res, err)
	}
	for name, f := range map[string]func() error{
		"no key":     func() error { _, err := l.Take(ctx, "", 1); return err },
		"cost 0":     func() error { _, err := l.Take(ctx, "b", 0); return err },
		"cost -1":    func() error { _, err := l.Take(ctx, "b", -1); return err },
		"cost 6":     func() error { _, err := l.Take(ctx, "b", 6); return err },
		"peek, none": func() error { _, err := l.Peek(ctx, ""); return err },
		"reset none": func() error { return l.Reset(ctx, "") },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// named returns n limits of different names.
func named(n int) (limits []ratelimit.Limit) {
	for i := range n {
		limits = append(limits, ratelimit.Limit{Name: "n" + strconv.Itoa(i), Quota: 5, Window: time.Hour})
	}
	return limits
}

func TestNewErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		limit ratelimit.Limit
		key   ratelimit.Key
		opts  *ratelimit.Options
		want  []string
	}{
		"everything": {ratelimit.Limit{Name: "a b", Quota: -1, Algorithm: 9}, nil, &ratelimit.Options{Timeout: -1}, []string{"name", "quota", "window", "algorithm", "key is nil", "timeout"}},
		"no quota":   {ratelimit.Limit{Window: time.Hour}, byHeader, nil, []string{"quota 0"}},
		"suspended":  {ratelimit.Limit{Window: time.Hour}, byHeader, nil, []string{"only LimitsOf may return 0"}},
		"unlimited":  {ratelimit.Limit{Quota: ratelimit.Unlimited, Window: time.Hour}, byHeader, nil, []string{"quota -1", "only LimitsOf"}},
		"calendar": {ratelimit.Limit{Quota: 1, Window: time.Hour, Calendar: ratelimit.Monthly(32, nil), Algorithm: ratelimit.GCRA, Burst: -1}, byHeader, nil,
			[]string{"a window of 1h0m0s and a calendar", "the day of a Monthly", "a calendar is for Sliding", "burst -1"}},
		"day 0":        {ratelimit.Limit{Quota: 1, Calendar: ratelimit.Monthly(0, nil)}, byHeader, nil, []string{"not from 1 to 31"}},
		"in flight":    {ratelimit.Limit{Window: 999 * time.Millisecond, Algorithm: ratelimit.InFlight, Burst: 2}, byHeader, nil, []string{"quota 0", "window 999ms is not from 1s", "burst is for GCRA"}},
		"concurrent 0": {ratelimit.Concurrent(0), byHeader, nil, []string{"concurrent", "quota 0"}},
		"also by": {loginLimit, byHeader, &ratelimit.Options{AlsoBy: []ratelimit.By{{}, {Key: byHeader, Limits: []ratelimit.Limit{loginLimit, {}}}}},
			[]string{"key 1 of AlsoBy is nil", "key 1 of AlsoBy has no limits", "quota 0", `two limits are named "login"`}},
		"17 of two keys": {loginLimit, byHeader, &ratelimit.Options{Also: named(8), AlsoBy: []ratelimit.By{{Key: byHeader, Limits: named(8)}}}, []string{"17 limits"}},
		"also, no name":  {loginLimit, byHeader, &ratelimit.Options{Store: newFaulty(), AlsoBy: []ratelimit.By{{Key: byHeader, Limits: []ratelimit.Limit{{Quota: 1, Window: time.Hour}}}}}, []string{"needs a name"}},
		"headers":        {loginLimit, byHeader, &ratelimit.Options{Headers: 128}, []string{"unknown Headers"}},
		"two resets":     {loginLimit, byHeader, &ratelimit.Options{Headers: ratelimit.XRateLimit | ratelimit.XRateLimitUnix}, []string{"XRateLimit and XRateLimitUnix"}},
		"no window":      {ratelimit.Limit{Quota: 1}, byHeader, nil, []string{"window 0s"}},
		"too short":      {ratelimit.Limit{Quota: 1, Window: time.Microsecond}, byHeader, nil, []string{"window 1µs"}},
		"too long":       {ratelimit.Limit{Quota: 1, Window: 1000 * 24 * time.Hour}, byHeader, nil, []string{"window"}},
		"huge":           {ratelimit.Limit{Quota: 1<<30 + 1, Window: time.Hour}, byHeader, nil, []string{"quota"}},
		"burst":          {ratelimit.Limit{Quota: 1, Window: time.Hour, Burst: 2}, byHeader, nil, []string{"burst is for GCRA"}},
		"bad burst":      {ratelimit.Limit{Quota: 1, Window: time.Hour, Burst: -2, Algorithm: ratelimit.GCRA}, byHeader, nil, []string{"burst -2"}},
		"too fast":       {ratelimit.Limit{Quota: 1e7, Window: time.Second, Algorithm: ratelimit.GCRA}, byHeader, nil, []string{"microsecond"}},
		"too slow":       {ratelimit.Limit{Quota: 1, Window: 366 * 24 * time.Hour, Burst: 100, Algorithm: ratelimit.GCRA}, byHeader, nil, []string{"ten years"}},
		"same names":     {loginLimit, byHeader, &ratelimit.Options{Also: []ratelimit.Limit{loginLimit}}, []string{`two limits are named "login"`}},
		"17 limits":      {loginLimit, byHeader, &ratelimit.Options{Also: make([]ratelimit.Limit, 16)}, []string{"17 limits"}},
		"no name":        {ratelimit.Limit{Quota: 1, Window: time.Hour}, byHeader, &ratelimit.Options{Store: guard.Must(ratelimit.NewMemory(nil))}, []string{"needs a name"}},
		"nil memory":     {loginLimit, byHeader, &ratelimit.Options{Store: (*ratelimit.Memory)(nil)}, []string{"nil *ratelimit.Memory"}},
		"secret":         {loginLimit, byHeader, &ratelimit.Options{Secret: []byte("fifteen bytes..")}, []string{"a Secret of 15 bytes"}},
		"zeros":          {loginLimit, byHeader, &ratelimit.Options{Secret: make([]byte, 32)}, []string{"the Secret has zeros only"}},
		"no secret":      {loginLimit, byHeader, &ratelimit.Options{Secret: []byte(""), Store: newFaulty()}, []string{"a Secret of 0 bytes"}}, // an unset variable
		"fallback":       {loginLimit, byHeader, &ratelimit.Options{OnFailure: ratelimit.Fallback(nil)}, []string{"Fallback of nil"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ratelimit.New(tt.limit, tt.key, tt.opts)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestSameNamesAreReportedOnce(t *testing.T) {
	one := ratelimit.Limit{Quota: 1, Window: time.Hour}
	_, err := ratelimit.New(one, byHeader, &ratelimit.Options{
		Also: []ratelimit.Limit{one, one}, AlsoBy: []ratelimit.By{{Key: byHeader, Limits: []ratelimit.Limit{one, one}}},
	})
	if want := `ratelimit: two limits are named "default": each limit of a Limiter needs a different Name`; err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}

// The reason names the limit whose key is empty, and what its Key returns in place of that.
func TestReasonOfAnEmptyKey(t *testing.T) {
	empty := func(*http.Request) (string, error) { return "", nil }
	l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{
		AlsoBy: []ratelimit.By{{Key: empty, Limits: []ratelimit.Limit{{Name: "org", Quota: 1, Window: time.Hour}}}},
	}))
	a := serve(t, l.Wrap, of("a"))
	if len(a.decisions) != 1 || a.Code != http.StatusInternalServerError {
		t.Fatalf("%d %+v", a.Code, a.decisions)
	}
	if reason := fmt.Sprint(a.decisions[0].Reason); !strings.Contains(reason, `the key of limit "org" is empty`) || !strings.Contains(reason, "ErrSkip") {
		t.Error(reason)
	}
}

func TestOptionsAreCopied(t *testing.T) {
	opts := &ratelimit.Options{Also: []ratelimit.Limit{{Name: "b", Quota: 100, Window: time.Hour}}, Message: "m"}
	l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "a", Quota: 100, Window: time.Hour}, byHeader, opts))
	opts.Also[0].Quota, opts.Message = 1, ""
	for range 2 {
		if a := serve(t, l.Wrap, of("a")); !a.reached {
			t.Error("the caller's slice was used")
		}
	}
}

// TestZeroLimiter: a Limiter that New did not make grants nothing.
func TestZeroLimiter(t *testing.T) {
	var l ratelimit.Limiter
	if a := serve(t, l.Wrap, of("a")); a.Code != 500 || a.reached {
		t.Errorf("status %d, reached %t", a.Code, a.reached)
	}
	_, take := l.Take(t.Context(), "a", 1)
	_, peek := l.Peek(t.Context(), "a")
	_, reserve := l.Reserve(of("a"), 1)
	for _, err := range []error{take, peek, reserve, l.Reset(t.Context(), "a")} {
		if err == nil || !strings.Contains(err.Error(), "a zero Limiter") {
			t.Errorf("%v", err)
		}
	}
}
