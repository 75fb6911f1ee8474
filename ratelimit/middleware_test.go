package ratelimit_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

func TestWrap(t *testing.T) {
	c := harness.NewClock()
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

func TestInContext(t *testing.T) {
	l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{InContext: true}))
	other := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{InContext: true}))
	serve(t, other.Wrap, of("a"))
	a := serve(t, guard.Chain(other.Wrap, l.Wrap), of("a"))
	if res, found := l.From(a.ctx); !found || res.Remaining != 4 || !res.OK {
		t.Errorf("%+v, %t", res, found)
	}
	if res, found := other.From(a.ctx); !found || res.Remaining != 3 {
		t.Errorf("the outer limiter: %+v, %t", res, found)
	}
	l = guard.Must(ratelimit.New(loginLimit, byHeader, nil))
	if res, found := l.From(serve(t, l.Wrap, of("a")).ctx); found {
		t.Errorf("a Result without Options.InContext: %+v", res)
	}
}

func TestShadow(t *testing.T) {
	l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "trial", Quota: 1, Window: time.Hour}, byHeader,
		&ratelimit.Options{Shadow: true, Headers: ratelimit.RateLimit, InContext: true}))
	for i, want := range []guard.Outcome{guard.Allowed, guard.Shadowed, guard.Shadowed} {
		a := serve(t, l.Wrap, of("a"))
		if res, _ := l.From(a.ctx); !a.reached || len(a.Header()) != 0 || a.decisions[0].Outcome != want || res.OK != (i == 0) {
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

func TestNilHandler(t *testing.T) {
	l := guard.Must(ratelimit.New(loginLimit, byHeader, nil))
	b := guard.Must(ratelimit.NewBucket(1, 1))
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

// TestErrorsAreCopies: an error belongs to its caller. Changing it changed later
// refusals of ByHeader.
func TestErrorsAreCopies(t *testing.T) {
	twice := of("a")
	twice.Header.Add("K", "b")
	logins := newLogin(t, &ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 1, Window: time.Hour}})
	attempt := func(addr, account string) error {
		err := failed(logins, fromIP(addr), account)
		return err
	}
	if err := attempt("203.0.113.7", "a"); err != nil {
		t.Fatal(err)
	}
	closed := newLogin(t, &ratelimit.LoginOptions{Store: &faulty{fault: down}, Secret: []byte("sixteen bytes..."), OnFailure: ratelimit.FailClosed(), Timeout: longTimeout})
	bucket := guard.Must(ratelimit.NewBucket(0.001, 1))
	_ = bucket.Take()
	limiter := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Hour}, byHeader, nil))
	serve(t, limiter.Wrap, of("a"))
	for name, refuse := range map[string]func() error{
		"ByHeader, none":       func() error { _, err := byHeader(httptest.NewRequest("GET", "/", nil)); return err },
		"ByHeader, two":        func() error { _, err := byHeader(twice); return err },
		"ByIP":                 func() error { _, err := ratelimit.ByIP(clientip.Direct())(fromIP("junk")); return err },
		"Attempt, 429":         func() error { return attempt("203.0.113.7", "a") },
		"Attempt, no account":  func() error { return attempt("203.0.113.7", "") },
		"Attempt, no address":  func() error { return attempt("junk", "a") },
		"Attempt, store down":  func() error { _, err := closed.Attempt(fromIP("203.0.113.7"), "a"); return err },
		"Reset, no account":    func() error { return logins.Reset(t.Context(), "") },
		"Reset, store down":    func() error { return closed.Reset(t.Context(), "a") },
		"Bucket":               bucket.Take,
		"Limiter, as observed": func() error { return serve(t, limiter.Wrap, of("a")).decisions[0].Err },
	} {
		first, second := asError(t, name, refuse()), asError(t, name, refuse())
		want := second.Message
		first.Message = "changed"
		if first.Header != nil {
			first.Header.Set("Retry-After", "changed")
		}
		for when, e := range map[string]*guard.Error{"the other one": second, "a later one": asError(t, name, refuse())} {
			if e.Message != want || e.Header.Get("Retry-After") == "changed" {
				t.Errorf("%s: changing an error changed %s: %q %v", name, when, e.Message, e.Header)
			}
		}
	}
}

func asError(t *testing.T, name string, err error) *guard.Error {
	t.Helper()
	e, ok := errors.AsType[*guard.Error](err)
	if !ok {
		t.Fatalf("%s: %v is not a *guard.Error", name, err)
	}
	return e
}
