package session

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/attempt"
	"github.com/go-guard/guard/internal/field"
)

// A Manager creates, loads and ends sessions that hold a D. It is safe for use
// by several goroutines.
type Manager[D any] struct {
	store       Store
	limited     bool // whether calls of the store are
	cookie      http.Cookie
	unique      bool // whether a browser has at most one such cookie
	lifetime    time.Duration
	maxLifetime time.Duration
	idle        time.Duration
	touchEvery  time.Duration
	touches     *attempt.Table // one attempt a second for each session: few requests wait while writes fail
	turns       turns
	timeout     time.Duration
	maxData     int
	origins     *http.CrossOriginProtection // nil if the check is off
	missing     *guard.Error                // a template, as half is
	half        *guard.Error                // of a half sign-in where a session is wanted
	now         func() time.Time
	codec       codec[D]
	copyable    bool // whether sessions can share a D
	cache       *[cacheSize]atomic.Pointer[decoded[D]]
	device      *device // nil if no session is bound

	acceptUndecodable bool
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
		store: o.Store, limited: !local,
		lifetime: o.Lifetime, maxLifetime: o.MaxLifetime, idle: o.IdleTimeout, touchEvery: o.TouchEvery, touches: attempt.New(time.Second),
		timeout: o.Timeout, maxData: o.MaxData, now: newClock(o.Now).Now, cookie: newCookie(&o),
		unique:   !o.InsecureCookie && o.Domain == "" && !o.Partitioned,
		missing:  refusal(codeMissing, o.Missing, guard.ErrNoCredentials),
		half:     refusal(codePending, o.Missing, errHalf),
		copyable: isCopyable(reflect.TypeFor[D]()),
		cache:    new([cacheSize]atomic.Pointer[decoded[D]]),
		device:   newDevice(&o),

		acceptUndecodable: o.AcceptUndecodable,
	}
	m.codec.init()
	if !o.InsecureNoCrossOriginCheck {
		origins, mistakes := field.Origins("session", o.TrustedOrigins)
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

// readContext limits a read of the store. A Memory needs no limit and does not read the
// context, which would cost each request an allocation.
func (m *Manager[D]) readContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if !m.limited {
		return ctx, noCancel // a literal would be allocated
	}
	return context.WithTimeout(ctx, m.timeout)
}

func noCancel() {}

// writeContext limits a write to the store. The write continues when the client
// disconnects.
func (m *Manager[D]) writeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if !m.limited {
		return ctx, noCancel
	}
	return context.WithTimeout(context.WithoutCancel(ctx), m.timeout)
}
