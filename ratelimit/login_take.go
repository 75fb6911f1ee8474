package ratelimit

import (
	"net/http"
	"slices"
	"time"
)

// counts names the counts of an attempt.
type counts struct {
	places  []string // the keys of its address and, for IPv6, of its network
	account string
	device  *demand // nil for a stranger
}

// A loginTake is the answer to a take of an attempt.
type loginTake struct {
	demands []demand // the limits, those of the places first, and then the attempts in flight
	states  []State
	limits  int
	places  int
	usedUp  *demand // of the device that is a stranger therefore
	from    source
	begins  bool   // an outage did, and is reported
	result  Result // about the limits
	busy    bool   // only attempts in flight are the reason of the refusal
}

// take takes from the counts of a device or, if the device has used up its failures,
// from those of a stranger.
func (l *Login) take(r *http.Request, c counts) (loginTake, error) {
	n := len(c.places)
	places, flights := withKey(l.places[:n], c.places...), withKey(l.flights[:n], c.places...)
	var t loginTake
	if c.device != nil {
		t = loginTake{places: n, limits: n + 1, demands: slices.Concat(places, []demand{*c.device}, flights)}
		if err := l.takeAll(r, &t); err != nil || !refuses(t.states[n]) {
			return t, err
		}
	}
	account := withKey(l.account, c.account)
	t = loginTake{
		places: n, limits: n + len(account), demands: slices.Concat(places, account, flights, withKey(l.flights[2:], c.account)),
		usedUp: c.device, begins: t.begins,
	}
	err := l.takeAll(r, &t)
	return t, err
}

func refuses(s State) bool { return s.RetryAfter > 0 }

// takeAll takes from the demands of t, and sets the answer.
func (l *Login) takeAll(r *http.Request, t *loginTake) (err error) {
	t.states = make([]State, len(t.demands))
	if t.from, err = l.backend.take(r.Context(), t.demands, t.states); err != nil {
		return err
	}
	t.evaluate()
	if t.from.begins {
		t.begins = true
		l.backend.failedDecision(t.result.Limit, 1, t.from).Report(r)
	}
	return nil
}

// evaluate sets result and busy. What refuses only because of attempts in flight may
// grant in a moment.
func (t *loginTake) evaluate() {
	states := make([]State, t.limits)
	copy(states, t.states)
	granted, final := true, false
	for i, s := range t.states {
		if !refuses(s) {
			continue
		}
		granted = false
		if i >= t.limits { // too many are in flight
			states[i-t.limits].RetryAfter = time.Second
		} else if t.inFlight(i) {
			states[i].RetryAfter = time.Second
		} else {
			final = true
		}
	}
	t.busy = !granted && !final
	t.result = resultOf(t.demands[:t.limits], states, t.from.failure)
}

// inFlight reports whether a limit would grant if all attempts in flight on its
// key succeeded: whether there are any.
func (t *loginTake) inFlight(limit int) bool {
	i := t.limits + min(limit, t.places) // those of the places are the first
	return i < len(t.states) && t.states[i].Remaining < t.demands[i].limit.Quota
}
