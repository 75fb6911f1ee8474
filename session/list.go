package session

import (
	"context"
	"slices"

	"github.com/go-guard/guard"
)

// List returns the live sessions of a subject, the last used first, without half
// sign-ins. An unknown subject has none, and neither has that of a guest, which other
// visitors have, too. One whose data cannot be decoded has a zero D. The
// error is for guard.Refuse: 503 if the store is down.
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
		l, err := parseLogin(rec.Login)
		if err != nil || kindOf(&rec, &l) != "" || m.checkDeadline(&rec, &l, now) != nil || rec.Subject != subject {
			continue
		}
		s, err := m.decode(rec)
		if err != nil {
			s = &m.newDecoded(rec, l).session // its user must be able to end it
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Session[D]) int {
		if c := b.state().rec.LastSeen.Compare(a.state().rec.LastSeen); c != 0 {
			return c
		}
		return b.state().rec.Created.Compare(a.state().rec.Created)
	})
	return list, nil
}
