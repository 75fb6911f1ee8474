package session

import (
	"context"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// Destroy signs the request's session out and clears its cookie. The session
// need not be valid: clients can always get rid of a cookie. Behind
// authentication by m, a session that another request rotates meanwhile is
// destroyed too.
//
// After an error the session may be alive, and the cookie is not cleared. The
// error is for guard.Refuse: 401 for a request without a cookie, 400 for one with
// two, 403 for one from another origin, 503 if the store is down.
func (m *Manager[D]) Destroy(w http.ResponseWriter, r *http.Request) error {
	if err := m.CheckOrigin(r); err != nil {
		return err
	}
	token, state := m.presented(w, r)
	switch state {
	case field.Absent:
		return m.missing.Clone()
	case field.Repeated:
		return errRepeated.Clone()
	}
	if err := m.endPresented(r, token); err != nil {
		return err
	}
	m.setCookie(w, "", 0)
	return nil
}

// endPresented deletes the session of the token that a request presented. If
// another request has rotated it meanwhile, it is deleted by its ID, which is
// known if the request was authenticated.
func (m *Manager[D]) endPresented(r *http.Request, token string) error {
	key, ok := keyOf(token)
	if !ok {
		return nil
	}
	ctx, cancel := m.writeContext(r.Context())
	defer cancel()
	deleted, err := m.store.Delete(ctx, key)
	if err != nil {
		return unavailable("delete", err)
	}
	if s, ok := guard.CredentialFrom[*Session[D]](r.Context()); !deleted && ok && s.rec.Key == key {
		_, err = m.DestroyID(ctx, s.rec.Subject, s.ID())
	}
	return err
}

// DestroyAll ends the sessions of a subject except those whose IDs are in keep,
// and returns how many: for a lost device, or after a change of the password. If
// it returns an error, some may still be alive.
func (m *Manager[D]) DestroyAll(ctx context.Context, subject string, keep ...string) (int, error) {
	ids := make([]ID, 0, len(keep))
	for _, k := range keep {
		if id, ok := parseID(k); ok {
			ids = append(ids, id)
		}
	}
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	n, err := m.store.DeleteAll(ctx, subject, ids)
	if err != nil {
		return n, unavailable("delete all", err)
	}
	return n, nil
}

// DestroyID ends the session of subject that has this ID, such as one that the
// user picked from [Manager.List]. found is false if the subject has no such
// session.
func (m *Manager[D]) DestroyID(ctx context.Context, subject, id string) (found bool, err error) {
	want, ok := parseID(id)
	if !ok {
		return false, nil
	}
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	// A session that is rotated between List and Delete has another key: the next
	// round finds it.
	for range maxTries {
		recs, err := m.store.List(ctx, subject)
		if err != nil {
			return false, unavailable("list", err)
		}
		i := slices.IndexFunc(recs, func(rec Record) bool { return rec.ID == want && rec.Subject == subject })
		if i < 0 {
			return false, nil
		}
		deleted, err := m.store.Delete(ctx, recs[i].Key)
		if err != nil {
			return false, unavailable("delete", err)
		}
		if deleted {
			return true, nil
		}
	}
	return false, unavailable("delete", errContended)
}
