package ratelimit_test

import (
	"slices"
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
