package password

import (
	"context"
	"net/http"
	"time"

	"github.com/go-guard/guard"
)

// acquire waits for a free slot, one of Options.Parallel. Its error is an
// outage, which guard.Refuse answers with 503.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, busy(ended{err})
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
		return nil, busy(ended{ctx.Err()})
	}
}

// ended is the cause where ctx ended first. It is ErrBusy, and wraps the error of ctx
// alone: guard takes the end of a request whose client has left for no failure.
type ended struct{ error }

func (e ended) Error() string { return ErrBusy.Error() + ": " + e.error.Error() }

func (e ended) Is(target error) bool { return target == ErrBusy }

func (e ended) Unwrap() error { return e.error }

// busy is the refusal of a call that did not get its turn. cause wraps ErrBusy.
func busy(cause error) error {
	return &guard.Error{Status: http.StatusServiceUnavailable, Code: "busy", Err: cause}
}

func (h *Hasher) release() { <-h.slots }
