package oauth_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/oauth"
)

// A browser that keeps its cookie cannot sign in twice: not at another process either.
func TestReplay(t *testing.T) {
	store := guard.Must(once.NewMemory(nil))
	p := newProvider()
	first, second := newApp(t, p, oauth.Options{Once: store}), newApp(t, p, oauth.Options{Once: store})
	for _, change := range []func(url.Values){
		func(url.Values) {},
		func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") },
		func(v url.Values) { v.Set("code", "wrong") },
		func(v url.Values) { v.Del("iss") },
	} {
		first.cookies = map[string]string{}
		v := p.authorize(t, first.begin(""))
		code := v.Get("code")
		change(v)
		second.cookies = maps.Clone(first.cookies)
		kept := maps.Clone(first.cookies)
		first.complete(v)
		v = url.Values{"state": v["state"], "code": {code}, "iss": {issuer}}
		tokens := p.count("/token")
		calls := first.calls
		for _, a := range []*app{first, second} {
			a.cookies = maps.Clone(kept)
			if w := a.complete(v); w.Code != 400 || !strings.Contains(a.reason(), "completed before") || a.pending() != 0 {
				t.Errorf("replayed: %d %s", w.Code, a.reason())
			}
		}
		if first.calls != calls || second.calls != 0 || p.count("/token") != tokens {
			t.Errorf("%d and %d calls, %d more exchanges", first.calls, second.calls, p.count("/token")-tokens)
		}
	}
}

// Of two requests at a time one signs in, and the other leaves the cookie.
func TestAtTheSameTime(t *testing.T) {
	store := guard.Must(once.NewMemory(nil))
	p := newProvider()
	first, second := newApp(t, p, oauth.Options{Once: store}), newApp(t, p, oauth.Options{Once: store})
	v := p.authorize(t, first.begin(""))
	second.cookies = maps.Clone(first.cookies)
	arrived, proceed := make(chan bool), make(chan bool)
	p.override["/token"] = func() (*http.Response, error) { close(arrived); <-proceed; return nil, errDown }
	done := make(chan int)
	go func() { done <- first.complete(v).Code }()
	<-arrived
	if w := second.complete(v); w.Code != 400 || !strings.Contains(second.reason(), "by another request") || second.pending() != 1 {
		t.Errorf("%d %s", w.Code, second.reason())
	}
	close(proceed)
	if code := <-done; code != 503 {
		t.Errorf("first: %d", code)
	}
	p.heal()
	if w := second.complete(v); w.Code != 303 {
		t.Errorf("after the outage: %d %s", w.Code, second.reason())
	}
}

// brokenStore fails in one method.
type brokenStore struct {
	once.Store
	acquire, commit error
}

func (s brokenStore) Acquire(ctx context.Context, key [32]byte, lease time.Duration) (once.Lease, once.State, error) {
	if s.acquire != nil {
		return once.Lease{}, once.Busy, s.acquire
	}
	return s.Store.Acquire(ctx, key, lease)
}

func (s brokenStore) Commit(ctx context.Context, l once.Lease, until time.Time) error {
	if s.commit != nil {
		return s.commit
	}
	return s.Store.Commit(ctx, l, until)
}

func TestStoreFails(t *testing.T) {
	memory := guard.Must(once.NewMemory(nil))
	for _, tt := range []struct {
		store once.Store
		want  int
		stays bool
	}{
		{brokenStore{memory, errDown, nil}, 503, true},
		{brokenStore{memory, once.ErrFull, nil}, 503, true},
		{brokenStore{memory, nil, errDown}, 503, false},
		{brokenStore{memory, nil, once.ErrLost}, 400, false},
	} {
		p := newProvider()
		a := newApp(t, p, oauth.Options{Once: tt.store})
		if w := a.signIn(""); w.Code != tt.want || a.calls != 0 || (a.pending() == 1) != tt.stays {
			t.Errorf("%+v: %d, %d calls, %d pending", tt.store, w.Code, a.calls, a.pending())
		}
		if tt.stays && p.count("/token") != 0 {
			t.Error("the code was exchanged")
		}
	}
}

// strictStore fails once the request has ended, as a database does.
type strictStore struct{ once.Store }

func (s strictStore) Release(ctx context.Context, l once.Lease) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.Store.Release(ctx, l)
}

// A client that leaves while the provider is slow leaves the sign-in usable.
func TestClientLeaves(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{Once: strictStore{guard.Must(once.NewMemory(nil))}})
	v := p.authorize(t, a.begin(""))
	ctx, cancel := context.WithCancel(t.Context())
	p.override["/token"] = func() (*http.Response, error) { cancel(); return nil, errDown }
	a.do(httptest.NewRequestWithContext(ctx, "GET", "/callback?"+v.Encode(), nil))
	if a.pending() != 1 || a.calls != 0 {
		t.Errorf("%d pending, %d calls", a.pending(), a.calls)
	}
	p.mu.Lock()
	p.heal()
	p.mu.Unlock()
	if w := a.complete(v); w.Code != 303 {
		t.Errorf("%d %s", w.Code, a.reason())
	}
}

// stalled is a body that does not arrive. It ends with the request or, as a transport of
// one's own may, never.
type stalled struct{ done <-chan struct{} }

func (s stalled) Read([]byte) (int, error) { <-s.done; return 0, context.DeadlineExceeded }
func (s stalled) Close() error             { return nil }

// A 2xx spends the sign-in, though its body does not arrive in ten seconds. Without any
// answer it stays.
func TestTokenEndpointStalls(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		ends   bool
		stays  bool
	}{
		"200, and the body ends with the request": {200, true, false},
		"200, and the body never ends":            {200, false, false},
		"400, and the body never ends":            {400, false, true},
		"no answer":                               {0, false, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProvider()
			a := newApp(t, p, oauth.Options{})
			v := p.authorize(t, a.begin(""))
			never := make(chan struct{})
			p.override["/token"] = func() (*http.Response, error) {
				r := p.requests[len(p.requests)-1]
				if tt.status == 0 {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				body := stalled{never}
				if tt.ends {
					body.done = r.Context().Done()
				}
				return &http.Response{StatusCode: tt.status, Body: body}, nil
			}
			start := time.Now()
			if w := a.complete(v); w.Code != 503 || (a.pending() == 1) != tt.stays || time.Since(start) != 10*time.Second {
				t.Errorf("%s: %d, %d pending, after %v: %s", name, w.Code, a.pending(), time.Since(start), a.reason())
			}
			close(never)
			synctest.Wait()
			p.heal()
			if w := a.complete(v); (w.Code == 303) != tt.stays {
				t.Errorf("%s: again %d", name, w.Code)
			}
		})
	}
}

// Of a client that leaves after the provider accepted its code, the sign-in is spent.
func TestClientLeavesAfterTheExchange(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	v := p.authorize(t, a.begin(""))
	ctx, cancel := context.WithCancel(t.Context())
	p.answer = func(object) { cancel() }
	kept := maps.Clone(a.cookies)
	a.do(httptest.NewRequestWithContext(ctx, "GET", "/callback?"+v.Encode(), nil))
	a.cookies = kept
	if w := a.complete(v); w.Code != 400 || !strings.Contains(a.reason(), "completed before") {
		t.Errorf("%d %s", w.Code, a.reason())
	}
}

// Sign-ins that no one completes take no memory of the server.
func TestAbandoned(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{Once: guard.Must(once.NewMemory(&once.MemoryOptions{Max: 1}))})
	for range 10_000 {
		a.login.Begin().ServeHTTP(discard{}, httptest.NewRequest("GET", "/login?next=/inbox", nil))
	}
	if w := a.signIn(""); w.Code != 303 {
		t.Errorf("%d %s", w.Code, a.reason())
	}
}
