package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/webhook"
)

// TestPanic: a delivery whose function panicked comes again.
func TestPanic(t *testing.T) {
	hooks := guard.Must(webhook.New(webhook.Standard, webhook.Secrets(standardSecret), nil))
	panics := true
	h := hooks.Handler(func(context.Context, *webhook.Delivery) error {
		if panics {
			panic(http.ErrAbortHandler)
		}
		return nil
	})
	d := delivery("a")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), with(post(string(d.Body)), sign(t, webhook.Standard, &d)))
	}()
	panics = false
	w := httptest.NewRecorder()
	h.ServeHTTP(w, with(post(string(d.Body)), sign(t, webhook.Standard, &d)))
	if w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
}

// TestBusy: while a delivery is handled, another attempt is answered 409; after a
// crash, or a function that ignores its context, it is handled once the lease runs out.
func TestBusy(t *testing.T) {
	for _, s := range providers {
		t.Run(string(s), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hooks := guard.Must(webhook.New(s, webhook.Secrets(standardSecret), nil))
				var decisions guardtest.Recorder
				release, calls := make(chan struct{}), 0
				h := decisions.Observe(hooks.Handler(func(ctx context.Context, _ *webhook.Delivery) error {
					if calls++; calls == 1 {
						<-release // ignores ctx
						if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
							t.Errorf("the context has %v", ctx.Err())
						}
					}
					return nil
				}))
				send := func() *httptest.ResponseRecorder {
					d, w := delivery("a"), httptest.NewRecorder()
					h.ServeHTTP(w, with(post(string(d.Body)), sign(t, s, &d)))
					return w
				}
				first := make(chan int)
				go func() { first <- send().Code }()
				synctest.Wait()
				if w := send(); w.Code != 409 || w.Header().Get("Retry-After") != "10" || calls != 1 ||
					w.Body.String() != `{"error":"Conflict","message":"The delivery is being handled"}` {
					t.Errorf("%d %v %s, %d calls", w.Code, w.Header(), w.Body, calls)
				}
				time.Sleep(time.Minute - time.Millisecond)
				if w := send(); w.Code != 409 {
					t.Errorf("before the lease ran out: %d", w.Code)
				}
				time.Sleep(2 * time.Millisecond)
				if w := send(); w.Code != 200 || calls != 2 {
					t.Errorf("after the lease ran out: %d, %d calls", w.Code, calls)
				}
				decisions.Reset()
				close(release)
				if code := <-first; code != 200 { // it was done: the sender must not try again
					t.Errorf("the first: %d", code)
				}
				if list := decisions.Decisions(); len(list) != 2 || list[1].Outcome != guard.Failed || !errors.Is(list[1].Err, once.ErrLost) {
					t.Errorf("%v", &decisions)
				}
			})
		})
	}
}

// TestTimeout: a function that runs too long and returns its context's error failed.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hooks := guard.Must(webhook.New(webhook.Standard, webhook.Secrets(standardSecret), &webhook.Options{Timeout: time.Second}))
		ctx, leave := context.WithCancel(t.Context())
		left := false
		h := guard.Observe(nil)(hooks.Handler(func(ctx context.Context, _ *webhook.Delivery) error {
			if leave(); ctx.Err() != nil {
				left = true // the sender left, and the work goes on
			}
			<-ctx.Done()
			return ctx.Err()
		}))
		for range 2 {
			d, w := delivery("a"), httptest.NewRecorder()
			h.ServeHTTP(w, with(post(string(d.Body)), sign(t, webhook.Standard, &d)).WithContext(ctx))
			if w.Code != 503 || left {
				t.Errorf("status %d, left %t", w.Code, left)
			}
		}
	})
}

// A brokenStore fails with these errors.
type brokenStore struct {
	once.Store
	acquire, commit error
	released        atomic.Int32
}

func (b *brokenStore) Acquire(ctx context.Context, key [32]byte, lease time.Duration) (once.Lease, once.State, error) {
	if b.acquire != nil {
		return once.Lease{}, once.Busy, b.acquire
	}
	return b.Store.Acquire(ctx, key, lease)
}

func (b *brokenStore) Commit(ctx context.Context, l once.Lease, until time.Time) error {
	if b.commit != nil {
		return b.commit
	}
	return b.Store.Commit(ctx, l, until)
}

func (b *brokenStore) Release(ctx context.Context, l once.Lease) error {
	b.released.Add(1)
	return b.Store.Release(ctx, l)
}

// TestStoreDown: nothing is handled that cannot be remembered, and what was handled is
// acknowledged.
func TestStoreDown(t *testing.T) {
	down := errors.New("dial tcp: connection refused")
	for _, s := range providers {
		store := &brokenStore{Store: guard.Must(once.NewMemory(nil)), acquire: down}
		rc := newReceiver(t, s, &webhook.Options{Once: store})
		w := rc.deliver(s, delivery("a"), 503, false)
		if strings.Contains(w.Body.String(), "dial") {
			t.Errorf("the client reads the cause: %s", w.Body)
		}
		store.acquire = once.ErrFull
		rc.deliver(s, delivery("a"), 503, false)
		store.acquire, store.commit = nil, down
		rc.decisions.Reset()
		rc.deliver(s, delivery("a"), 200, true)
		list := rc.decisions.Decisions()
		if last := list[len(list)-1]; last.Outcome != guard.Failed || !strings.HasPrefix(last.Reason, "webhook: handled, and not recorded: ") {
			t.Errorf("%s: %v", s, &rc.decisions)
		}
	}
}

// A slowStore answers late.
type slowStore struct {
	once.Store
	late time.Duration
}

func (s slowStore) Acquire(ctx context.Context, key [32]byte, lease time.Duration) (once.Lease, once.State, error) {
	l, state, err := s.Store.Acquire(ctx, key, lease)
	time.Sleep(s.late)
	return l, state, err
}

// TestSlowStore: the first lease of two outlasts the second call of the store and the
// function, also where the Timeout is short: GitHub's body is not handled twice at once.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := slowStore{guard.Must(once.NewMemory(nil)), 4 * time.Second}
		hooks := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets(standardSecret), &webhook.Options{Once: store, Timeout: time.Second}))
		var running, calls atomic.Int32
		h := hooks.Handler(func(context.Context, *webhook.Delivery) error {
			if calls.Add(1); running.Add(1) > 1 {
				t.Error("one body is handled twice at once")
			}
			defer running.Add(-1)
			time.Sleep(time.Second - time.Millisecond)
			return nil
		})
		codes := make(chan int, 2)
		for _, id := range []string{"1", "2"} {
			go func() {
				d, w := webhook.Delivery{ID: id, Body: []byte("{}")}, httptest.NewRecorder()
				h.ServeHTTP(w, with(post("{}"), sign(t, webhook.GitHub, &d)))
				codes <- w.Code
			}()
			time.Sleep(4*time.Second + 1) // the first one waits for its second key
		}
		if a, b := <-codes, <-codes; a+b != 200+409 || calls.Load() != 1 {
			t.Errorf("%d and %d, %d calls", a, b, calls.Load())
		}
	})
}

// A slowBody comes after a while.
type slowBody struct {
	io.Reader
	wait time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	time.Sleep(b.wait)
	b.wait = 0
	return b.Reader.Read(p)
}

// TestSlowBody: the time of a delivery counts when its body is there. Otherwise one that
// was handled could be sent slowly, until nothing remembers it.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rc := newReceiver(t, webhook.Standard, &webhook.Options{Remember: 15 * time.Minute})
		d := delivery("a")
		h := sign(t, webhook.Standard, &d)
		rc.send(with(post(string(d.Body)), h), 200, true)
		for _, tt := range []struct {
			wait time.Duration
			want int
		}{{time.Minute, 200}, {time.Hour, 401}} {
			d.Time = time.Now()
			r := with(post(""), sign(t, webhook.Standard, &d))
			r.Body, r.ContentLength = io.NopCloser(&slowBody{strings.NewReader(string(d.Body)), tt.wait}), -1
			rc.send(r, tt.want, false)
		}
	})
}
