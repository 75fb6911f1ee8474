package ratelimit_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// A planKey is the context key of the limits that limitsOfContext returns.
type planKey struct{}

func limitsOfContext(ctx context.Context) ([]ratelimit.Limit, error) {
	limits, _ := ctx.Value(planKey{}).([]ratelimit.Limit)
	return limits, nil
}

func withPlan(r *http.Request, limits ...ratelimit.Limit) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), planKey{}, limits))
}

func planLimiter(t *testing.T, opts ratelimit.Options) *ratelimit.Limiter {
	t.Helper()
	opts.LimitsOf = limitsOfContext
	l, err := ratelimit.New(ratelimit.Limit{Name: "plan", Quota: 1, Window: time.Hour}, byHeader, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestAlsoBesidePlans: a plan replaces the limit of New alone. It replaced those of Also,
// too, so that a client with a plan had no limit of requests in flight.
func TestAlsoBesidePlans(t *testing.T) {
	l := planLimiter(t, ratelimit.Options{Also: []ratelimit.Limit{{Name: "also", Quota: 2, Window: time.Hour}}})
	for name, plan := range map[string][]ratelimit.Limit{
		"none":      nil,
		"larger":    {{Name: "plan", Quota: 100, Window: time.Hour}},
		"unlimited": {{Name: "plan", Quota: ratelimit.Unlimited}},
	} {
		granted := 0
		for range 5 {
			if serve(t, l.Wrap, withPlan(of(name), plan...)).reached {
				granted++
			}
		}
		if want := min(2, 1+len(plan)); granted != want {
			t.Errorf("plan %s: %d granted, want %d", name, granted, want)
		}
	}
	for _, plan := range [][]ratelimit.Limit{{{Name: "also", Quota: 5, Window: time.Hour}}, make([]ratelimit.Limit, 16)} {
		if a := serve(t, l.Wrap, withPlan(of("a"), plan...)); a.Code != 500 {
			t.Errorf("plan %+v beside Also: %d", plan[0], a.Code)
		}
	}
}

// TestSuspendedPlan: a quota of 0 is a refusal that no time ends, and no failure.
func TestSuspendedPlan(t *testing.T) {
	suspended := ratelimit.Limit{Name: "plan", Quota: 0}
	other := ratelimit.Limit{Name: "burst", Quota: 5, Window: time.Minute}
	for name, opts := range map[string]ratelimit.Options{
		"memory":       {},
		"a store":      {Store: newLedger(time.Now), Timeout: longTimeout},
		"with fields":  {Headers: ratelimit.RateLimit | ratelimit.XRateLimit},
		"with message": {Message: "Too fast"},
		"FailOpen":     {Store: newFaulty(), OnFailure: ratelimit.FailOpen(), Timeout: longTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			l := planLimiter(t, opts)
			a := serve(t, l.Wrap, withPlan(of("a"), other, suspended))
			want := `{"error":"Forbidden","message":"There is no quota for this request"}`
			if a.Code != 403 || a.Body.String() != want || a.Header().Get("Retry-After") != "" || a.Header().Get("RateLimit") != "" {
				t.Errorf("%d %s %v", a.Code, a.Body, a.Header())
			}
			d := a.decisions[0]
			if e := asError(t, "no quota", d.Err); len(a.decisions) != 1 || d.Outcome != guard.Refused || d.Status != 403 || e.Code != "no_quota" || !strings.Contains(d.Reason, `"plan" is 0`) {
				t.Errorf("%+v", a.decisions)
			}
			ctx := withPlan(of("a"), other, suspended).Context()
			if _, err := l.Take(ctx, "a", 1); asError(t, "Take", err).Code != "no_quota" {
				t.Errorf("Take: %v", err)
			}
			if _, err := l.Peek(ctx, "a"); asError(t, "Peek", err).Code != "no_quota" {
				t.Errorf("Peek: %v", err)
			}
			if res, err := l.Peek(withPlan(of("a"), other).Context(), "a"); err != nil || res.Remaining != 5 {
				t.Errorf("the other limit: %+v, %v", res, err)
			}
		})
	}
	t.Run("Shadow", func(t *testing.T) {
		a := serve(t, planLimiter(t, ratelimit.Options{Shadow: true}).Wrap, withPlan(of("a"), suspended))
		if !a.reached || a.decisions[0].Outcome != guard.Shadowed {
			t.Errorf("%d %+v", a.Code, a.decisions)
		}
	})
	t.Run("cost 0", func(t *testing.T) {
		l := planLimiter(t, ratelimit.Options{Cost: func(*http.Request) int { return 0 }})
		if a := serve(t, l.Wrap, withPlan(of("a"), suspended)); !a.reached {
			t.Errorf("%d", a.Code)
		}
	})
}

// TestUnlimitedPlan: it takes nothing and is in no field.
func TestUnlimitedPlan(t *testing.T) {
	unlimited := ratelimit.Limit{Name: "plan", Quota: ratelimit.Unlimited}
	burst := ratelimit.Limit{Name: "burst", Quota: 5, Window: time.Minute}
	store := newLedger(time.Now)
	l := planLimiter(t, ratelimit.Options{Headers: ratelimit.RateLimit, InContext: true, Store: store, Timeout: longTimeout})
	for range 3 {
		a := serve(t, l.Wrap, withPlan(of("a"), unlimited))
		if _, found := l.From(a.ctx); !a.reached || len(a.Header()) != 0 || found || a.decisions[0].Reason != "not limited" {
			t.Errorf("%d %v %+v", a.Code, a.Header(), a.decisions)
		}
	}
	if calls := store.history(); len(calls) != 0 {
		t.Errorf("calls %q", calls)
	}
	if a := serve(t, l.Wrap, withPlan(of("a"), unlimited, burst)); a.Header().Get("RateLimit-Policy") != `"burst";q=5;w=60` || a.Header().Get("RateLimit") != `"burst";r=4;t=60` {
		t.Errorf("%v", a.Header())
	}
	ctx := withPlan(of("a"), unlimited).Context()
	if res, err := l.Take(ctx, "a", 1<<30); err != nil || !res.OK || res.Quota != ratelimit.Unlimited || res.Remaining != 1<<30 || res.Limit != "plan" {
		t.Errorf("%+v, %v", res, err)
	}
	if err := l.Reset(ctx, "a"); err != nil {
		t.Error(err)
	}
}

// TestPlanMistakes: what New refuses is a failure of our own, 500, and so are limits
// without a name in a Store, whose counts another limiter's would share.
func TestPlanMistakes(t *testing.T) {
	hour := ratelimit.Limit{Name: "plan", Quota: 5, Window: time.Hour}
	store := newLedger(time.Now)
	for name, tt := range map[string]struct {
		plan  []ratelimit.Limit
		store ratelimit.Store
		want  string // "" if it is none
	}{
		"no name, memory":        {[]ratelimit.Limit{{Quota: 5, Window: time.Hour}}, nil, ""},
		"no name, store":         {[]ratelimit.Limit{{Quota: 5, Window: time.Hour}}, store, "a limit in a Store needs a name"},
		"no name, quota 0":       {[]ratelimit.Limit{{}}, store, "a limit in a Store needs a name"},
		"quota -2":               {[]ratelimit.Limit{{Name: "plan", Quota: -2, Window: time.Hour}}, nil, "quota -2"},
		"same names":             {[]ratelimit.Limit{hour, hour}, nil, `two limits are named "plan"`},
		"17":                     {make([]ratelimit.Limit, 17), nil, "17 limits"},
		"unlimited, a burst":     {[]ratelimit.Limit{{Quota: ratelimit.Unlimited, Burst: 1}}, nil, "burst is for GCRA"},
		"suspended, GCRA":        {[]ratelimit.Limit{{Quota: 0, Algorithm: ratelimit.GCRA, Burst: 5, Window: time.Hour}}, nil, "no_quota"},
		"suspended, an odd name": {[]ratelimit.Limit{{Name: "a b"}}, nil, "the name"},
	} {
		t.Run(name, func(t *testing.T) {
			l := planLimiter(t, ratelimit.Options{Store: tt.store, Timeout: longTimeout})
			a := serve(t, l.Wrap, withPlan(of("a"), tt.plan...))
			want := http.StatusInternalServerError
			switch tt.want {
			case "":
				want = http.StatusNoContent
			case "no_quota":
				want = http.StatusForbidden
			default:
				if !strings.Contains(a.decisions[0].Reason, tt.want) {
					t.Errorf("%q does not say %q", a.decisions[0].Reason, tt.want)
				}
			}
			if a.Code != want {
				t.Errorf("status %d, want %d", a.Code, want)
			}
		})
	}
}

// TestUnnamedPlansDoNotCountTogether: two limiters whose LimitsOf returns unnamed
// limits had one count in a store.
func TestUnnamedPlansDoNotCountTogether(t *testing.T) {
	store := guard.Must(ratelimit.NewMemory(nil))
	plan := ratelimit.Limit{Quota: 1, Window: time.Hour}
	for _, name := range []string{"reads", "writes"} {
		l := guard.Must(ratelimit.New(ratelimit.Limit{Name: name, Quota: 1, Window: time.Hour}, byHeader,
			&ratelimit.Options{Store: store, LimitsOf: limitsOfContext}))
		if a := serve(t, l.Wrap, withPlan(of("a"), plan)); a.Code != 500 || !strings.Contains(a.decisions[0].Reason, "needs a name") {
			t.Errorf("%s: %d %+v", name, a.Code, a.decisions)
		}
	}
}

// TestCalendarOfALimiter: the period is that of Options.Now, in takes, Peek and Reset.
func TestCalendarOfALimiter(t *testing.T) {
	c := harness.NewClock() // noon of 24 November, UTC
	store := newLedger(c.Now)
	l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "month", Quota: 2, Calendar: ratelimit.Monthly(25, nil)}, byHeader,
		&ratelimit.Options{Store: store, Now: c.Now, Headers: ratelimit.RateLimit, Timeout: longTimeout}))
	for i, want := range []struct {
		code  int
		field string
	}{{204, `"month";r=1;t=43200`}, {204, `"month";r=0;t=43200`}, {429, `"month";r=0;t=10`}} {
		a := serve(t, l.Wrap, of("a"))
		if a.Code != want.code || a.Header().Get("RateLimit") != want.field || a.Header().Get("RateLimit-Policy") != `"month";q=2` {
			t.Errorf("request %d: %d %v", i+1, a.Code, a.Header())
		}
	}
	if res, err := l.Peek(t.Context(), "a"); err != nil || res.OK {
		t.Errorf("%+v, %v", res, err)
	}
	c.Advance(12 * time.Hour)
	if res, err := l.Take(t.Context(), "a", 2); err != nil || !res.OK || res.Reset != 30*24*time.Hour {
		t.Errorf("the next period: %+v, %v", res, err)
	}
	if err := l.Reset(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if res, err := l.Peek(t.Context(), "a"); err != nil || res.Remaining != 2 {
		t.Errorf("after Reset: %+v, %v", res, err)
	}
}

func TestTakeDoesNotAllocate(t *testing.T) {
	l := guard.Must(ratelimit.New(ratelimit.Limit{Quota: plenty, Window: time.Minute}, byHeader,
		&ratelimit.Options{Also: []ratelimit.Limit{{Name: "hour", Quota: plenty, Window: time.Hour}}}))
	for name, f := range map[string]func(){
		"Take": func() { _, _ = l.Take(t.Context(), "a", 1) },
		"Peek": func() { _, _ = l.Peek(t.Context(), "a") },
	} {
		if n := testing.AllocsPerRun(100, f); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
