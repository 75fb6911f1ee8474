package owner

import (
	"errors"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// Require loads the resource and allows principals for which allow reports true. Others get
// 403, see [Resource.WithMessage], or the 401 and 404 of Load. A nil allow panics.
func (o *Resource[P, T]) Require(allow func(P, T) bool) guard.Middleware {
	if allow == nil {
		wiring.Panic("owner", "Require with a nil function")
	}
	return func(next http.Handler) http.Handler { return o.wrap("require", allow, next) }
}

// Load loads the resource for every principal to which it is visible. It answers 401 to
// anonymous requests, 404 where the resource is missing or not visible, and never 403.
func (o *Resource[P, T]) Load(next http.Handler) http.Handler { return o.wrap("load", nil, next) }

func (o *Resource[P, T]) wrap(name string, allow func(P, T) bool, next http.Handler) http.Handler {
	wiring.Next("owner", next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := guard.Decision{Package: "owner", Guard: name}
		v, err := o.loadAndCheck(r, allow)
		if err != nil {
			d.Refuse(w, r, err)
			return
		}
		n := &loaded[P, T]{Context: r.Context(), loader: o.loader, checkedFor: identity.From(r.Context()), value: v}
		r = r.WithContext(n)
		d.Outcome = guard.Allowed
		d.Report(r)
		next.ServeHTTP(w, r)
	})
}

// The causes of refusals, for Observe.
var (
	errMissing   = errors.New("owner: the resource does not exist")
	errInvisible = errors.New("owner: not visible to this principal")
	errNotOwner  = errors.New("owner: not allowed for this principal")
)

// loadAndCheck decides: 401 without a load, then 404, then 403.
func (o *Resource[P, T]) loadAndCheck(r *http.Request, allow func(P, T) bool) (T, error) {
	var zero T
	p, err := guard.Authenticated[P](r.Context())
	if err != nil {
		return zero, err
	}
	v, missing, err := o.loadFor(r, p)
	if err != nil {
		return zero, err
	}
	denial := missing
	if missing == nil {
		denial = o.check(p, v, allow)
	}
	if denial == nil {
		return v, nil
	}
	if o.bypass != nil && (o.visible != nil || allow != nil) { // otherwise nothing is hidden
		bypassed, err := o.bypass(r.Context())
		if err != nil && !isRefusalBelow500(err) {
			return guard.Resolve(zero, false, err, nil)
		}
		if bypassed && err == nil && missing == nil {
			return v, nil
		}
	}
	return zero, denial
}

// loadFor calls the loader. missing is the refusal where it finds nothing.
func (o *Resource[P, T]) loadFor(r *http.Request, p P) (v T, missing, err error) {
	v, found, err := o.load(r, p)
	switch e := refusalOf(err); {
	case e != nil && (e.Status == http.StatusNotFound || e.Status == http.StatusForbidden && o.hideAll):
		return v, o.notFoundError(err), nil // the loader's own message would reveal more than the rest
	case e != nil:
	case err == nil && !found, err != nil && slices.ContainsFunc(o.notFound, func(target error) bool { return errors.Is(err, target) }):
		return v, o.absent, nil
	}
	v, err = guard.Resolve(v, true, err, nil)
	return v, nil, err
}

// check returns the refusal of a resource that exists, nil if p is allowed.
func (o *Resource[P, T]) check(p P, v T, allow func(P, T) bool) error {
	switch {
	case o.visible != nil && !o.visible(p, v):
		return o.invisible
	case allow == nil || allow(p, v):
		return nil
	case o.hideAll:
		return o.hidden
	}
	return &guard.Error{Status: http.StatusForbidden, Code: "not_owner", Message: o.message, Err: errNotOwner}
}

// refusalOf is the *guard.Error of err, nil if it has none.
func refusalOf(err error) *guard.Error {
	e, _ := errors.AsType[*guard.Error](err)
	return e
}

// isRefusalBelow500 reports whether err is a refusal and not a failure of ours.
func isRefusalBelow500(err error) bool {
	e := refusalOf(err)
	return e != nil && e.Status < http.StatusInternalServerError
}

// notFoundError is the 404 of every kind; only its cause differs.
func (l *loader[P, T]) notFoundError(cause error) error {
	return &guard.Error{Status: http.StatusNotFound, Code: "not_found", Message: l.missing, Err: cause}
}
