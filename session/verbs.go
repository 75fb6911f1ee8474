package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// A CreateOption changes one login.
type CreateOption func(*creation)

type creation struct{ remember bool }

// Remember makes the browser keep the cookie when it is closed, for as long as
// the session can last. The session's own times are the same.
func Remember(yes bool) CreateOption { return func(c *creation) { c.remember = yes } }

// Create signs subject in. The session that the request came with is destroyed,
// so that nobody can have chosen or kept it, and the response carries the
// cookie of the new one. It must be called before the response is written.
//
// The error is for guard.Refuse: a 403 from another origin, a 400 for two
// session cookies, a 503 if the store is down or full, and a 500 for what the
// program must not do: a subject that is not 1 to 255 bytes, and data that is
// over Options.MaxData or does not return from JSON. Nobody is signed in then.
func (m *Manager[D]) Create(w http.ResponseWriter, r *http.Request, subject string, data D, opts ...CreateOption) (*Session[D], error) {
	if err := m.CheckOrigin(r); err != nil {
		return nil, err
	}
	if subject == "" || len(subject) > 255 {
		return nil, fmt.Errorf("session: a subject of %d bytes", len(subject))
	}
	text, err := m.encode(data)
	if err != nil {
		return nil, err
	}
	token, p := m.presented(w, r)
	if p == field.Repeated {
		return nil, errRepeated
	}
	if err := m.end(r, token); err != nil {
		return nil, err
	}
	ctx, cancel := m.writing(r.Context())
	defer cancel()
	var c creation
	for _, o := range opts {
		o(&c)
	}
	token, key := newToken(subject)
	now := m.now().Truncate(time.Millisecond)
	rec := Record{
		Key: key, Subject: subject, Data: text, Revision: 1, Remember: c.remember,
		Created: now, LastSeen: now, Deadline: now.Add(min(m.idle, m.lifetime)),
	}
	_, _ = rand.Read(rec.ID[:]) // never fails
	s, err := m.snapshot(rec)
	if err != nil {
		return nil, err // now, rather than at the next request
	}
	if err := m.store.Insert(ctx, rec); err != nil {
		return nil, unavailable("insert", err)
	}
	m.setCookie(w, token, m.maxAge(s))
	return s, nil
}

// maxAge is 0, no Max-Age, for a cookie that ends with the browser.
func (m *Manager[D]) maxAge(s *Session[D]) int {
	if !s.rec.Remember {
		return 0
	}
	left := s.rec.Created.Add(m.lifetime).Sub(m.now())
	return max(1, int((left+time.Second-1)/time.Second))
}

// Rotate gives the session a new token, for when the subject's privileges
// change. The old one is dead at once, also for requests that are on their
// way; the deadline stays. s is the request's own session, or else it is an
// error; from here on, what is returned takes its place.
//
// The error is for guard.Refuse: 401 if the session has ended, 503 if the
// store is down. The old token may live on then, or none.
func (m *Manager[D]) Rotate(w http.ResponseWriter, r *http.Request, s *Session[D]) (*Session[D], error) {
	if err := m.CheckOrigin(r); err != nil {
		return nil, err
	}
	if s == nil {
		return nil, m.missing
	}
	// A session from a list would become the client's.
	own, _ := m.presented(w, r)
	if key, ok := keyOf(own); !ok || key != s.rec.Key {
		return nil, errors.New("session: Rotate of a session that the request did not bring")
	}
	ctx, cancel := m.writing(r.Context())
	defer cancel()
	s, err := m.current(ctx, s)
	if err != nil {
		return nil, err
	}
	token, key := newToken(s.rec.Subject)
	rotated, err := m.store.Rotate(ctx, s.rec.Key, key)
	if err != nil {
		return nil, unavailable("rotate", err)
	}
	if !rotated {
		return nil, errUnknown
	}
	next := *s
	next.rec.Key = key
	m.setCookie(w, token, m.maxAge(&next))
	return &next, nil
}

// current is s, or what has become of it where its deadline as it was read is
// over: others may have used it since, as a WebSocket's handler can run for long.
func (m *Manager[D]) current(ctx context.Context, s *Session[D]) (*Session[D], error) {
	now := m.now()
	if m.judge(&s.rec, now) == nil {
		return s, nil
	}
	return m.load(ctx, s.rec.Key, now)
}

// maxTries bounds Update: somebody succeeds at every try, so that only a crowd
// of more than that can be unlucky.
const maxTries = 128

var errContended = errors.New("the session is updated by too many at once")

// Update changes the session's data. change gets the data as it is now, and
// may be called again where somebody else was faster; what it returns is
// returned, and then nothing is written. A session that has ended meanwhile is
// not brought back: that is a 401. Data over Options.MaxData is a 500. The error
// is for guard.Refuse.
func (m *Manager[D]) Update(ctx context.Context, s *Session[D], change func(*D) error) (*Session[D], error) {
	ctx, cancel := m.writing(ctx)
	defer cancel()
	if s == nil {
		return nil, m.missing
	}
	s, err := m.current(ctx, s)
	if err != nil {
		return nil, err
	}
	for range maxTries {
		var data D // not s.data, which others may read
		if err := json.Unmarshal([]byte(s.rec.Data), &data); err != nil {
			return nil, errUndecodable
		}
		if err := change(&data); err != nil {
			return nil, err
		}
		next := s.rec
		if next.Data, err = m.encode(data); err != nil {
			return nil, err
		}
		next.Revision++
		after, err := m.snapshot(next)
		if err != nil {
			return nil, err
		}
		updated, err := m.store.Update(ctx, s.rec.Key, s.rec.Revision, next.Data)
		if err != nil {
			return nil, unavailable("update", err)
		}
		if updated {
			return after, nil
		}
		if s, err = m.load(ctx, s.rec.Key, m.now()); err != nil {
			return nil, err
		}
	}
	return nil, unavailable("update", errContended)
}

// Destroy signs the request's session out. It need not be a valid one: whoever
// has a cookie can get rid of it. An error means that the session may still be
// alive, and the cookie is left as it is; it is for guard.Refuse: a 401
// without a cookie, a 403 from another origin, 503 if the store is down. Behind
// authentication by m, one that another request rotates meanwhile is dead, too.
func (m *Manager[D]) Destroy(w http.ResponseWriter, r *http.Request) error {
	if err := m.CheckOrigin(r); err != nil {
		return err
	}
	token, p := m.presented(w, r)
	switch p {
	case field.Absent:
		return m.missing
	case field.Repeated:
		return errRepeated
	}
	if err := m.end(r, token); err != nil {
		return err
	}
	m.setCookie(w, "", 0)
	return nil
}

// end deletes the session that a request presented. Where another request
// rotated it meanwhile, it is found by who this one was authenticated as.
func (m *Manager[D]) end(r *http.Request, token string) error {
	key, ok := keyOf(token)
	if !ok {
		return nil
	}
	ctx, cancel := m.writing(r.Context())
	defer cancel()
	deleted, err := m.store.Delete(ctx, key)
	if err != nil {
		return unavailable("delete", err)
	}
	if s, known := guard.CredentialFrom[*Session[D]](r.Context()); !deleted && known && s.rec.Key == key {
		_, err = m.DestroyID(ctx, s.rec.Subject, s.ID())
	}
	return err
}
