package guard

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// Mapped is an authenticator whose credential A is mapped to a principal P. An
// authenticator of one's own that calls a Mapped loses the credential, and with it a
// scope limit: it should call the credential's authenticator, and be mapped itself.
type Mapped[A, P any] struct {
	from    Authenticator[A]
	inner   mapping[A] // from, where it is a *Mapped
	unknown error
	fields  []string // of Scheme.Vary, without Cookie
	to      func(context.Context, A) (P, bool, error)
}

// Map turns the credential of an authenticator, such as a verified token, into
// the application's own principal at each request. The credential remains
// available from [CredentialFrom]. Where f finds no principal the credential is
// refused with Scheme.Unknown; an error of f is our own failure, unless it is an
// [*Error].
func Map[A, P any](a Authenticator[A], f func(context.Context, A) (P, bool, error)) *Mapped[A, P] {
	if wiring.IsNil(a) {
		wiring.Panic("guard", "Map of a nil authenticator")
	}
	if f == nil {
		wiring.Panic("guard", "Map with a nil function")
	}
	if t := reflect.TypeFor[A](); !t.Implements(scopeLimiter) && reflect.PointerTo(t).Implements(scopeLimiter) {
		wiring.Panic("guard", "Map of a %v, whose pointer alone has a ScopeLimit: authenticate a *%v", t, t)
	}
	scheme := a.Scheme()
	m := &Mapped[A, P]{from: a, inner: mappingOf(a), unknown: scheme.Unknown, to: f}
	if m.unknown == nil {
		m.unknown = &Error{Status: http.StatusUnauthorized, Code: "credentials_invalid", Message: "Invalid credentials"}
	}
	for _, name := range scheme.vary(optional) {
		if name = http.CanonicalHeaderKey(name); name != "Cookie" {
			m.fields = append(m.fields, name)
		}
	}
	return m
}

// BySubject is [Map] that loads the principal by the credential's subject. A
// credential with an empty subject is refused without a lookup.
func BySubject[A Subject, P any](a Authenticator[A], load func(ctx context.Context, subject string) (P, bool, error)) *Mapped[A, P] {
	if load == nil {
		wiring.Panic("guard", "BySubject with a nil function")
	}
	return Map(a, func(ctx context.Context, credential A) (p P, found bool, err error) {
		if subject := credential.Sub(); subject != "" {
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

// Scheme implements [Authenticator]: it is that of the credential.
func (m *Mapped[A, P]) Scheme() Scheme { return m.from.Scheme() }

// Wrap is Require(m).
func (m *Mapped[A, P]) Wrap(next http.Handler) http.Handler { return Require(m)(next) }

func (m *Mapped[A, P]) source() any { return m.from }

func (m *Mapped[A, P]) self() any { return m }

// types are those of the principal and of what it is mapped from.
func (m *Mapped[A, P]) types() []reflect.Type {
	list := []reflect.Type{reflect.TypeFor[P](), reflect.TypeFor[A]()}
	if m.inner != nil {
		list = append(list, m.inner.types()...)
	}
	return list
}

var scopeLimiter = reflect.TypeFor[ScopeLimiter]()

// authenticate also returns the credential that the principal was mapped from.
func (m *Mapped[A, P]) authenticate(r *http.Request) (p P, credential any, err error) {
	var a A
	var from any
	if m.inner != nil {
		a, from, err = m.inner.authenticate(r)
	} else {
		a, err = m.from.Authenticate(r)
	}
	if err != nil {
		return p, nil, err
	}
	if canBeNil[A]() && wiring.IsNil(a) {
		return p, nil, fmt.Errorf("guard: %T returned a nil %v", m.from, reflect.TypeFor[A]())
	}
	if credential = a; from != nil {
		credential = identity.Derived{Credential: a, From: from}
	}
	p, found, err := m.to(r.Context(), a)
	if err == nil && !found {
		return p, nil, m.deadInCookie(r, ownCopy(m.unknown))
	}
	if p, err = Resolve(p, found, err, nil); err != nil {
		err = m.deadInCookie(r, err)
	}
	return p, credential, err
}

// ownCopy is err for a caller that may change it.
func ownCopy(err error) error {
	if e, ok := err.(*Error); ok {
		return e.Clone()
	}
	return err
}

// deadInCookie is err, which says Dead only where the credential must have come in
// a cookie.
func (m *Mapped[A, P]) deadInCookie(r *http.Request, err error) error {
	e, ok := asError(err)
	if !ok || !e.Dead || !slices.ContainsFunc(m.fields, func(name string) bool { return len(r.Header[name]) > 0 }) {
		return err
	}
	masked := e.copyFor(err)
	masked.Dead = false
	return masked
}
