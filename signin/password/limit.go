package password

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
)

// acquire waits for a free slot, one of Options.Parallel. Its error is an
// outage, which guard.Refuse answers with 503.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, busy(fmt.Errorf("%w: %w", ErrBusy, err))
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
		return nil, busy(ErrBusy)
	case <-ctx.Done():
		return nil, busy(fmt.Errorf("%w: %w", ErrBusy, ctx.Err()))
	}
}

// busy is the refusal of a call that did not get its turn. cause wraps ErrBusy.
func busy(cause error) error {
	return &guard.Error{Status: http.StatusServiceUnavailable, Code: "busy", Err: cause}
}

func (h *Hasher) release() { <-h.slots }
