package totp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// A Status describes the factor of an account.
type Status struct {
	Enabled       bool      // the factor is confirmed: ask for it
	Since         time.Time // when it was confirmed
	RecoveryCodes int       // how many are left
	Enrolling     bool      // an enrollment is pending
}

// Status describes the factor of an account. An error is 503 if the store failed, and 500 if
// the record does not open: then do not sign in.
func (f *Factors) Status(ctx context.Context, subject string) (Status, error) {
	rec, err := f.load(ctx, subject)
	if err != nil {
		return Status{}, err
	}
	s := Status{RecoveryCodes: len(rec.recovery)}
	s.Enrolling = rec.pending != nil && f.opts.Now().Sub(rec.pending.since) <= enrollFor
	if rec.active != nil {
		s.Enabled, s.Since = true, rec.active.since
	}
	return s, nil
}

// Disable removes the factor and its recovery codes, by a code as Verify accepts it. Its
// errors are those of [Factors.Verify].
func (f *Factors) Disable(r *http.Request, subject, code string) error {
	d := guard.Decision{Package: "totp", Action: "disable", Subject: subject, Pattern: r.Pattern}
	_, err := f.verify(r, subject, code, &d, func(ctx context.Context, used *factor) error {
		if used == nil { // a recovery code alone
			return errNone
		}
		return f.update(ctx, subject, func(rec *record) error {
			switch {
			case rec.active == nil: // removed meanwhile; a pending one is of someone else
				return nil
			case rec.active.id != used.id:
				return errReplaced
			}
			*rec = record{text: rec.text}
			return nil
		})
	})
	return conclude(r, d, err)
}

// Remove removes the factor and its recovery codes without a code: for an account that is
// deleted, by order of an operator, or for someone who signed in with a passkey. An account
// without a factor is no error. The error is for guard.Refuse, and already reported to
// Observe: 503 if the store failed.
func (f *Factors) Remove(ctx context.Context, subject string) error {
	return f.concludeIn(ctx, "disable", subject, f.update(ctx, subject, func(rec *record) error {
		*rec = record{text: rec.text}
		return nil
	}))
}

// concludeIn is conclude without a request at hand.
func (f *Factors) concludeIn(ctx context.Context, action, subject string, err error) error {
	d := guard.Decision{Package: "totp", Action: action, Subject: subject}
	if err != nil {
		return d.Deny(ctx, err)
	}
	d.Outcome = guard.Allowed
	d.ReportTo(ctx)
	return nil
}

// NewRecoveryCodes replaces the recovery codes of an account by ten new ones, which are
// shown once. The error is for guard.Refuse, and already reported to Observe: without a
// factor 409 with the code "factor_missing", unless Options.RecoveryAlone is true; 503 if
// the store failed.
func (f *Factors) NewRecoveryCodes(ctx context.Context, subject string) ([]string, error) {
	codes, digests := newRecovery()
	err := f.update(ctx, subject, func(rec *record) error {
		if rec.active == nil && !f.opts.RecoveryAlone {
			return conflict("factor_missing", "The account has no second factor", errNoFactor)
		}
		rec.recovery = digests
		return nil
	})
	if err = f.concludeIn(ctx, "recovery codes", subject, err); err != nil {
		return nil, err
	}
	return codes, nil
}

// Unlock clears the count of an account's wrong codes, and the lock of its factor: after a reset
// of the password by mail, a sign-in with a passkey, or by order of an operator. The
// failures of addresses stay. The error is for guard.Refuse, and already reported to
// Observe: 503 if the store of Options.Attempts failed.
func (f *Factors) Unlock(ctx context.Context, subject string) error {
	err := checkSubject(subject)
	if err == nil {
		err = f.codes.Reset(ctx, subject)
	}
	return f.concludeIn(ctx, "unlock", subject, err)
}

// Reseal seals the record of an account with the key, if one of OldKeys sealed it. Call it
// for each account before you drop an old key: a record that no key opens is lost.
// resealed is false for an account without a record, and for one that the key has sealed:
// a call may be repeated. An error is 503 if the store failed, and 500 if the record does
// not open.
func (f *Factors) Reseal(ctx context.Context, subject string) (resealed bool, err error) {
	for range maxSwaps {
		rec, err := f.load(ctx, subject)
		if err != nil || !rec.stale {
			return false, err
		}
		if swapped, err := f.swap(ctx, subject, rec); swapped || err != nil {
			return swapped, err
		}
	}
	return false, guard.Unavailable(errContend)
}

// Import gives an account without a factor the secret, of 10 to 64 bytes, that another
// program gave it: authenticators work as before. Codes have Options.Digits digits. The
// account has no recovery codes until NewRecoveryCodes. An account that has a factor is
// refused, so that an import can be repeated: 409 with the code "factor_exists".
func (f *Factors) Import(ctx context.Context, subject string, secret guard.Secret) error {
	imported := newFactor(f.opts.Digits, f.opts.Now())
	imported.secret = slices.Clone(secret)
	var err error
	if len(secret) < 10 || len(secret) > maxSecret {
		err = fmt.Errorf("totp: Import of a secret of %d bytes, want 10 to %d", len(secret), maxSecret)
	} else if wiring.IsZero(secret) {
		err = errors.New("totp: Import of a secret that has zeros only: it was never filled")
	} else {
		err = f.update(ctx, subject, func(rec *record) error {
			if rec.active != nil {
				return conflict("factor_exists", "The account has a second factor", nil)
			}
			rec.active = imported
			return nil
		})
	}
	return f.concludeIn(ctx, "import", subject, err)
}
