package totp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/totp"
)

var errDown = errors.New("the database is down")

// A flaky store fails where it is set to. swapFirst is called before each Swap.
type flaky struct {
	totp.Store
	load, swap error
	swapFirst  func()
}

func (f *flaky) Load(ctx context.Context, subject string) (string, bool, error) {
	if f.load != nil {
		return "", false, f.load
	}
	return f.Store.Load(ctx, subject)
}

func (f *flaky) Swap(ctx context.Context, subject, old, replacement string) (bool, error) {
	if f.swap != nil {
		return false, f.swap
	}
	if f.swapFirst != nil {
		f.swapFirst()
	}
	return f.Store.Swap(ctx, subject, old, replacement)
}

// flakySteps fail with err. first is called before each Advance.
type flakySteps struct {
	once.Store
	err   error
	first func()
}

func (f *flakySteps) Advance(ctx context.Context, key [32]byte, step int64, until time.Time) (bool, error) {
	if f.err != nil {
		return false, f.err
	}
	if first := f.first; first != nil {
		f.first = nil
		first()
	}
	return f.Store.Advance(ctx, key, step, until)
}

// newFlaky returns an app whose stores can fail.
func newFlaky(t *testing.T) (*app, *flaky, *flakySteps) {
	steps := &flakySteps{Store: guard.Must(once.NewMemory(nil))}
	a := newApp(t, totp.Options{})
	steps.Store = guard.Must(once.NewMemory(&once.MemoryOptions{Now: a.clock.Now}))
	store := &flaky{Store: a.store}
	a.store = store
	a.Factors = guard.Must(totp.New("Acme", key, store, clientip.Direct(), &totp.Options{Now: a.clock.Now, Steps: steps}))
	return a, store, steps
}

// TestOutages: a store that fails is 503 without text, whatever its error is, and no
// attempt counts: afterwards the right code is accepted.
func TestOutages(t *testing.T) {
	for name, failure := range map[string]error{
		"an error": errDown, "a refusal": guard.Unauthorized("secret text"), "no credentials": guard.ErrNoCredentials, "an invalid code": totp.ErrCode, "a lock": totp.ErrLocked,
	} {
		t.Run(name, func(t *testing.T) {
			a, store, steps := newFlaky(t)
			p, recovery := a.enrolled("1")
			down := func(got result, reason string) {
				t.Helper()
				a.want(got, 503, reason+failure.Error())
				if d := a.last(); d.Outcome != guard.Failed || d.Package != "totp" {
					t.Errorf("%+v", d)
				}
				if strings.Contains(got.body, "down") || strings.Contains(got.body, "secret") || !errors.Is(failure, totp.ErrCode) && errors.Is(got.err, totp.ErrCode) {
					t.Errorf("%s, %v", got.body, got.err)
				}
			}
			for range 3 {
				store.load = failure
				down(a.verify("1", p.code(0)), "totp: load: ")
				down(a.verify("1", recovery[0]), "totp: load: ")
				down(a.confirm("1", p.code(0)), "totp: load: ")
				down(a.disable("1", p.code(0)), "totp: load: ")
				store.load, steps.err = nil, failure
				down(a.verify("1", p.code(0)), "")
				steps.err, store.swap = nil, failure
				down(a.verify("1", recovery[0]), "totp: swap: ")
				down(a.do(func(r *http.Request, _ *result) error {
					_, err := a.Enroll(r.Context(), "1", "alice")
					return err
				}), "totp: swap: ")
				down(a.do(func(r *http.Request, _ *result) error {
					_, err := a.NewRecoveryCodes(r.Context(), "1")
					return err
				}), "totp: swap: ")
				down(a.do(func(r *http.Request, _ *result) error { return a.Remove(r.Context(), "1") }), "totp: swap: ")
				store.swap = nil
			}
			a.want(a.verify("1", p.code(0)), 200, "")
			a.want(a.verify("1", recovery[0]), 200, "")
		})
	}
}

// TestFullSteps: a full store refuses codes, and never accepts one twice.
func TestFullSteps(t *testing.T) {
	a := newApp(t, totp.Options{})
	first, _ := a.enrolled("1")
	second, _ := a.enrolled("2")
	a.Factors = guard.Must(totp.New("Acme", key, a.store, clientip.Direct(), &totp.Options{Now: a.clock.Now, Steps: guard.Must(once.NewMemory(&once.MemoryOptions{Max: 1, Now: a.clock.Now}))}))
	a.want(a.verify("1", first.code(0)), 200, "")
	a.want(a.verify("2", second.code(0)), 503, once.ErrFull.Error())
	a.want(a.verify("1", first.code(0)), 401, used)
}

// TestChangesInBetween: a record that changes during a change is read again.
func TestChangesInBetween(t *testing.T) {
	a, store, _ := newFlaky(t)
	p, recovery := a.enrolled("1")
	changes := 3
	store.swapFirst = func() { // another process uses a recovery code
		if changes > 0 {
			changes--
			f := guard.Must(totp.New("Acme", key, store.Store, clientip.Direct(), &totp.Options{Now: a.clock.Now}))
			a.do(func(r *http.Request, _ *result) error { _, err := f.Verify(r, "1", recovery[changes]); return err })
		}
	}
	if got := a.verify("1", recovery[2]); got.status != 401 { // the first of these changes used it
		t.Errorf("a code that was used in between: %d", got.status)
	}
	changes = 2
	a.want(a.verify("1", recovery[9]), 200, "")
	if s := guard.Must(a.Status(ctx, "1")); s.RecoveryCodes != 6 {
		t.Errorf("%d recovery codes are left, want 6", s.RecoveryCodes)
	}

	fresh := phone{guard.Must(a.Enroll(ctx, "1", "alice")).Secret(), a.clock}
	started := false
	store.swapFirst = func() { // another enrollment begins before the first is confirmed
		if !started {
			started = true
			guard.Must(a.Enroll(ctx, "1", "alice"))
		}
	}
	a.want(a.confirm("1", fresh.code(0)), 409, "")
	a.want(a.verify("1", p.code(0)), 200, "")
}

// TestChangesWithoutEnd: a record that never stays is a failure.
func TestChangesWithoutEnd(t *testing.T) {
	a, store, _ := newFlaky(t)
	_, recovery := a.enrolled("1")
	f := guard.Must(totp.New("Acme", key, store.Store, clientip.Direct(), &totp.Options{Now: a.clock.Now}))
	store.swapFirst = func() { guard.Must(f.Enroll(ctx, "1", "alice")) }
	a.want(a.verify("1", recovery[0]), 503, "totp: the record of the account changed all the time")
}

// TestResealFails: an outage while a record is resealed, or a panic, does not fail the
// sign-in, and is reported.
func TestResealFails(t *testing.T) {
	for name, set := range map[string]func(*flaky){
		"an error": func(f *flaky) { f.swap = errDown },
		"a panic":  func(f *flaky) { f.swapFirst = func() { panic("down") } },
	} {
		t.Run(name, func(t *testing.T) {
			a, store, _ := newFlaky(t)
			p, _ := a.enrolled("1")
			a.Factors = guard.Must(totp.New("Acme", guard.Secret(strings.Repeat("n", 32)), store, clientip.Direct(), &totp.Options{Now: a.clock.Now, OldKeys: []guard.Secret{key}}))
			set(store)
			before := len(a.decisions)
			a.want(a.verify("1", p.code(0)), 200, "")
			failed := 0
			for _, d := range a.decisions[before:] {
				if d.Outcome == guard.Failed && d.Guard == "reseal" && d.Subject == "1" && strings.Contains(d.Reason, "down") {
					failed++
				}
			}
			if failed != 1 {
				t.Errorf("%+v", a.decisions[before:])
			}
		})
	}
}

// TestLimiterOutage: with FailClosed, no code is accepted while wrong ones cannot be
// counted; by default each process counts by itself.
func TestLimiterOutage(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, recovery := a.enrolled("1")
	with := func(failure ratelimit.Failure) *totp.Factors {
		return guard.Must(totp.New("Acme", key, a.store, clientip.Direct(), &totp.Options{Now: a.clock.Now, Attempts: ratelimit.LoginOptions{
			Store: downLimits{}, Secret: key, OnFailure: failure,
		}}))
	}
	a.Factors = with(ratelimit.FailClosed())
	got := a.verify("1", p.code(0))
	if got.status != 503 || got.reached {
		t.Errorf("%d, %t", got.status, got.reached)
	}
	a.Factors = with(ratelimit.Failure{})
	a.want(a.verify("1", p.code(0)), 200, "")
	for i := range 5 {
		a.want(a.verify("1", []string{p.wrong(), "AAAA-AAAA-AAAA-AAAA"}[i%2]), 401, "")
	}
	a.want(a.verify("1", p.code(1)), 429, "")
	a.want(a.verify("1", recovery[0]), 429, "") // both limiters have one fallback
}

type downLimits struct{ ratelimit.Store }

func (downLimits) Take(context.Context, []ratelimit.Take) ([]ratelimit.State, error) {
	return nil, errDown
}
func (downLimits) GiveBack(context.Context, []ratelimit.Taken) error { return errDown }

// TestClientLeaves: a client that leaves during a lookup has used an attempt.
func TestClientLeaves(t *testing.T) {
	a, store, _ := newFlaky(t)
	p, _ := a.enrolled("1")
	for range 5 {
		a.do(func(r *http.Request, _ *result) error {
			ctx, cancel := context.WithCancel(r.Context())
			store.load = context.Canceled
			cancel()
			_, err := a.Verify(r.WithContext(ctx), "1", p.code(0))
			return err
		})
		store.load = nil
	}
	a.want(a.verify("1", p.code(0)), 429, "")
}

// TestGiveBackFails: a right code signs in although its attempt cannot be given back,
// which is reported.
func TestGiveBackFails(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, recovery := a.enrolled("1")
	a.Factors = guard.Must(totp.New("Acme", key, a.store, clientip.Direct(), &totp.Options{Now: a.clock.Now, Attempts: ratelimit.LoginOptions{
		Store: stuckLimits{guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Now: a.clock.Now}))}, Secret: key,
	}}))
	for _, code := range []string{p.code(0), recovery[0]} {
		before := len(a.decisions)
		a.want(a.verify("1", code), 200, "")
		failed := 0
		for _, d := range a.decisions[before:] {
			if d.Outcome == guard.Failed && d.Package == "totp" && d.Guard == "attempts" && d.Subject == "1" {
				failed++
			}
		}
		if failed != 1 {
			t.Errorf("%+v", a.decisions[before:])
		}
	}
}

// stuckLimits take, and give nothing back.
type stuckLimits struct{ *ratelimit.Memory }

func (stuckLimits) GiveBack(context.Context, []ratelimit.Taken) error { return errDown }
