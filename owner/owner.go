package owner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// NotFound are errors of the loader that mean found == false, such as
	// sql.ErrNoRows or fs.ErrNotExist. If empty, every error is a failure.
	NotFound []error
	// Missing is the message of a 404. If empty, it is "Not found".
	Missing string
}

// A Resource is a kind of thing T that principals P may own. It is safe for use
// by several goroutines. Visible, Bypass, HideAll and WithMessage return copies
// that share nothing but the loader; From works on any of them.
type Resource[P, T any] struct {
	*loader[P, T]
	visible func(P, T) bool
	bypass  func(context.Context) error
	hideAll bool
	message string
}

// loader is what derived copies share.
type loader[P, T any] struct {
	key      byte // by its address, under which contexts hold what was loaded
	load     func(*http.Request, P) (T, bool, error)
	notFound []error
	missing  string
	none     error // the refusal for a missing thing, built once
}

// New returns a Resource whose things load finds. Absence is no error: found is
// false. Any error is a failure (5xx), unless Options.NotFound names it or it is
// a *guard.Error, such as 400 for an id that can be none. opts may be nil.
func New[P, T any](load func(r *http.Request, p P) (v T, found bool, err error), opts *Options) (*Resource[P, T], error) {
	if opts == nil {
		opts = &Options{}
	}
	var errs []error
	if load == nil {
		errs = append(errs, errors.New("owner: the loader is nil"))
	}
	if slices.Contains(opts.NotFound, nil) {
		errs = append(errs, errors.New("owner: NotFound holds a nil error"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	missing := opts.Missing
	if missing == "" {
		missing = "Not found"
	}
	l := &loader[P, T]{load: load, notFound: slices.Clone(opts.NotFound), missing: missing}
	l.none = l.hidden(errMissing)
	return &Resource[P, T]{loader: l}, nil
}

// Visible returns a copy for which a thing that visible does not accept is not
// there: 404 as for a missing one. It is asked before the check of Require.
func (o *Resource[P, T]) Visible(visible func(P, T) bool) *Resource[P, T] {
	if visible == nil {
		wiring.Panic("owner", "Visible with a nil function")
	}
	c := *o
	c.visible = visible
	return &c
}

// Bypass returns a copy that lets those at every thing, visible or not, whom
// bypass accepts, such as rbac's Has. It is asked after the load: what is missing
// is 404 for all.
func (o *Resource[P, T]) Bypass(bypass func(context.Context) bool) *Resource[P, T] {
	if bypass == nil {
		wiring.Panic("owner", "Bypass with a nil function")
	}
	return o.BypassCheck(func(ctx context.Context) error {
		if bypass(ctx) {
			return nil
		}
		return errNoBypass
	})
}

// BypassCheck is [Resource.Bypass] by a check that can fail, such as rbac's
// Check of a policy that another engine decides. No error accepts; a refusal,
// an *guard.Error below 500, does not; any other error is a failure (5xx).
func (o *Resource[P, T]) BypassCheck(bypass func(context.Context) error) *Resource[P, T] {
	if bypass == nil {
		wiring.Panic("owner", "BypassCheck with a nil function")
	}
	c := *o
	c.bypass = bypass
	return &c
}

// HideAll returns a copy that answers 404 where it would answer 403, with the
// very bytes for a missing thing.
func (o *Resource[P, T]) HideAll() *Resource[P, T] {
	c := *o
	c.hideAll = true
	return &c
}

// WithMessage returns a copy whose 403 has this message. If empty, it is
// "Access denied".
func (o *Resource[P, T]) WithMessage(message string) *Resource[P, T] {
	c := *o
	c.message = message
	return &c
}

// Require loads the thing and lets those at it whom allow accepts.
func (o *Resource[P, T]) Require(allow func(P, T) bool) guard.Middleware {
	if allow == nil {
		wiring.Panic("owner", "Require with a nil function")
	}
	return func(next http.Handler) http.Handler { return o.wrap("require", allow, next) }
}

// Load loads the thing without asking whose it is: 401, 404 and Visible only.
func (o *Resource[P, T]) Load(next http.Handler) http.Handler { return o.wrap("load", nil, next) }

func (o *Resource[P, T]) wrap(name string, allow func(P, T) bool, next http.Handler) http.Handler {
	wiring.Next("owner", next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := guard.Decision{Package: "owner", Guard: name}
		v, err := o.take(r, allow)
		if err != nil {
			if gone(r, err) {
				d.Outcome, d.Reason, d.Err = guard.Failed, "the client is gone", err
				d.Report(r)
				abort(r)
				return
			}
			d.Refuse(w, r, err)
			return
		}
		n := &loaded[P, T]{Context: r.Context(), loader: o.loader, by: identity.From(r.Context()), value: v}
		r = r.WithContext(n)
		d.Outcome = guard.Allowed
		d.Report(r)
		next.ServeHTTP(w, r)
	})
}

// gone reports whether err is a failure that nobody waits for: the client hung
// up, which drivers tell in words of their own.
func gone(r *http.Request, err error) bool {
	return !declines(err) && errors.Is(r.Context().Err(), context.Canceled)
}

// abort leaves a request without an answer. A server would make 200 of that,
// and who cancelled may have been the server itself, while the client waits.
// Hosts other than net/http's server may not know this panic.
func abort(r *http.Request) {
	if r.Context().Value(http.ServerContextKey) != nil {
		panic(http.ErrAbortHandler)
	}
}

var (
	errMissing   = errors.New("owner: there is none")
	errInvisible = errors.New("owner: not visible to this principal")
	errNotOwner  = errors.New("owner: not allowed for this principal")
	errNoBypass  = errors.New("owner: no bypass for this principal")
)

// take decides: 401 without a load, then 404, then 403.
func (o *Resource[P, T]) take(r *http.Request, allow func(P, T) bool) (v T, err error) {
	var zero T
	ctx := r.Context()
	p, err := guard.Authenticated[P](ctx)
	if err != nil {
		return zero, err
	}
	v, found, err := o.load(r, p)
	if err != nil && !isRefusal(err) && slices.ContainsFunc(o.notFound, func(target error) bool { return errors.Is(err, target) }) {
		found, err = false, nil
	}
	if v, err = guard.Resolve(v, found, err, o.none); err != nil {
		return zero, o.normal(err)
	}
	if o.bypass != nil {
		err := o.bypass(ctx)
		if err == nil {
			return v, nil
		}
		if err != errNoBypass && !declines(err) {
			_, err = guard.Resolve(v, true, err, nil)
			return zero, err
		}
	}
	switch {
	case o.visible != nil && !o.visible(p, v):
		return zero, o.hidden(errInvisible)
	case allow == nil || allow(p, v):
	case o.hideAll:
		return zero, o.hidden(errNotOwner)
	default:
		return zero, &guard.Error{Status: http.StatusForbidden, Message: o.message, Err: errNotOwner}
	}
	return v, nil
}

// declines reports whether err is a refusal, and no failure of ours.
func declines(err error) bool {
	e, _ := errors.AsType[*guard.Error](err)
	return e != nil && e.Status < http.StatusInternalServerError
}

// isRefusal reports whether the loader said itself what err is, as with
// guard.Unavailable, whatever that wraps.
func isRefusal(err error) bool {
	e, _ := errors.AsType[*guard.Error](err)
	return e != nil
}

// hidden is the one 404; only its private reason differs.
func (l *loader[P, T]) hidden(reason error) error {
	return &guard.Error{Status: http.StatusNotFound, Message: l.missing, Err: reason}
}

// normal makes refusals of the loader's own ours, so that they tell no more than
// the rest: every 404 is the same, and where 403 is hidden theirs is too.
func (o *Resource[P, T]) normal(err error) error {
	e, _ := errors.AsType[*guard.Error](err)
	if e == nil {
		return err
	}
	if e.Status == http.StatusNotFound || e.Status == http.StatusForbidden && o.hideAll {
		return o.hidden(err)
	}
	return err
}

// From returns the thing that a step of this resource loaded, and checked, for
// the principal of ctx. It panics where no such step is in front: a handler
// never works on an unchecked thing.
func (o *Resource[P, T]) From(ctx context.Context) T {
	n, ok := ctx.Value(&o.key).(*loaded[P, T])
	if !ok || n.by != identity.From(ctx) {
		wiring.Panic("owner", "From in a handler that is not behind Require or Load of this resource (%v), or behind a further authentication step", reflect.TypeFor[T]())
	}
	return n.value
}

// loaded is the context node of a thing.
type loaded[P, T any] struct {
	context.Context
	loader *loader[P, T]
	by     *identity.Node // whom it was checked for
	value  T
}

func (n *loaded[P, T]) Value(key any) any {
	if key == any(&n.loader.key) {
		return n
	}
	return n.Context.Value(key)
}

// String keeps things out of a printed context.
func (n *loaded[P, T]) String() string {
	return fmt.Sprintf("%v.owner(%v)", n.Context, reflect.TypeFor[T]())
}

// GoString is String, for %#v.
func (n *loaded[P, T]) GoString() string { return n.String() }

// Same reports whether a and b are the same id. An empty id is nobody's: it
// owns nothing, and what has none has no owner.
func Same[ID comparable](a, b ID) bool {
	var none ID
	if reflect.TypeFor[ID]().Kind() == reflect.Interface && a != none && reflect.ValueOf(a).IsZero() {
		return false // an empty id that was read into an any
	}
	return a == b && a != none
}
