package owner

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"

	"github.com/go-guard/guard/internal/wiring"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// NotFound lists errors of the loader that mean found == false, such as
	// sql.ErrNoRows or fs.ErrNotExist. If empty, every error is a failure.
	NotFound []error
	// Missing is the message of a 404. If empty, it is "Not found".
	Missing string
	// HideAll answers 404 in place of every 403, with the same bytes as for a
	// missing resource.
	HideAll bool
}

// A Resource is a kind of resource T that principals P may own. It is safe for
// use by several goroutines. Visible, Bypass and WithMessage return copies, such as
// one for each route; From works on any of them.
type Resource[P, T any] struct {
	*loader[P, T]
	visible func(P, T) bool
	bypass  func(context.Context) (bool, error)
	message string
}

// loader is what derived copies share.
type loader[P, T any] struct {
	key      byte // its address is the context key of the loaded value
	load     func(*http.Request, P) (T, bool, error)
	notFound []error
	missing  string
	hideAll  bool
	// The refusals of a missing and of a hidden resource, built at the same time so
	// that they cost the same.
	absent, invisible, hidden error
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
	l := &loader[P, T]{load: load, notFound: slices.Clone(opts.NotFound), missing: missing, hideAll: opts.HideAll}
	l.absent, l.invisible, l.hidden = l.notFoundError(errMissing), l.notFoundError(errInvisible), l.notFoundError(errNotOwner)
	return &Resource[P, T]{loader: l}, nil
}

// Visible returns a copy for which a resource that visible rejects is treated as
// missing: 404. It is checked before the function of Require.
//
// Both functions run only for a resource that exists, so they must be fast. What
// asks another service belongs into the loader, which asks it for every id.
func (o *Resource[P, T]) Visible(visible func(P, T) bool) *Resource[P, T] {
	if visible == nil {
		wiring.Panic("owner", "Visible with a nil function")
	}
	c := *o
	c.visible = visible
	return &c
}

// Bypass returns a copy that allows every resource, visible or not, to the
// principals for which bypass reports true, such as the function that rbac's Has
// returns. It is called where the checks deny, and for a missing resource that they
// could have hidden: neither its duration nor its failure reveals which it was.
//
// An error is a failure (5xx). A refusal, which is a *guard.Error below 500, is the
// same as false.
func (o *Resource[P, T]) Bypass(bypass func(context.Context) (bool, error)) *Resource[P, T] {
	if bypass == nil {
		wiring.Panic("owner", "Bypass with a nil function")
	}
	c := *o
	c.bypass = bypass
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
