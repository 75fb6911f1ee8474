package refresh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-guard/guard"
)

// RevokeRef ends the logins that Start got this StartOptions.Ref for, denies their
// access tokens, and returns how many it ended. For an hour Start refuses this Ref, so
// that no login that was under way survives. If subject is not empty, all of this holds
// for this subject only: a logout that names a session of another subject ends nothing.
//
// It denies the access tokens of logins that have ended before as well, as long as the
// Store lists them. If it fails, some logins may not have ended: call it again. A ref
// that is not 1 to 255 bytes, and a subject that Start would refuse, are an error. The
// outcome is reported to guard.Observe with the action "sign-out" and the guard "logins
// of a ref"; guard.Refuse does not report the error again.
func (r *Refresher[C]) RevokeRef(ctx context.Context, ref, subject string) (int, error) {
	d := decision("sign-out", subject)
	d.Guard = loginsOfRef
	n, err := r.revokeRef(ctx, ref, subject)
	return n, report(ctx, d, err)
}

func (r *Refresher[C]) revokeRef(ctx context.Context, ref, subject string) (int, error) {
	var errs []error
	if ref == "" || len(ref) > maxRef {
		errs = append(errs, fmt.Errorf("refresh: a Ref of %d bytes, want 1 to %d", len(ref), maxRef))
	}
	now := r.now()
	e := RefRevocation{Ref: r.scope + ref, Now: now, Until: now.Add(refGrace), ListedUntil: r.accessEnd(now)}
	if subject != "" {
		errs = append(errs, checkSubject(subject))
		e.Subject = r.scope + subject
	}
	if err := errors.Join(errs...); err != nil {
		return 0, err // a mistake of the program that would go unnoticed
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	listed, ended, err := r.opts.Store.RevokeRef(ctx, e)
	denied := r.denyListed(ctx, listed)
	if err != nil {
		return ended, guard.Unavailable(errors.Join(err, denied))
	}
	return ended, denied
}

// denyListed denies the access tokens of families, those of a subject at once. In the
// order of RevokeRef, no access token is issued after its denial.
func (r *Refresher[C]) denyListed(ctx context.Context, listed []Family) error {
	bySubject := map[string][]string{}
	for _, f := range listed {
		subject := strings.TrimPrefix(f.Subject, r.scope)
		bySubject[subject] = append(bySubject[subject], f.ID)
	}
	for _, subject := range slices.Sorted(maps.Keys(bySubject)) {
		if err := r.deny(ctx, r.now(), subject, bySubject[subject]...); err != nil {
			return err
		}
	}
	return nil
}
