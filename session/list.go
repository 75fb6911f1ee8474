package session

import (
	"context"
	"slices"

	"github.com/go-guard/guard"
)

// List returns the live sessions of a subject, the last used first. The error is
// for guard.Refuse: 503 if the store is down.
func (m *Manager[D]) List(ctx context.Context, subject string) ([]*Session[D], error) {
	list, err := m.list(ctx, subject)
	return list, guard.Decision{Package: "session", Guard: "list", Subject: subject}.Deny(ctx, err)
}

func (m *Manager[D]) list(ctx context.Context, subject string) ([]*Session[D], error) {
	ctx, cancel := m.readContext(ctx)
	defer cancel()
	recs, err := m.store.List(ctx, subject)
	if err != nil {
		return nil, unavailable("list", err)
	}
	now := m.now()
	list := make([]*Session[D], 0, len(recs))
	for _, rec := range recs {
		if m.isExpired(&rec, now) || rec.Subject != subject {
			continue
		}
		if s, err := m.decode(rec); err == nil {
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
