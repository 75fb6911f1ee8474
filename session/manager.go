package session

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/claim"
)

// A Manager creates, loads and ends sessions that hold a D. It is safe for use
// by several goroutines.
type Manager[D any] struct {
	store      Store
	limitReads bool
	cookie     http.Cookie
	lifetime   time.Duration
	idle       time.Duration
	touchEvery time.Duration
	touches    *claim.Table // one attempt a second for each session: few requests wait while writes fail
	timeout    time.Duration
	maxData    int
	origins    *http.CrossOriginProtection // nil if the check is off
	missing    *guard.Error                // a template
	now        func() time.Time
	copyable   bool // whether sessions can share a D
	cache      *[cacheSize]atomic.Pointer[Session[D]]
}

// New returns a manager of sessions whose data is a D, stored as JSON. Use
// struct{} for sessions without data. opts may be nil. New reports every mistake
// in opts at once.
func New[D any](opts *Options) (*Manager[D], error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.setDefaults()
	errs := o.check()
	if o.Store == nil {
		memory, err := NewMemory(&MemoryOptions{Now: o.Now})
		if err != nil {
			errs = append(errs, err)
		}
		o.Store = memory
	}
	_, local := o.Store.(*Memory)
	m := &Manager[D]{
		store: o.Store, limitReads: !local,
		lifetime: o.Lifetime, idle: o.IdleTimeout, touchEvery: o.TouchEvery, touches: claim.New(time.Second),
		timeout: o.Timeout, maxData: o.MaxData, now: o.Now, cookie: newCookie(&o),
		missing:  refusal(codeMissing, o.Missing, guard.ErrNoCredentials),
		copyable: isCopyable(reflect.TypeFor[D]()),
		cache:    new([cacheSize]atomic.Pointer[Session[D]]),
	}
	if !o.InsecureNoCrossOriginCheck {
		origins, mistakes := newOrigins(o.TrustedOrigins)
		m.origins = origins
		errs = append(errs, mistakes...)
	}
	if _, err := m.encode(*new(D)); err != nil && m.maxData > 0 {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return m, nil
}

// readContext limits a read of the store. A Memory needs no limit, which would
// cost each request an allocation.
func (m *Manager[D]) readContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if !m.limitReads {
		return ctx, noCancel // a literal would be allocated
	}
	return context.WithTimeout(ctx, m.timeout)
}

func noCancel() {}

// writeContext limits a write to the store. The write continues when the client
// disconnects.
func (m *Manager[D]) writeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), m.timeout)
}
