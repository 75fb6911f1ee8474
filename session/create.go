package session

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// A CreateOption changes one login.
type CreateOption func(*createOptions)

type createOptions struct{ remember bool }

// Remember makes the browser keep the cookie when it is closed, until the
// session's absolute timeout. It changes no timeout of the session.
func Remember(yes bool) CreateOption { return func(o *createOptions) { o.remember = yes } }

// Create signs subject in and sets the cookie of a new session. It destroys the
// session that the request presented, so that an attacker who planted or copied
// its cookie gains nothing. It must be called before the response is written.
//
// The error is for guard.Refuse: 403 for a request from another origin, 400 for
// two session cookies, 503 if the store is down or full. It is 500 for mistakes
// of the program: a subject that is not 1 to 255 bytes, and data that is larger
// than Options.MaxData or does not survive JSON. With an error, the subject is
// not signed in.
//
// It reports a guard.Decision with the action "sign-in".
func (m *Manager[D]) Create(w http.ResponseWriter, r *http.Request, subject string, data D, opts ...CreateOption) (*Session[D], error) {
	s, err := m.create(w, r, subject, data, opts)
	return s, conclude(r, guard.Decision{Action: "sign-in", Subject: subject}, err)
}

func (m *Manager[D]) create(w http.ResponseWriter, r *http.Request, subject string, data D, opts []CreateOption) (*Session[D], error) {
	if err := m.checkOrigin(r); err != nil {
		return nil, err
	}
	if subject == "" || len(subject) > 255 {
		return nil, fmt.Errorf("session: a subject of %d bytes", len(subject))
	}
	text, err := m.encode(data)
	if err != nil {
		return nil, err
	}
	presented, state := m.presented(w, r)
	if state == field.Repeated {
		return nil, errRepeated.Clone()
	}
	if err := m.endPresented(r, presented); err != nil {
		return nil, err
	}
	ctx, cancel := m.writeContext(r.Context())
	defer cancel()
	var o createOptions
	for _, opt := range opts {
		opt(&o)
	}
	token, key := newToken(subject)
	now := m.now().Truncate(time.Millisecond)
	rec := Record{
		Key: key, Subject: subject, Data: text, Revision: 1, Remember: o.remember,
		Created: now, LastSeen: now, Deadline: m.deadlineAfterUse(now, now),
	}
	_, _ = rand.Read(rec.ID[:]) // never fails
	s, err := m.decode(rec)
	if err != nil {
		return nil, err // better now than at the next request
	}
	if err := m.store.Insert(ctx, rec); err != nil {
		return nil, unavailable("insert", err)
	}
	m.setCookie(w, token, m.maxAge(s))
	return s, nil
}
