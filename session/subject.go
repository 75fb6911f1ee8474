package session

import (
	"context"
	"encoding/base64"
	"slices"
)

// List returns the live sessions of a subject, the last used first.
func (m *Manager[D]) List(ctx context.Context, subject string) ([]*Session[D], error) {
	rctx, cancel := m.reading(ctx)
	defer cancel()
	recs, err := m.store.List(rctx, subject)
	if err != nil {
		return nil, unavailable("list", err)
	}
	now := m.now()
	list := make([]*Session[D], 0, len(recs))
	for _, rec := range recs {
		if m.judge(&rec, now) != nil || rec.Subject != subject {
			continue
		}
		if s, err := m.snapshot(rec); err == nil {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *Session[D]) int {
		if c := b.rec.LastSeen.Compare(a.rec.LastSeen); c != 0 {
			return c
		}
		return b.rec.Created.Compare(a.rec.Created)
	})
	return list, nil
}

// DestroyAll ends the sessions of a subject, but those whose ids are in keep,
// and returns how many: for a lost device, or for a changed password once it is
// changed. An error means that some may still be alive.
func (m *Manager[D]) DestroyAll(ctx context.Context, subject string, keep ...string) (int, error) {
	ids := make([]ID, 0, len(keep))
	for _, k := range keep {
		if id, ok := parseID(k); ok {
			ids = append(ids, id)
		}
	}
	ctx, cancel := m.writing(ctx)
	defer cancel()
	n, err := m.store.DeleteAll(ctx, subject, ids)
	if err != nil {
		return n, unavailable("delete all", err)
	}
	return n, nil
}

// DestroyID ends the session of subject with that id, as a list of one's
// sessions offers it. Another subject's id is not found.
func (m *Manager[D]) DestroyID(ctx context.Context, subject, id string) (found bool, err error) {
	want, ok := parseID(id)
	if !ok {
		return false, nil
	}
	ctx, cancel := m.writing(ctx)
	defer cancel()
	// A session that is rotated between List and Delete is met again.
	for range maxTries {
		recs, err := m.store.List(ctx, subject)
		if err != nil {
			return false, unavailable("list", err)
		}
		i := slices.IndexFunc(recs, func(rec Record) bool { return rec.ID == want && rec.Subject == subject })
		if i < 0 {
			return found, nil
		}
		if found, err = m.store.Delete(ctx, recs[i].Key); err != nil {
			return false, unavailable("delete", err)
		}
		if found {
			return true, nil
		}
	}
	return false, unavailable("delete", errContended)
}

func parseID(s string) (id ID, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(id) || len(s) != 16 {
		return id, false
	}
	return ID(b), true
}
