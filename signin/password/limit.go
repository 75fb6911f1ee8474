package password

import (
	"context"
	"fmt"
	"time"

	"github.com/go-guard/guard"
)

// acquire waits for a free slot, one of Options.Parallel. Its error is an
// outage, which guard.Refuse answers with 503.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, guard.Unavailable(fmt.Errorf("%w: %w", ErrBusy, err))
	}
	select {
	case h.slots <- struct{}{}:
		return h.release, nil
	default:
	}
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return h.release, nil
	case <-timer.C:
		return nil, guard.Unavailable(ErrBusy)
	case <-ctx.Done():
		return nil, guard.Unavailable(fmt.Errorf("%w: %w", ErrBusy, ctx.Err()))
	}
}

func (h *Hasher) release() { <-h.slots }
