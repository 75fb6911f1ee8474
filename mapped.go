package guard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
)

// Mapped is an authenticator whose credential A was mapped to a principal P.
type Mapped[A, P any] struct {
	from Authenticator[A]
	to   func(context.Context, A) (P, bool, error)
}

// Map turns the credential of an authenticator, such as a verified token, into
// the application's own principal at each request; the credential stays at hand
// as [CredentialFrom]. Where f finds nobody the credential is refused as an
// unknown one; its error is our own failure, unless it is an [*Error].
func Map[A, P any](a Authenticator[A], f func(context.Context, A) (P, bool, error)) *Mapped[A, P] {
	if isNil(a) {
		panic("guard: Map of a nil authenticator")
	}
	if f == nil {
		panic("guard: Map with a nil function")
	}
	return &Mapped[A, P]{a, f}
}

// BySubject is [Map] that loads the principal by the credential's subject. An
// empty subject is nobody's and is not looked up.
func BySubject[A interface{ Sub() string }, P any](a Authenticator[A], load func(ctx context.Context, subject string) (P, bool, error)) *Mapped[A, P] {
	if load == nil {
		panic("guard: BySubject with a nil function")
	}
	return Map(a, func(ctx context.Context, cred A) (p P, found bool, err error) {
		if subject := cred.Sub(); subject != "" {
			return load(ctx, subject)
		}
		return p, false, nil
	})
}

// Authenticate implements [Authenticator].
func (m *Mapped[A, P]) Authenticate(r *http.Request) (P, error) {
	p, _, err := m.authenticate(r)
	return p, err
}

// Challenge implements [Authenticator].
func (m *Mapped[A, P]) Challenge() string { return m.from.Challenge() }

// Vary names the header that carries the credential, nil for Authorization.
func (m *Mapped[A, P]) Vary() []string { return varyOf(m.from, require) }

// Unknown returns the refusal of a credential that proves nobody known.
func (m *Mapped[A, P]) Unknown() error {
	if u, ok := m.from.(interface{ Unknown() error }); ok {
		return u.Unknown()
	}
	return Unauthorized("Invalid credentials")
}

// Hide returns what takes a credential out of a request's URL, nil if none is
// ever in there.
func (m *Mapped[A, P]) Hide() func(*http.Request) { return hiding(m.from) }

// Wrap is Require(m).
func (m *Mapped[A, P]) Wrap(next http.Handler) http.Handler { return Require(m)(next) }

func (m *Mapped[A, P]) source() any { return m.from }

func (m *Mapped[A, P]) authenticate(r *http.Request) (p P, cred any, err error) {
	var a A
	var behind any
	if inner, ok := m.from.(credentialed[A]); ok {
		a, behind, err = inner.authenticate(r)
	} else {
		a, err = m.from.Authenticate(r)
	}
	if err != nil {
		return p, nil, err
	}
	if canBeNil[A]() && isNil(a) {
		return p, nil, fmt.Errorf("guard: %T found a nil %v", m.from, reflect.TypeFor[A]())
	}
	if cred = a; behind != nil {
		cred = chained{a, behind}
	}
	p, found, err := m.to(r.Context(), a)
	var unknown error
	if err == nil && !found {
		unknown = m.Unknown()
	}
	p, err = Resolve(p, found, err, unknown)
	return p, cred, err
}

// Resolve turns the three outcomes of a lookup into those of a guard: what was
// found, absent where found is false, or our own failure. An *Error that the
// lookup returned is kept as its refusal. A nil that was "found" is a failure,
// and so is ErrNoCredentials: a credential that was looked up is there.
func Resolve[T any](v T, found bool, err, absent error) (T, error) {
	var zero T
	switch {
	case errors.Is(err, ErrNoCredentials):
		return zero, fmt.Errorf("guard: a lookup may not abstain, and returned: %v", err)
	case err != nil:
		return zero, err
	case !found && absent == nil:
		return zero, errors.New("guard: a lookup found nothing, and no refusal says so")
	case !found:
		return zero, absent
	case canBeNil[T]() && isNil(v):
		return zero, fmt.Errorf("guard: a lookup found a nil %v", reflect.TypeFor[T]())
	}
	return v, nil
}
