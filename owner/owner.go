package owner

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// NotFound lists errors of the loader that mean found == false, such as
	// sql.ErrNoRows or fs.ErrNotExist. If empty, every error is a failure.
	NotFound []error
	// Missing is the message of a 404. If empty, it is "Not found".
	Missing string
}

// A Resource is a kind of resource T that principals P may own. It is safe for
// use by several goroutines. Visible, Bypass, HideAll and WithMessage return
// copies that share only the loader; From works on any of them.
type Resource[P, T any] struct {
	*loader[P, T]
	visible func(P, T) bool
	bypass  func(context.Context) (bool, error)
	hideAll bool
	message string
}

// loader is what derived copies share.
type loader[P, T any] struct {
	key      byte // its address is the context key of the loaded value
	load     func(*http.Request, P) (T, bool, error)
	notFound []error
	missing  string
	none     error // the refusal for a missing resource, built once
}

// New returns a Resource that load finds. Absence is not an error: found is
// false. An error is a failure (5xx), unless Options.NotFound lists it or it is a
// *guard.Error, such as 400 for a malformed id. opts may be nil.
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
	l.none = l.notFoundError(errMissing)
	return &Resource[P, T]{loader: l}, nil
}

// Visible returns a copy for which a resource that visible rejects is treated as
// missing: 404. It is checked before the function of Require.
func (o *Resource[P, T]) Visible(visible func(P, T) bool) *Resource[P, T] {
	if visible == nil {
		wiring.Panic("owner", "Visible with a nil function")
	}
	c := *o
	c.visible = visible
	return &c
}

// Bypass returns a copy that allows every resource, visible or not, where bypass
// reports true, such as the function that rbac's Has returns. It is called after
// the load: a missing resource is 404 for every principal.
func (o *Resource[P, T]) Bypass(bypass func(context.Context) bool) *Resource[P, T] {
	if bypass == nil {
		wiring.Panic("owner", "Bypass with a nil function")
	}
	c := *o
	c.bypass = func(ctx context.Context) (bool, error) { return bypass(ctx), nil }
	return &c
}

// BypassCheck is [Resource.Bypass] by a check that can fail, such as rbac's Check
// of a policy with an external decider. A nil error allows. A refusal, that is a
// *guard.Error below 500, does not; the other checks decide. Any other error is a
// failure (5xx).
func (o *Resource[P, T]) BypassCheck(check func(context.Context) error) *Resource[P, T] {
	if check == nil {
		wiring.Panic("owner", "BypassCheck with a nil function")
	}
	c := *o
	c.bypass = func(ctx context.Context) (bool, error) {
		err := check(ctx)
		if isRefusalBelow500(err) {
			return false, nil
		}
		return guard.Resolve(err == nil, true, err, nil)
	}
	return &c
}

// HideAll returns a copy that answers 404 in place of 403, with the same bytes as
// for a missing resource.
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

// Same reports whether a and b are the same id. An empty id owns nothing, and a
// resource with an empty owner has none: Same is false for them.
func Same[ID comparable](a, b ID) bool {
	var none ID
	if reflect.TypeFor[ID]().Kind() == reflect.Interface && a != none && reflect.ValueOf(a).IsZero() {
		return false // an empty id in an interface
	}
	return a == b && a != none
}
