package link

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
)

// A purpose is what Links and Codes have in common.
type purpose struct {
	name     string
	scope    string // differs for each purpose, URL and kind
	state    func(ctx context.Context, subject string) (boundTo string, found bool, err error)
	store    once.Store
	lifetime time.Duration
	now      func() time.Time
	refuse   func(cause error) error
}

const maxPurpose = 32

// newPurpose returns a purpose, whose refuse is missing. The error lists every mistake.
func newPurpose(name, kind string, state func(context.Context, string) (string, bool, error), store once.Store, lifetime time.Duration, now func() time.Time) (purpose, error) {
	var errs []error
	if !isName(name) {
		errs = append(errs, fmt.Errorf("link: purpose %q: want 1 to %d letters, digits, hyphens, underscores and dots", name, maxPurpose))
	}
	if state == nil {
		errs = append(errs, errors.New("link: the state function is nil"))
	}
	if now == nil {
		now = time.Now
	}
	errs = append(errs, wiring.TypedNil("link", "Once", store))
	if store == nil {
		memory, err := once.NewMemory(&once.MemoryOptions{Now: now})
		store, errs = memory, append(errs, err)
	}
	return purpose{name: name, scope: name + " " + kind, state: state, store: store, lifetime: lifetime, now: now}, errors.Join(errs...)
}

func isName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	return s != "" && len(s) <= maxPurpose && strings.Trim(s, letters) == ""
}

func (p *purpose) decision(action string) guard.Decision {
	return guard.Decision{Package: "link", Guard: p.name, Action: action}
}

// issued returns the state of a subject that a link or code is issued for.
func (p *purpose) issued(ctx context.Context, subject string) (boundTo string, found bool, err error) {
	if subject == "" || len(subject) > maxSubject {
		return "", false, fmt.Errorf("link: a subject of %d bytes, want 1 to %d", len(subject), maxSubject)
	}
	return p.stateOf(ctx, subject)
}

// concludeIssue reports whether a link or code is issued, and returns found.
func concludeIssue(ctx context.Context, d guard.Decision, found bool) bool {
	d.Outcome = guard.Allowed
	if !found {
		d.Outcome, d.Err, d.Reason = guard.Refused, errNotIssued, errNotIssued.Error()
	}
	d.ReportTo(ctx)
	return found
}

// stateOf returns the state of a subject, and none where it is not found. A failure is
// 503, unless it is an outage that was reported already, such as that of
// session.Manager.Epoch. It is never a refusal, which would reveal the subject.
func (p *purpose) stateOf(ctx context.Context, subject string) (boundTo string, found bool, err error) {
	boundTo, found, err = p.state(ctx, subject)
	if err != nil {
		err = fmt.Errorf("link: the state of a subject: %w", err)
		if e, ok := errors.AsType[*guard.Error](err); !ok || e == nil || e.Status < 500 || e.Status > 599 {
			err = guard.Unavailable(err)
		}
		return "", false, err
	}
	if !found {
		boundTo = ""
	}
	return boundTo, found, nil
}

const (
	leaseTime  = time.Minute      // longer than an action takes, and so the wait after a crash
	actionTime = 30 * time.Second // of which it is cancelled
	storeTime  = 5 * time.Second  // of a call about the lease, and to count a code
)

// spend calls action for the subject of d, for one caller of a state.
//
// A lease and not a Take: an action that fails must not end a link, and neither must a
// process that crashes or a store that is down while it runs, as no new link of that
// state would work either.
func (p *purpose) spend(ctx context.Context, d guard.Decision, boundTo string, action func(context.Context, string) error) error {
	// A client that leaves, as a browser does at a double click, ends nothing from here on: the
	// answer with a lease would be lost, and half a reset would leave the sessions of a thief.
	ctx = context.WithoutCancel(ctx)
	lease, state, err := p.acquire(ctx, once.Key("guard signin/link", p.scope, d.Subject, boundTo))
	switch {
	case err != nil:
		return guard.Unavailable(err)
	case state == once.Done:
		return p.refuse(errSpent)
	case state != once.First:
		return p.refuse(errBusy)
	}
	succeeded := false
	defer func() {
		if !succeeded { // also after a panic
			ctx, cancel := context.WithTimeout(ctx, storeTime)
			defer cancel()
			_ = p.store.Release(ctx, lease) // or else it runs out
		}
	}()
	if err := p.act(ctx, d.Subject, boundTo, action); err != nil {
		return err
	}
	succeeded = true
	p.commit(ctx, d, lease)
	return nil
}

func (p *purpose) acquire(ctx context.Context, key [32]byte) (once.Lease, once.State, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return p.store.Acquire(ctx, key, leaseTime)
}

// act calls action if the state, which was read before the lease, has not changed since.
func (p *purpose) act(ctx context.Context, subject, boundTo string, action func(context.Context, string) error) error {
	ctx, cancel := context.WithTimeout(ctx, actionTime)
	defer cancel()
	switch now, found, err := p.stateOf(ctx, subject); {
	case err != nil:
		return err
	case !found:
		return p.refuse(errUnknownSubject)
	case now != boundTo:
		return p.refuse(errState)
	}
	return action(ctx, subject)
}

// commit spends the state. What was done cannot be undone: a failure is reported, and
// the request succeeds. Links of the state end by its change all the same.
func (p *purpose) commit(ctx context.Context, d guard.Decision, lease once.Lease) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := p.store.Commit(ctx, lease, p.now().Add(p.lifetime+leeway)); err != nil {
		d.Action, d.Outcome, d.Err, d.Reason = "", guard.Failed, err, "link: redeemed, and not recorded: "+err.Error()
		d.ReportTo(ctx)
	}
}
