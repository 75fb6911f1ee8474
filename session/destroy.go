package session

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
)

// Destroy signs the request's session out and clears its cookie. The session
// need not be valid: clients can always get rid of a cookie. Of several cookies, all
// sessions are ended. A session that another request has just rotated is destroyed too,
// see [Forward], and so is a half sign-in.
//
// After an error the session may be alive, and the cookie is not cleared. The
// error is for guard.Refuse: 401 for a request without a cookie, 403 for one from
// another origin, 431 for one with more session cookies than a browser has, 503 if
// the store is down.
//
// It reports a guard.Decision with the action "sign-out". If the request was not
// authenticated by m, the store is read to name the subject in it, but only
// inside a guard.Observe. A half sign-in has no subject there.
func (m *Manager[D]) Destroy(w http.ResponseWriter, r *http.Request) error {
	subject, err := m.destroy(w, r)
	return conclude(r, guard.Decision{Action: "sign-out", Subject: subject}, err)
}

func (m *Manager[D]) destroy(w http.ResponseWriter, r *http.Request) (subject string, err error) {
	if err := m.checkOrigin(r); err != nil {
		return "", err
	}
	presented, sent, err := m.presented(w, r)
	if err != nil {
		return "", err
	}
	if !sent {
		return "", m.missing.Clone()
	}
	subject = m.observedSubject(r.Context(), presented)
	if err := m.endPresented(r.Context(), presented); err != nil {
		return subject, err
	}
	m.setCookie(w, "", 0)
	return subject, nil
}

// observedSubject returns the subject of the first of these sessions, for Observe: ""
// if there is no Observe, or no such session.
func (m *Manager[D]) observedSubject(ctx context.Context, presented []Key) string {
	if !guard.Observed(ctx) {
		return ""
	}
	if s, ok := guard.CredentialFrom[*Session[D]](ctx); ok && slices.Contains(presented, s.state().rec.Key) {
		return s.state().subject()
	}
	ctx, cancel := m.readContext(ctx)
	defer cancel()
	for _, key := range presented[:min(len(presented), maxCandidates)] {
		rec, found, err := m.store.Load(ctx, key)
		if err != nil {
			return "" // a store that is down fails the deletion, too
		}
		if l, err := parseLogin(rec.Login); found && rec.Key == key && err == nil && kindOf(&rec, &l) == "" {
			return rec.Subject
		}
	}
	return ""
}

// endPresented deletes the sessions that a request presented, under whichever keys they
// have since a rotation.
func (m *Manager[D]) endPresented(ctx context.Context, presented []Key) error {
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	for _, key := range presented {
		if _, err := m.store.Delete(ctx, key); err != nil {
			return unavailable("delete", err)
		}
	}
	return nil
}

// DestroyAll ends the sessions of a subject except those whose IDs are in keep, and
// returns how many: for a lost device, or after a change of the password. Half sign-ins
// end, too, and are not counted. It raises the subject's epoch, so that logins under
// way are refused: see [AtEpoch]. If it returns an error, some may still be alive. The
// error is for guard.Refuse: 503 if the store is down, 500 for a subject that Create
// would refuse, such as an empty one. It reports a guard.Decision with the action
// "sign-out".
func (m *Manager[D]) DestroyAll(ctx context.Context, subject string, keep ...string) (int, error) {
	n, err := m.destroyAll(ctx, subject, keep)
	return n, concludeIn(ctx, guard.Decision{Guard: "all sessions", Action: "sign-out", Subject: subject}, err)
}

func (m *Manager[D]) destroyAll(ctx context.Context, subject string, keep []string) (int, error) {
	if err := checkSubject(subject); err != nil {
		return 0, err // a mistake of the program that would go unnoticed
	}
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

// DestroyRef ends the sessions that Create got this [Ref] for, also half sign-ins, and
// returns how many. Within [Grace], no login with it succeeds, so that one under way is
// refused too. If subject is not empty, both hold for this subject only: a logout that
// names a session of another subject ends nothing.
//
// The error is for guard.Refuse: 503 if the store is down, and some may still be alive;
// 500 for a ref that is not 1 to 255 bytes, and for a subject that Create would refuse.
// It reports a guard.Decision with the action "sign-out".
func (m *Manager[D]) DestroyRef(ctx context.Context, ref, subject string) (int, error) {
	n, err := m.destroyRef(ctx, ref, subject)
	return n, concludeIn(ctx, guard.Decision{Guard: "sessions of a ref", Action: "sign-out", Subject: subject}, err)
}

func (m *Manager[D]) destroyRef(ctx context.Context, ref, subject string) (int, error) {
	if ref == "" || len(ref) > 255 {
		return 0, fmt.Errorf("session: a Ref of %d bytes, want 1 to 255", len(ref))
	}
	stored := []string{subject}
	if subject != "" {
		if err := checkSubject(subject); err != nil {
			return 0, err
		}
		if half := halfPrefix + subject; len(half) <= 255 { // a longer one has no half sign-in
			stored = append(stored, half)
		}
	}
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	deleted := 0
	for _, subject := range stored {
		n, err := m.store.DeleteRef(ctx, ref, subject)
		deleted += n
		if err != nil {
			return deleted, unavailable("delete by ref", err)
		}
	}
	return deleted, nil
}

// DestroyID ends the session of subject that has this ID, such as one that the
// user picked from [Manager.List]. found is false if the subject has no such
// session, also for an id that is not one, and for the subject of a guest. The error is
// for guard.Refuse: 503 if the store is down, and the session may be alive. If one was
// ended, it reports a guard.Decision with the action "sign-out".
func (m *Manager[D]) DestroyID(ctx context.Context, subject, id string) (found bool, err error) {
	found, err = m.destroyID(ctx, subject, id)
	if !found && err == nil {
		return false, nil
	}
	return found, concludeIn(ctx, guard.Decision{Action: "sign-out", Subject: subject}, err)
}

func (m *Manager[D]) destroyID(ctx context.Context, subject, id string) (found bool, err error) {
	want, ok := parseID(id)
	if !ok || isGuest(subject) { // guests share theirs
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
