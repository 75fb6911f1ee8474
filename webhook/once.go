package webhook

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
)

// storeTime limits a call of the store.
const storeTime = 5 * time.Second

// lease is how long a key is acquired for: longer than the function takes after the calls
// of the store, however short its Timeout is.
func (h *Hooks) lease() time.Duration { return 2 * max(h.timeout, 2*storeTime) }

// Do calls handle for a delivery, once: the first return value says whether it was called.
//
// If handle returns nil, the delivery is handled: for Options.Remember, Do calls nothing and
// returns false and nil, so that the sender reads 2xx. If it returns an error or panics,
// nothing is recorded, and the next attempt of the sender is handled. Its context ends
// after Options.Timeout and not when the client leaves, since many senders leave early. A
// function that ignores its context and runs for twice as long can be called twice.
//
// The error is for guard.Refuse, and already reported to Observe: that of handle; 409
// delivery_in_progress while another request handles the delivery; 503 if the store fails
// before the call. If it fails after it, Do reports that and returns nil: what was done
// cannot be undone, and a sender that tried again would have it done twice for sure.
//
// It is one round trip to the store before the call and one after it, or two each where
// the id is not signed.
func (h *Hooks) Do(ctx context.Context, d *Delivery, handle func(ctx context.Context) error) (called bool, err error) {
	if handle == nil {
		wiring.Panic("webhook", "Do of nil")
	}
	c := h.scheme.Reveal()
	if c == nil {
		return false, errZeroValue
	}
	decision := guard.Decision{Package: "webhook", Guard: c.Name, Action: "handle", Subject: d.ID}
	// A sender that leaves ends nothing from here on: a lease without its answer would be lost,
	// and a delivery be half handled.
	ctx = context.WithoutCancel(ctx)
	keys, err := h.keys(c, d)
	if err != nil {
		return false, decision.Deny(ctx, err)
	}
	leases, state, err := h.acquire(ctx, keys)
	switch {
	case err != nil:
		return false, decision.Deny(ctx, guard.Unavailable(err))
	case state == once.Busy:
		return false, decision.Deny(ctx, inProgress())
	case state == once.Done:
		decision.Action, decision.Outcome = "replay", guard.Allowed
		decision.ReportTo(ctx)
		return false, nil
	}
	done := false
	defer func() {
		if !done { // also after a panic
			h.release(ctx, leases)
		}
	}()
	if err := h.limited(ctx, handle); err != nil {
		return true, decision.Deny(ctx, err)
	}
	done = true
	decision.Outcome = guard.Allowed
	decision.ReportTo(ctx)
	h.commit(ctx, decision, leases)
	return true, nil
}

func (h *Hooks) limited(ctx context.Context, handle func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	return handle(ctx)
}

var errNoDelivery = errors.New("webhook: Do of a Delivery that has no ID: it is a challenge, or was made without one")

// keys are what a delivery is known by: its id, and where that is not signed or missing the
// digest of the body, too.
func (h *Hooks) keys(c *scheme, d *Delivery) (keys [][32]byte, err error) {
	hasID := c.IDField != "" || c.IDMember != ""
	if d.Challenge != "" || hasID && d.ID == "" {
		return nil, errNoDelivery
	}
	if c.IDMember == "" && !c.signsID() {
		sum := sha256.Sum256(d.Body)
		keys = append(keys, once.Key("guard webhook", c.Name, h.endpoint, "body", string(sum[:])))
	}
	if hasID {
		keys = append(keys, once.Key("guard webhook", c.Name, h.endpoint, "id", d.ID))
	}
	return keys, nil
}

// acquire acquires all keys, or none.
func (h *Hooks) acquire(ctx context.Context, keys [][32]byte) (leases []once.Lease, state once.State, err error) {
	for _, key := range keys {
		lease, state, err := h.acquireOne(ctx, key)
		if err != nil || state != once.First {
			h.release(ctx, leases)
			return nil, state, err
		}
		leases = append(leases, lease)
	}
	return leases, once.First, nil
}

func (h *Hooks) acquireOne(ctx context.Context, key [32]byte) (once.Lease, once.State, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return h.store.Acquire(ctx, key, h.lease())
}

// release ignores errors: a lease runs out by itself.
func (h *Hooks) release(ctx context.Context, leases []once.Lease) {
	for _, l := range leases {
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		_ = h.store.Release(ctx, l)
		cancel()
	}
}

// commit records that a delivery was handled. A failure is reported.
func (h *Hooks) commit(ctx context.Context, d guard.Decision, leases []once.Lease) {
	var errs []error
	until := h.now().Add(h.remember)
	for _, l := range leases {
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		errs = append(errs, h.store.Commit(ctx, l, until))
		cancel()
	}
	if err := errors.Join(errs...); err != nil {
		d.Action, d.Outcome, d.Err, d.Reason = "", guard.Failed, err, "webhook: handled, and not recorded: "+err.Error()
		d.ReportTo(ctx)
	}
}

func methodNotAllowed() error { return refusal.MethodNotAllowed("POST") }
