package session

import (
	"context"
	"errors"

	"github.com/go-guard/guard"
)

// Epoch returns the epoch of a subject for [AtEpoch]. [Manager.DestroyAll] raises it. The
// error is for guard.Refuse: 503 if the store is down, 500 for a subject that Create
// would refuse.
func (m *Manager[D]) Epoch(ctx context.Context, subject string) (int64, error) {
	epoch, err := m.epoch(ctx, subject)
	return epoch, guard.Decision{Package: "session", Guard: "epoch", Subject: subject}.Deny(ctx, err)
}

func (m *Manager[D]) epoch(ctx context.Context, subject string) (int64, error) {
	if err := checkSubject(subject); err != nil {
		return 0, err
	}
	ctx, cancel := m.readContext(ctx)
	defer cancel()
	epoch, err := m.store.Epoch(ctx, subject)
	if err != nil {
		return 0, unavailable("epoch", err)
	}
	if epoch < 0 {
		return 0, errors.New("session: the store returned a negative epoch")
	}
	return epoch, nil
}
