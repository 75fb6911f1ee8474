package ratelimit

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/refusal"
)

// An Attempt is a login attempt. It has failed unless Succeed or Withdraw is called.
type Attempt struct {
	login      *Login
	takes      func() attemptTakes // a function, since no printer shows their keys
	inFallback bool                // OnFailure granted it, not the store
	done       atomic.Bool
	landed     atomic.Bool // flights are undone
	release    func()      // of what waits for the end of the request
}

// attemptTakes has what the end of an attempt undoes.
type attemptTakes struct {
	taken   []Taken // the units of this attempt; those of its places are the first
	places  int     // its address and, for IPv6, its network
	cleared []Taken // what a success undoes besides it: all units of some counts
	flights []Taken // what every end undoes
	states  []State // those of taken are the first
}

// Attempt counts a login attempt on an account before the password is checked,
// whether or not the account exists. Its error is for guard.Refuse: 429 if the
// address, its network or the account has used up its failures, and then nothing is
// taken; 400 for an empty account or an unclear address; 503 if the store failed. It
// is already reported to Observe, and belongs to the caller.
//
// The attempt is in flight until Succeed, Fail or Withdraw, or the end of the
// request's context, which is also that of its handler, or for a minute. If no
// http.Server serves the request, as in a test with httptest.NewRequest, it is 4
// seconds: the context may never end.
func (l *Login) Attempt(r *http.Request, account string) (*Attempt, error) {
	d := guard.Decision{Package: "ratelimit", Guard: "login", Cost: 1, Pattern: r.Pattern}
	if l.opts.Subjects {
		d.Subject = account
	}
	t, err := l.attempt(r, account)
	if t.result.Limit != "" { // the take was answered
		d.Guard, d.RetryAfter, d.Reason = t.result.Limit, t.result.RetryAfter, l.backend.reason(t.from)
	}
	if err != nil {
		return nil, d.Deny(r.Context(), err)
	}
	if !t.begins {
		d.Outcome, d.Err = guard.Allowed, t.from.failure
		d.Report(r)
	}
	return l.begin(r, &t), nil
}

// attempt takes from all counts of an attempt. It waits for attempts in flight.
func (l *Login) attempt(r *http.Request, account string) (t loginTake, err error) {
	var c counts
	address, err := l.ip(r)
	if err != nil {
		return t, err
	}
	c.places = []string{address}
	if len(address) > net.IPv4len {
		c.places = append(c.places, address[:6]) // 48 bits
	}
	if c.account, err = l.normalize(account); err != nil {
		return t, err
	}
	if c.device, err = l.deviceOf(r, c.account); err != nil {
		return t, err
	}
	w := waiter{login: l}
	defer w.stop()
	for {
		next, err := l.take(r, c)
		next.begins = next.begins || t.begins
		t = next
		if err != nil || t.result.OK {
			return t, err
		}
		if !t.busy {
			return t, l.tooMany(&t, false)
		}
		if !w.wait(r.Context()) {
			return t, l.tooMany(&t, true)
		}
	}
}

func (l *Login) tooMany(t *loginTake, inFlight bool) error {
	return tooMany("login_limited", l.opts.Message, t.result.RetryAfter, &refusal.UsedUp{Limit: t.result.Limit, InFlight: inFlight})
}

// begin returns the attempt that t granted.
func (l *Login) begin(r *http.Request, t *loginTake) *Attempt {
	takes := attemptTakes{places: t.places, states: t.states}
	for i := range t.demands {
		taken := Taken{Take: t.demands[i].take(), Stamp: t.states[i].Stamp}
		if i >= t.limits {
			takes.flights = append(takes.flights, taken)
			continue
		}
		takes.taken = append(takes.taken, taken)
		if taken.All = true; i >= t.places {
			takes.cleared = append(takes.cleared, taken)
		}
	}
	if t.usedUp != nil {
		takes.cleared = append(takes.cleared, Taken{Take: t.usedUp.take(), All: true})
	}
	a := &Attempt{login: l, takes: func() attemptTakes { return takes }, inFallback: t.from.failure != nil}
	ctx, cancel := context.WithTimeout(r.Context(), longestFlight(r))
	stop := context.AfterFunc(ctx, func() { cancel(); a.land(ctx) })
	a.release = func() { stop(); cancel() }
	return a
}

// Remaining returns how many more failures the limit of this name, such as
// "login-account", grants if this attempt fails. ok is false for a limit that the attempt did not take from, and for an
// attempt that OnFailure granted.
func (a *Attempt) Remaining(limit string) (n int, ok bool) {
	if a == nil || a.inFallback {
		return 0, false
	}
	takes := a.takes()
	for i, taken := range takes.taken {
		if taken.Limit.Name == limit {
			return takes.states[i].Remaining, true
		}
	}
	return 0, false
}

// Succeed reports that the password was right: it gives this attempt, and no
// other one, back to the address and its network, and undoes all failures of the
// account. If the attempt came from a device that has failures left, it undoes those
// of the device instead: what strangers guessed at the account is not forgiven by a
// login that needs none of their quota. An error means that the store failed and that
// the attempt still counts; the login may go on.
//
// Only the first call of Succeed, Fail or Withdraw has an effect, also after the
// client has disconnected.
func (a *Attempt) Succeed(ctx context.Context) error {
	if !a.end() {
		return nil
	}
	b, takes := a.login.backend, a.takes()
	if a.inFallback && b.failure.mode == fallBack {
		// The account may have failures in the store from before the outage. If
		// the store is still down they stay, which is no error of this login.
		_ = b.giveBack(ctx, takes.cleared)
	}
	err := a.giveBack(ctx, takes.taken[:takes.places], takes.cleared)
	if !a.inFallback && b.fallback != nil {
		err = errors.Join(err, b.fallback.giveBack(ctx, takes.cleared))
	}
	return err
}

// Fail reports that the password was wrong, so that no other attempt waits for this
// one. Without Fail, it is a failure when its request ends. A deferred Fail has no
// effect after Succeed.
func (a *Attempt) Fail(ctx context.Context) {
	if a.end() {
		a.land(ctx)
	}
}

// Withdraw reports that no password was checked, because of a failure of our own,
// such as an outage of the database: it gives this attempt, and no other one, back.
// Otherwise an outage of a minute would lock out the people behind a NAT. It is not
// for a client that disconnects, which could guess without being counted. An error
// means that the store failed and that the attempt still counts.
func (a *Attempt) Withdraw(ctx context.Context) error {
	if !a.end() {
		return nil
	}
	return a.giveBack(ctx, a.takes().taken)
}

// end reports whether the attempt has not ended yet.
func (a *Attempt) end() bool {
	if a == nil || a.done.Swap(true) {
		return false
	}
	a.release()
	return true
}

// giveBack gives takes, and those of the flight, back to what granted them.
func (a *Attempt) giveBack(ctx context.Context, parts ...[]Taken) error {
	b := a.login.backend
	if a.inFallback {
		if b = b.fallback; b == nil {
			return nil // nothing was taken
		}
	}
	if !a.landed.Swap(true) {
		parts = append(parts, a.takes().flights)
	}
	if taken := slices.Concat(parts...); len(taken) > 0 {
		return b.giveBack(ctx, taken)
	}
	return nil
}

// land ends the time in flight. If the store fails, that lasts until lostAfter.
func (a *Attempt) land(ctx context.Context) { _ = a.giveBack(ctx) }
