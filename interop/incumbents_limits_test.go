package interop_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
)

// Limits.

const quota = 100

func guardLimit() guard.Middleware {
	return guard.Must(ratelimit.New(ratelimit.Limit{Quota: quota, Window: time.Minute}, ratelimit.ByIP(clientip.Direct()), nil)).Wrap
}

// httprateLimit is the one of its README.
func httprateLimit(opts ...httprate.Option) guard.Middleware {
	byIP := func(r *http.Request) (string, error) {
		return httprate.CanonicalizeIP(middleware.GetClientIP(r.Context())), nil
	}
	return guard.Chain(middleware.ClientIPFromRemoteAddr, httprate.LimitBy(quota, time.Minute, byIP, opts...))
}

func forged(t *testing.T, mw guard.Middleware) bool {
	var d door
	h := mw(&d)
	for i := range quota + 1 {
		res, _ := answerTo(t, h, "GET", map[string]string{"X-Forwarded-For": fmt.Sprintf("203.0.113.%d", i)})
		if i == quota {
			return res.StatusCode == 429
		}
	}
	return false
}

func guardForged(t *testing.T) bool    { return forged(t, guardLimit()) }
func httprateForged(t *testing.T) bool { return forged(t, httprateLimit()) }

// retry uses up the quota, waits for its Retry-After, and tries once more.
func retry(t *testing.T, limit func() guard.Middleware) (served bool) {
	synctest.Test(t, func(t *testing.T) {
		h := limit()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		status := 0
		for range quota + 1 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			status = w.Code
			if status == 429 {
				time.Sleep(time.Duration(guard.Must(strconv.Atoi(w.Header().Get("Retry-After")))) * time.Second)
			}
		}
		if status != 429 {
			t.Fatalf("the last answer of %d: %d", quota+1, status)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		served = w.Code == 200
	})
	return served
}

func guardRetry(t *testing.T) bool { return retry(t, guardLimit) }
func httprateRetry(t *testing.T) bool {
	return retry(t, func() guard.Middleware { return httprateLimit() })
}

// Streams.

// streams reports whether a handler inside can flush and hijack, as server-sent events
// and WebSockets do: by http.Flusher, http.Hijacker and http.ResponseController.
func streams(t *testing.T, wrap func(http.Handler) http.Handler, header map[string]string) bool {
	t.Helper()
	entered, can := false, false
	answerTo(t, wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered = true
		_, flusher := w.(http.Flusher)
		_, hijacker := w.(http.Hijacker)
		can = flusher && hijacker && http.NewResponseController(w).Flush() == nil
	})), "GET", header)
	if !entered {
		t.Fatal("the request did not come in")
	}
	return can
}

func guardStreams(t *testing.T) bool {
	m := guard.Must(session.New[string](nil))
	c := sessionSite{login: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Must(m.Create(w, r, "1", ""))
	})}.signIn(t)
	return streams(t, guard.Chain(guardLimit(), guardTokens(), m.Wrap), map[string]string{
		"Authorization": "Bearer " + validToken(), "Cookie": c.Name + "=" + c.Value,
	})
}

func jwtauthStreams(t *testing.T) bool {
	return streams(t, jwtauthTokens(), map[string]string{"Authorization": "Bearer " + validToken()})
}

func scsStreams(t *testing.T) bool      { return streams(t, newSCS().LoadAndSave, nil) }
func httprateStreams(t *testing.T) bool { return streams(t, httprateLimit(), nil) }

// Rules.

const casbinRules = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = `

// casbinPage serves a page to those whom the rules allow.
func casbinPage(e *casbin.Enforcer, d *door) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if allowed, _ := e.Enforce("alice", "data1", "read"); !allowed { // as its README does
			http.Error(w, "Forbidden", http.StatusForbidden)
			return
		}
		d.ServeHTTP(w, r)
	})
}

func newCasbin(t *testing.T, matcher, act string) (*casbin.Enforcer, error) {
	t.Helper()
	e, err := casbin.NewEnforcer(guard.Must(model.NewModelFromString(casbinRules + matcher)))
	if err != nil {
		return nil, err
	}
	guard.Must(e.AddPolicy("role:reader", "data1", act))
	guard.Must(e.AddGroupingPolicy("alice", "role:reader"))
	e.AddFunction("fails", func(...any) (any, error) { return true, errStoreDown })
	return e, nil
}

const casbinMatcher = "g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act"

func casbinRuleFails(t *testing.T) bool {
	var d door
	if res, _ := answerTo(t, casbinPage(guard.Must(newCasbin(t, casbinMatcher, "read")), &d), "GET", nil); res.StatusCode != 200 {
		t.Fatalf("the rule: %d", res.StatusCode)
	}
	d.entered = 0
	res, _ := answerTo(t, casbinPage(guard.Must(newCasbin(t, casbinMatcher+" && fails()", "read")), &d), "GET", nil)
	return d.refused(res, func(status int) bool { return status >= 400 })
}

func guardRuleFails(t *testing.T) bool {
	var d door
	policy := guard.Must(rbac.NewDecided([]string{"data1:read"}, func(context.Context, *jwtauth.Token[struct{}], string) (bool, error) {
		return true, errStoreDown
	}, nil))
	res, _ := answerTo(t, guard.Chain(guardTokens(), policy.RequireAll("data1:read"))(&d), "GET", map[string]string{"Authorization": "Bearer " + validToken()})
	return d.refused(res, is5xx)
}

func casbinTypo(t *testing.T) bool {
	_, err := newCasbin(t, casbinMatcher, "raed")
	return err != nil
}

func guardTypo(*testing.T) bool {
	_, err := rbac.New(rbac.Spec[string]{
		Permissions: []string{"data1:read"},
		Roles:       map[string]rbac.Role[string]{"reader": {Grants: []string{"data1:raed"}}},
	}, func(string) string { return "reader" }, nil)
	return err != nil
}
