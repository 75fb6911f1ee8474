package totp

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
)

// Verified is what Verify accepted.
type Verified struct {
	// Recovery is true for a recovery code: mail the owner that it was used. It is false
	// for a one-time code, the factor "otp" of RFC 8176.
	Recovery bool
	// RecoveryCodes is how many recovery codes are left.
	RecoveryCodes int
}

var (
	// ErrCode is the cause of every refusal of a code, for a form that shows it in place.
	// Its text, for Observe, has the reason.
	ErrCode = errors.New("totp: invalid code")
	// ErrLocked is the cause where a wrong code locks the factor: the 100th without a right
	// one. Mail the owner. Later codes are refused with 429 and the code "factor_locked". It
	// is also an ErrCode.
	ErrLocked error = locks
)

// A reason is why a code is refused.
type reason string

func (r reason) Error() string        { return "totp: invalid code: " + string(r) }
func (r reason) Is(target error) bool { return target == ErrCode }

const (
	locks        = reason("the 100th wrong code, which locks the factor")
	errMalformed = reason("neither a one-time code nor a recovery code")
	errWrong     = reason("wrong")
	errUsed      = reason("used before, or older than one that was used")
	errRecovery  = reason("an unknown or used recovery code")
	errNone      = reason("the account has no second factor")
	errReplaced  = reason("of a factor that another one replaced meanwhile")
)

// Verify accepts a one-time code of the account's factor, or a recovery code in its place,
// and spends it. Spaces are ignored, in recovery codes hyphens and case too.
//
// Its error is for guard.Refuse, and already reported to Observe: 401 with the cause
// [ErrCode] and the code "code_invalid"; 429 after too many wrong codes, with the code
// "login_limited", or "factor_locked" if only a recovery code or [Factors.Unlock] ends the
// wait; 503 if a store failed, in which case the code may be spent and the attempt does not
// count; 500 if the record does not open. An account without a confirmed factor is refused
// as for a wrong code, but for recovery codes with Options.RecoveryAlone: [Factors.Status]
// reports whether to ask for one.
func (f *Factors) Verify(r *http.Request, subject, code string) (Verified, error) {
	d := guard.Decision{Package: "totp", Subject: subject, Pattern: r.Pattern}
	v, err := f.verify(r, subject, code, &d, nil)
	return v, conclude(r, d, err)
}

// conclude reports d, and returns the error for guard.Refuse.
func conclude(r *http.Request, d guard.Decision, err error) error {
	if err != nil {
		return d.Deny(r.Context(), err)
	}
	d.Outcome = guard.Allowed
	d.Report(r)
	return nil
}

// verify is Verify. It names in d what was used. If then is not nil, it is called with the
// factor of an accepted code, and may still refuse it.
func (f *Factors) verify(r *http.Request, subject, typed string, d *guard.Decision, then func(context.Context, *factor) error) (Verified, error) {
	if err := checkSubject(subject); err != nil {
		return Verified{}, err
	}
	code, k := parse(typed)
	limiter := f.recovery
	d.Guard = "recovery code"
	if k == oneTime {
		limiter, d.Guard = f.codes, "code"
	}
	var rec *record
	err := f.attempt(r, limiter, subject, d, func(ctx context.Context) (err error) {
		switch k {
		case oneTime:
			rec, err = f.oneTime(r, subject, code, d)
		case recovery:
			rec, err = f.useRecovery(ctx, subject, digestOf(code))
		default:
			err = errMalformed
		}
		if err == nil && then != nil {
			err = then(ctx, rec.active)
		}
		return err
	})
	if err != nil {
		return Verified{}, err
	}
	return Verified{Recovery: k == recovery, RecoveryCodes: len(rec.recovery)}, nil
}

// attempt counts an attempt, and calls check. The attempt counts unless check succeeds,
// or a failure of ours prevents it.
func (f *Factors) attempt(r *http.Request, limiter *ratelimit.Login, subject string, d *guard.Decision, check func(context.Context) error) error {
	attempt, err := limiter.Attempt(r, subject)
	if err != nil {
		return locked(err) // reported
	}
	ctx := r.Context()
	defer attempt.Fail(ctx) // unless it ends before
	err = check(ctx)
	why, refused := err.(reason) // not errors.Is: a failure is one whatever it wraps
	switch {
	case err == nil:
		err = attempt.Succeed(ctx)
		if limiter == f.recovery {
			err = errors.Join(err, f.codes.Reset(ctx, subject)) // the lock, too
		}
		f.report(r, *d, "attempts", err)
		return nil
	case refused:
		if n, ok := attempt.Remaining(lockName); ok && n == 0 {
			why = locks
		}
		return &guard.Error{Status: http.StatusUnauthorized, Code: "code_invalid", Message: "Invalid code", Err: why}
	case ctx.Err() != context.Canceled: // a client that leaves has failed
		f.report(r, *d, "attempts", attempt.Withdraw(ctx))
	}
	return err
}

// locked words the refusal of a factor that is locked, which no wait of a reasonable time
// ends.
func locked(err error) error {
	e, _ := errors.AsType[*guard.Error](err)
	if u, ok := errors.AsType[*refusal.UsedUp](err); ok && u.Limit == lockName && !u.InFlight {
		e.Code, e.Message = "factor_locked", "Too many wrong codes. Use a recovery code."
	}
	return err
}

// oneTime spends a code of the active factor, and returns the record.
func (f *Factors) oneTime(r *http.Request, subject, code string, d *guard.Decision) (*record, error) {
	ctx := r.Context()
	rec, err := f.load(ctx, subject)
	if err != nil {
		return nil, err
	}
	if rec.active == nil {
		return nil, errNone
	}
	if err := f.spend(ctx, rec.active, code); err != nil {
		return nil, err
	}
	if rec.stale {
		f.report(r, *d, "reseal", wiring.Recovered("totp", "Swap", func() error {
			_, err := f.swap(ctx, subject, rec) // if another change came first, it sealed the record
			return err
		}))
	}
	return rec, nil
}

// spend spends the step of a code. The larger step of two with one code makes both useless.
func (f *Factors) spend(ctx context.Context, active *factor, code string) error {
	now := f.opts.Now()
	step, ok := active.match(code, now)
	if !ok {
		return errWrong
	}
	first, err := f.opts.Steps.Advance(ctx, once.Key("guard signin/totp: step", string(active.id[:])), step, now.Add(usedFor))
	if err != nil {
		return guard.Unavailable(err)
	}
	if !first {
		return errUsed
	}
	return nil
}

// useRecovery removes a recovery code from the record, which it returns: of several uses,
// one swaps it.
func (f *Factors) useRecovery(ctx context.Context, subject string, d digest) (used *record, err error) {
	err = f.update(ctx, subject, func(rec *record) error {
		used = rec
		i := find(rec.recovery, d)
		switch {
		case rec.active == nil && !f.opts.RecoveryAlone:
			return errNone
		case i < 0:
			return errRecovery
		}
		rec.recovery = append(rec.recovery[:i:i], rec.recovery[i+1:]...)
		return nil
	})
	return used, err
}

// report reports a failure that does not fail the request.
func (f *Factors) report(r *http.Request, d guard.Decision, what string, err error) {
	if err == nil {
		return
	}
	d.Guard, d.Action, d.Outcome, d.Err, d.Reason = what, "", guard.Failed, err, err.Error()
	d.Report(r)
}
