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
//
// It reports a guard.Decision with the action "sign-out". If the request was not
// authenticated by m, the store is read to name the subject in it, but only
// inside a guard.Observe.
func (m *Manager[D]) Destroy(w http.ResponseWriter, r *http.Request) error {
	subject, err := m.destroy(w, r)
	return conclude(r, guard.Decision{Action: "sign-out", Subject: subject}, err)
}

func (m *Manager[D]) destroy(w http.ResponseWriter, r *http.Request) (subject string, err error) {
	if err := m.checkOrigin(r); err != nil {
		return "", err
	}
	token, state := m.presented(w, r)
	switch state {
	case field.Absent:
		return "", m.missing.Clone()
	case field.Repeated:
		return "", errRepeated.Clone()
	}
	subject = m.observedSubject(r.Context(), token)
	if err := m.endPresented(r, token); err != nil {
		return subject, err
	}
	m.setCookie(w, "", 0)
	return subject, nil
}

// observedSubject returns the subject of the session that has this token, for
// Observe: "" if there is no Observe, or no such session.
func (m *Manager[D]) observedSubject(ctx context.Context, token string) string {
	key, ok := keyOf(token)
	if !ok || !guard.Observed(ctx) {
		return ""
	}
	if s, ok := guard.CredentialFrom[*Session[D]](ctx); ok && s.rec.Key == key {
		return s.rec.Subject
	}
	ctx, cancel := m.readContext(ctx)
	defer cancel()
	rec, _, err := m.store.Load(ctx, key)
	if err != nil || rec.Key != key {
		return "" // a store that is down fails the deletion, too
	}
	return rec.Subject
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
		_, err = m.destroyID(ctx, s.rec.Subject, s.ID())
	}
	return err
}

// DestroyAll ends the sessions of a subject except those whose IDs are in keep,
// and returns how many: for a lost device, or after a change of the password. If
// it returns an error, some may still be alive. It reports a guard.Decision with
// the action "sign-out".
func (m *Manager[D]) DestroyAll(ctx context.Context, subject string, keep ...string) (int, error) {
	n, err := m.destroyAll(ctx, subject, keep)
	return n, concludeIn(ctx, guard.Decision{Guard: "all sessions", Action: "sign-out", Subject: subject}, err)
}

func (m *Manager[D]) destroyAll(ctx context.Context, subject string, keep []string) (int, error) {
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
// session. If one was ended, it reports a guard.Decision with the action
// "sign-out".
func (m *Manager[D]) DestroyID(ctx context.Context, subject, id string) (found bool, err error) {
	found, err = m.destroyID(ctx, subject, id)
	if !found && err == nil {
		return false, nil
	}
	return found, concludeIn(ctx, guard.Decision{Action: "sign-out", Subject: subject}, err)
}

func (m *Manager[D]) destroyID(ctx context.Context, subject, id string) (found bool, err error) {
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
