package ratelimit_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

// TestCodes: clients distinguish refusals by their code, not by English.
func TestCodes(t *testing.T) {
	one := ratelimit.Limit{Quota: 1, Window: time.Hour}
	wrap := func(key ratelimit.Key, opts *ratelimit.Options) guard.Middleware {
		return guard.Must(ratelimit.New(one, key, opts)).Wrap
	}
	twice := of("a")
	twice.Header.Add("K", "b")
	logins := newLogin(t, &ratelimit.LoginOptions{Address: one})
	attempt := func(account string) guard.Middleware {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := failed(logins, r, account); err != nil {
					guard.Refuse(w, r, err)
					return
				}
				w.WriteHeader(http.StatusOK)
			})
		}
	}
	bucket := guard.Must(ratelimit.NewBucket(0.001, 1))
	for name, tt := range map[string]struct {
		m      guard.Middleware
		r      *http.Request
		before int // requests that are not refused
		status int
		code   string
	}{
		"the quota is used up":     {wrap(byHeader, nil), of("a"), 1, 429, "rate_limited"},
		"with a message":           {wrap(byHeader, &ratelimit.Options{Message: "Slow down"}), of("a"), 1, 429, "rate_limited"},
		"a bucket":                 {bucket.Wrap, of("a"), 1, 429, "rate_limited"},
		"failed logins":            {attempt("alice"), fromIP("203.0.113.7"), 1, 429, "login_limited"},
		"a login, no account":      {attempt(" "), fromIP("203.0.113.8"), 0, 400, "account_missing"},
		"a login, unclear address": {attempt("alice"), fromIP("junk"), 0, 400, "address_unclear"},
		"an unclear address":       {wrap(ratelimit.ByIP(clientip.Direct()), nil), fromIP("junk"), 0, 400, "address_unclear"},
		"too large":                {wrap(byHeader, &ratelimit.Options{Cost: func(*http.Request) int { return 2 }}), of("a"), 0, 400, "cost_too_large"},
		"no header":                {wrap(byHeader, nil), httptest.NewRequest("GET", "/", nil), 0, 400, "header_missing"},
		"two headers":              {wrap(byHeader, nil), twice, 0, 400, "header_repeated"},
	} {
		t.Run(name, func(t *testing.T) {
			for range tt.before {
				serve(t, tt.m, tt.r)
			}
			a := serve(t, tt.m, tt.r)
			d := a.decisions[0]
			if e := asError(t, name, d.Err); a.Code != tt.status || e.Code != tt.code {
				t.Errorf("status %d, code %q; want %d, %q", a.Code, e.Code, tt.status, tt.code)
			}
		})
	}
	if err := logins.Reset(t.Context(), ""); asError(t, "Reset", err).Code != "account_missing" {
		t.Errorf("Reset: %v", err)
	}
	if err := bucket.Take(); asError(t, "Take of a bucket", err).Code != "rate_limited" {
		t.Errorf("Take of a bucket: %v", err)
	}
}
