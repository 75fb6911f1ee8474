package owner

import (
	"errors"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// Require loads the resource and allows principals for which allow reports true.
func (o *Resource[P, T]) Require(allow func(P, T) bool) guard.Middleware {
	if allow == nil {
		wiring.Panic("owner", "Require with a nil function")
	}
	return func(next http.Handler) http.Handler { return o.wrap("require", allow, next) }
}

// Load loads the resource for every principal to which it is visible: it answers
// 401 and 404, and never 403.
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
func (o *Resource[P, T]) loadAndCheck(r *http.Request, allow func(P, T) bool) (v T, err error) {
	var zero T
	p, err := guard.Authenticated[P](r.Context())
	if err != nil {
		return zero, err
	}
	if v, err = o.loadFor(r, p); err != nil {
		return zero, err
	}
	if o.bypass != nil {
		if bypassed, err := o.bypass(r.Context()); bypassed || err != nil {
			return v, err
		}
	}
	switch {
	case o.visible != nil && !o.visible(p, v):
		return zero, o.notFoundError(errInvisible)
	case allow == nil || allow(p, v):
		return v, nil
	case o.hideAll:
		return zero, o.notFoundError(errNotOwner)
	}
	return zero, &guard.Error{Status: http.StatusForbidden, Code: "not_owner", Message: o.message, Err: errNotOwner}
}

// loadFor calls the loader.
func (o *Resource[P, T]) loadFor(r *http.Request, p P) (T, error) {
	v, found, err := o.load(r, p)
	e := refusalOf(err)
	if err != nil && e == nil && slices.ContainsFunc(o.notFound, func(target error) bool { return errors.Is(err, target) }) {
		found, err = false, nil
	}
	if e != nil && (e.Status == http.StatusNotFound || e.Status == http.StatusForbidden && o.hideAll) {
		err = o.notFoundError(err) // the loader's own message would reveal more than the rest
	}
	return guard.Resolve(v, found, err, o.none)
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
