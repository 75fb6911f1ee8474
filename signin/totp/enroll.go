package totp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard"
)

// enrollFor is how long an enrollment waits for its first code.
const enrollFor = time.Hour

var (
	errNoEnrollment = errors.New("totp: no enrollment is pending, or it is older than an hour")
	errNoFactor     = errors.New("totp: the account has no second factor")
)

// conflict is a 409: the account is not in the state that the request needs.
func conflict(code, message string, cause error) error {
	return &guard.Error{Status: http.StatusConflict, Code: code, Message: message, Err: cause}
}

// Enroll makes a new secret for an account. account is what authenticators show beside
// the issuer, such as the e-mail address: 1 to 255 bytes of text, in which they show a
// colon as "_", since the format of the URI has none. Until [Factors.Confirm] no
// sign-in requires the new secret, and a factor that the account has is unchanged. A second
// Enroll replaces the first.
//
// Call it for someone who signed in recently, with the second factor if the account has one:
// see stepup.FactorIfEnrolled. Otherwise a password is enough to replace the factor. Its
// error is for guard.Refuse: 503 if the store failed.
func (f *Factors) Enroll(ctx context.Context, subject, account string) (*Enrollment, error) {
	d := guard.Decision{Package: "totp", Action: "enroll", Subject: subject}
	if !isLabel(account, 255) {
		return nil, d.Deny(ctx, errors.New("totp: the account to show is not 1 to 255 bytes of text"))
	}
	pending := newFactor(f.opts.Digits, f.opts.Now())
	err := f.update(ctx, subject, func(rec *record) error {
		rec.pending = pending
		return nil
	})
	if err != nil {
		return nil, d.Deny(ctx, err)
	}
	d.Outcome = guard.Allowed
	d.ReportTo(ctx)
	return newEnrollment(f.issuer, account, pending), nil
}

// Confirm completes an enrollment of the last hour by its first code, which it spends. The
// new secret replaces an old one. Confirm returns ten recovery codes, which replace the old
// ones: show them to the owner, since they cannot be read again.
//
// Its error is for guard.Refuse, and already reported to Observe: those of
// [Factors.Verify], and 409 with the code "enrollment_missing" if none is pending.
func (f *Factors) Confirm(r *http.Request, subject, code string) (recoveryCodes []string, err error) {
	d := guard.Decision{Package: "totp", Guard: "code", Action: "confirm", Subject: subject, Pattern: r.Pattern}
	if err := checkSubject(subject); err != nil {
		return nil, conclude(r, d, err)
	}
	code, k := parse(code)
	err = f.attempt(r, f.recovery, subject, &d, func(ctx context.Context) (err error) { // not limited by the lock of an old one
		if k != oneTime {
			return errMalformed
		}
		recoveryCodes, err = f.confirm(ctx, subject, code)
		return err
	})
	if err = conclude(r, d, err); err != nil {
		return nil, err
	}
	return recoveryCodes, nil
}

func (f *Factors) confirm(ctx context.Context, subject, code string) ([]string, error) {
	now := f.opts.Now()
	rec, err := f.load(ctx, subject)
	if err != nil {
		return nil, err
	}
	pending := rec.pending
	missing := conflict("enrollment_missing", "No enrollment is pending. Start again.", errNoEnrollment)
	if pending == nil || now.Sub(pending.since) > enrollFor {
		return nil, missing
	}
	if err := f.spend(ctx, pending, code); err != nil {
		return nil, err
	}
	codes, digests := newRecovery()
	return codes, f.update(ctx, subject, func(rec *record) error {
		if rec.pending == nil || rec.pending.id != pending.id {
			return missing // another enrollment began meanwhile
		}
		confirmed := *pending
		confirmed.since = now
		rec.active, rec.pending, rec.recovery = &confirmed, nil, digests
		return nil
	})
}
