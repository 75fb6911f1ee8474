package ratelimit_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

// byHeader is the key of most tests.
var byHeader = ratelimit.ByHeader("K")

// An answer is what a request got, and what was observed about it.
type answer struct {
	*httptest.ResponseRecorder
	reached   bool
	result    ratelimit.Result
	hasResult bool
	decisions []guard.Decision
}

func serve(t *testing.T, m guard.Middleware, r *http.Request) (a answer) {
	t.Helper()
	a.ResponseRecorder = httptest.NewRecorder()
	h := guard.Observe(func(_ context.Context, d guard.Decision) { a.decisions = append(a.decisions, d) })(
		m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if a.reached {
				t.Error("next ran twice")
			}
			a.reached = true
			a.result, a.hasResult = ratelimit.From(r.Context())
			w.WriteHeader(http.StatusNoContent)
		})))
	h.ServeHTTP(a.ResponseRecorder, r)
	if a.reached != (a.Code == http.StatusNoContent) {
		t.Errorf("status %d, reached %t", a.Code, a.reached)
	}
	if a.Code == http.StatusTooManyRequests {
		if n, err := strconv.Atoi(a.Header().Get("Retry-After")); err != nil || n < 1 {
			t.Errorf("a 429 with Retry-After %q", a.Header().Values("Retry-After"))
		}
	}
	return a
}

func of(key string) *http.Request {
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("K", key)
	return r
}

func TestWrap(t *testing.T) {
	c := newClock()
	l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Message: "Too many login attempts. Try again later.", Now: c.Now}))
	for i := range 5 {
		a := serve(t, l.Wrap, of("a"))
		if a.Code != http.StatusNoContent || len(a.Header()) != 0 {
			t.Fatalf("request %d: %d, %v", i+1, a.Code, a.Header())
		}
		if d := a.decisions[0]; len(a.decisions) != 1 || d.Package != "ratelimit" || d.Guard != "login" || d.Outcome != guard.Allowed || d.Cost != 1 {
			t.Errorf("request %d: %+v", i+1, a.decisions)
		}
		c.Advance(time.Minute)
	}
	for range 10 { // the wait is that of the first, and grows no longer
		a := serve(t, l.Wrap, of("a"))
		want := `{"error":"Too Many Requests","message":"Too many login attempts. Try again later."}`
		if a.Code != 429 || a.Body.String() != want || a.Header().Get("Retry-After") != "600" || a.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s %v", a.Code, a.Body, a.Header())
		}
		if d := a.decisions[0]; len(a.decisions) != 1 || d.Outcome != guard.Refused || d.Status != 429 || d.RetryAfter.Round(time.Second) != 10*time.Minute || d.Guard != "login" {
			t.Errorf("%+v", a.decisions)
		}
	}
	if a := serve(t, l.Wrap, of("b")); !a.reached {
		t.Error("another key was refused")
	}
	c.Advance(600 * time.Second)
	if a := serve(t, l.Wrap, of("a")); !a.reached {
		t.Error("refused after the whole wait")
	}
	if a := serve(t, l.Wrap, of("a")); a.reached {
		t.Error("the second one was not to come yet")
	}
}

// TestRetryAfterIsTrue: rounded up, at least 1, and whoever waits is served.
func TestRetryAfterIsTrue(t *testing.T) {
	for _, l := range []ratelimit.Limit{
		{Quota: 1, Window: time.Millisecond},
		{Quota: 3, Window: 1001 * time.Millisecond},
		{Quota: 16, Window: 7 * time.Second},
		{Quota: 100, Window: 7 * time.Second},
		{Quota: 7, Window: 10 * time.Second, Algorithm: ratelimit.GCRA},
		{Quota: 7, Window: 10 * time.Second, Algorithm: ratelimit.GCRA, Burst: 2},
	} {
		c := newClock()
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

func TestHeaders(t *testing.T) {
	c := newClock()
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

func TestSeveralLimits(t *testing.T) {
	c := newClock()
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

func TestCost(t *testing.T) {
	cost := func(r *http.Request) int { n, _ := strconv.Atoi(r.Header.Get("Cost")); return n }
	l := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 10, Window: time.Hour}, byHeader, &ratelimit.Options{Cost: cost, Headers: ratelimit.RateLimit}))
	for _, tt := range []struct {
		cost, code int
		left       string
	}{
		{4, 204, "r=6"}, {0, 204, ""}, {7, 429, "r=6"}, {6, 204, "r=0"}, {1, 429, "r=0"}, {0, 204, ""}, {11, 400, ""}, {-1, 500, ""},
	} {
		r := of("a")
		r.Header.Set("Cost", strconv.Itoa(tt.cost))
		a := serve(t, l.Wrap, r)
		if a.Code != tt.code || !strings.Contains(a.Header().Get("RateLimit"), tt.left) || tt.left == "" && a.Header().Get("RateLimit") != "" {
			t.Errorf("cost %d: %d %q, want %d %q", tt.cost, a.Code, a.Header().Get("RateLimit"), tt.code, tt.left)
		}
		if d := a.decisions[0]; d.Cost != tt.cost {
			t.Errorf("cost %d: %+v", tt.cost, d)
		}
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
	c := newClock()
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

func TestInContext(t *testing.T) {
	l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{InContext: true}))
	if a := serve(t, l.Wrap, of("a")); !a.hasResult || a.result.Remaining != 4 || !a.result.OK {
		t.Errorf("%+v", a.result)
	}
	l = guard.Must(ratelimit.New(loginLimit, byHeader, nil))
	if a := serve(t, l.Wrap, of("a")); a.hasResult {
		t.Errorf("%+v without being asked for", a.result)
	}
}

func TestShadow(t *testing.T) {
	l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "trial", Quota: 1, Window: time.Hour}, byHeader,
		&ratelimit.Options{Shadow: true, Headers: ratelimit.RateLimit, InContext: true}))
	for i, want := range []guard.Outcome{guard.Allowed, guard.Shadowed, guard.Shadowed} {
		a := serve(t, l.Wrap, of("a"))
		if !a.reached || len(a.Header()) != 0 || a.decisions[0].Outcome != want || a.result.OK != (i == 0) {
			t.Errorf("request %d: %d %v %+v", i+1, a.Code, a.Header(), a.decisions)
		}
		if want == guard.Shadowed && (a.decisions[0].RetryAfter <= 0 || a.decisions[0].Guard != "trial" || a.decisions[0].Reason == "") {
			t.Errorf("%+v", a.decisions[0])
		}
	}
	if a := serve(t, l.Wrap, httptest.NewRequest("GET", "/", nil)); !a.reached || a.decisions[0].Outcome != guard.Shadowed {
		t.Errorf("without a key: %d %+v", a.Code, a.decisions)
	}
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
		"no window":  {ratelimit.Limit{Quota: 1}, byHeader, nil, []string{"window 0s"}},
		"too short":  {ratelimit.Limit{Quota: 1, Window: time.Microsecond}, byHeader, nil, []string{"window 1µs"}},
		"too long":   {ratelimit.Limit{Quota: 1, Window: 1000 * 24 * time.Hour}, byHeader, nil, []string{"window"}},
		"huge":       {ratelimit.Limit{Quota: 1 << 31, Window: time.Hour}, byHeader, nil, []string{"quota"}},
		"burst":      {ratelimit.Limit{Quota: 1, Window: time.Hour, Burst: 2}, byHeader, nil, []string{"burst is for GCRA"}},
		"bad burst":  {ratelimit.Limit{Quota: 1, Window: time.Hour, Burst: -2, Algorithm: ratelimit.GCRA}, byHeader, nil, []string{"burst -2"}},
		"too fast":   {ratelimit.Limit{Quota: 1e7, Window: time.Second, Algorithm: ratelimit.GCRA}, byHeader, nil, []string{"microsecond"}},
		"too slow":   {ratelimit.Limit{Quota: 1, Window: 366 * 24 * time.Hour, Burst: 100, Algorithm: ratelimit.GCRA}, byHeader, nil, []string{"ten years"}},
		"same names": {loginLimit, byHeader, &ratelimit.Options{Also: []ratelimit.Limit{loginLimit}}, []string{`two limits are named "login"`}},
		"17 limits":  {loginLimit, byHeader, &ratelimit.Options{Also: make([]ratelimit.Limit, 16)}, []string{"17 limits"}},
		"no name":    {ratelimit.Limit{Quota: 1, Window: time.Hour}, byHeader, &ratelimit.Options{Store: guard.Must(ratelimit.NewMemory(nil))}, []string{"needs a name"}},
		"nil memory": {loginLimit, byHeader, &ratelimit.Options{Store: (*ratelimit.Memory)(nil)}, []string{"nil *Memory"}},
		"secret":     {loginLimit, byHeader, &ratelimit.Options{Secret: []byte("fifteen bytes..")}, []string{"a Secret of 15 bytes"}},
		"no secret":  {loginLimit, byHeader, &ratelimit.Options{Secret: []byte(""), Store: newFaulty()}, []string{"a Secret of 0 bytes"}}, // an unset variable
		"fallback":   {loginLimit, byHeader, &ratelimit.Options{OnFailure: ratelimit.Fallback(nil)}, []string{"Fallback of nil"}},
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

func TestNilHandler(t *testing.T) {
	l := guard.Must(ratelimit.New(loginLimit, byHeader, nil))
	b := guard.Must(ratelimit.Global(1, 1))
	for _, wrap := range []func(http.Handler) http.Handler{l.Wrap, b.Wrap} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			wrap(nil)
		}()
	}
}

func TestGlobal(t *testing.T) {
	b := guard.Must(ratelimit.Global(0.001, 2))
	for i := range 4 {
		a := serve(t, b.Wrap, of(strconv.Itoa(i)))
		if want := i < 2; a.reached != want || a.decisions[0].Guard != "global" {
			t.Errorf("request %d: %d %+v", i, a.Code, a.decisions)
		}
		if i >= 2 && a.Header().Get("Retry-After") != "1000" { // refused ones do not queue
			t.Errorf("Retry-After %s", a.Header().Get("Retry-After"))
		}
	}
	w := httptest.NewRecorder()
	guard.Refuse(w, of("a"), b.Take())
	if w.Code != 429 || w.Header().Get("Retry-After") != "1000" {
		t.Errorf("Take: %d %v", w.Code, w.Header())
	}
	if err := guard.Must(ratelimit.Global(1, 1)).Take(); err != nil {
		t.Error(err)
	}
	for _, bad := range [][2]float64{{0, 1}, {-1, 1}, {1, 0}, {1, -1}} {
		if _, err := ratelimit.Global(rateOf(bad[0]), int(bad[1])); err == nil {
			t.Errorf("Global(%v) has no error", bad)
		}
	}
}

func rateOf(f float64) rate.Limit { return rate.Limit(f) }
