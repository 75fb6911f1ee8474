package refresh

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// Revoke is a logout: it ends the family of a subject's refresh token, used or
// not, and denies its access tokens. A token that is forged or belongs to another
// subject is refused with 400, "Invalid token", refresh_token_invalid, and ends
// nothing. The outcome is reported to guard.Observe with the action "sign-out";
// guard.Refuse does not report the error again.
func (r *Refresher[C]) Revoke(ctx context.Context, subject, refreshToken string) error {
	_, err := r.revoke(ctx, subject, refreshToken, r.now())
	return report(ctx, decision("sign-out", subject), err)
}

// revoke is Revoke without the report. It returns the family's ID. An access
// token of the family may expire as late as accessExpires.
func (r *Refresher[C]) revoke(ctx context.Context, subject, refreshToken string, accessExpires time.Time) (familyID string, err error) {
	t, err := r.keys.open(refreshToken)
	switch {
	case err != nil:
		return "", refuseLogout(err)
	case t.subject != subject:
		return "", refuseLogout(errForeign)
	}
	return t.familyID(), r.end(ctx, subject, t.familyID(), accessExpires)
}

// RevokeSubject ends all logins of a subject and denies their access tokens, for
// example after a change of the password. It denies those of logins that have
// ended as well, as long as the Store lists them. If it fails, some logins may not
// have ended: call it again. A subject that Start would refuse, such as an empty
// one, is an error. The outcome is reported to guard.Observe with the action
// "sign-out" and the guard "all logins"; guard.Refuse does not report the error
// again.
func (r *Refresher[C]) RevokeSubject(ctx context.Context, subject string) error {
	d := decision("sign-out", subject)
	d.Guard = allLogins
	err := checkSubject(subject) // a mistake of the program that would go unnoticed
	if err == nil {
		err = r.endAll(ctx, subject, "")
	}
	return report(ctx, d, err)
}

// endAll ends a subject's families and then denies the access tokens of all that
// are listed: of those that have ended before, an earlier denial may have failed.
// In this order, no access token is issued after its denial. If the denial fails,
// the next attempt finds the families again. It does not deny those of callerID,
// the family of the access token that the caller needs for that attempt. The
// caller denies them last.
func (r *Refresher[C]) endAll(ctx context.Context, subject, callerID string) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	ids, err := r.opts.Store.List(ctx, r.scope+subject)
	if err == nil && len(ids) > 0 {
		err = r.opts.Store.Revoke(ctx, r.scope+subject, r.accessEnd(r.now()), ids...)
	}
	if err != nil {
		return guard.Unavailable(err)
	}
	others := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == callerID })
	return r.deny(ctx, r.now(), subject, others...)
}

// end ends a family and then denies its access tokens: the refresh token holds
// the family's ID, so if the denial fails, the client still has an access token
// to try again with. One of them may expire as late as accessExpires.
func (r *Refresher[C]) end(ctx context.Context, subject, id string, accessExpires time.Time) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	if err := r.opts.Store.Revoke(ctx, r.scope+subject, latest(r.accessEnd(r.now()), accessExpires.Add(jwtauth.MaxLeeway)), id); err != nil {
		return guard.Unavailable(err)
	}
	return r.deny(ctx, accessExpires, subject, id)
}

// deny denies the access tokens of a subject's families until the last one has
// expired: one that was issued before now, or one that expires at accessExpires. The
// latter is later if the lifetime of access tokens was shortened.
func (r *Refresher[C]) deny(ctx context.Context, accessExpires time.Time, subject string, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	denied := make([]string, len(ids))
	for i, id := range ids {
		denied[i] = jwtauth.DeniedSession(r.issuer.Name, id)
	}
	if err := r.issuer.Deny(ctx, latest(r.accessEnd(r.now()), accessExpires.Add(jwtauth.MaxLeeway)), subject, denied...); err != nil {
		return guard.Unavailable(err)
	}
	return nil
}

// accessEnd returns when an access token is certainly refused that is issued until
// the end of a step that begins at now, even if the clock of its Verifier differs by
// MaxLeeway.
func (r *Refresher[C]) accessEnd(now time.Time) time.Time {
	return now.Add(storeTimeout + r.issuer.Lifetime + jwtauth.MaxLeeway)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// denyToken denies an access token that belongs to no login, or to another one than
// what has ended. It is jwtauth.Verifier.Revoke without the report.
func (r *Refresher[C]) denyToken(ctx context.Context, t *jwtauth.Token[C]) error {
	if t.ID == "" {
		return errors.New("refresh: an access token without jti cannot be denied")
	}
	if err := r.issuer.Deny(ctx, t.ExpiresAt.Add(jwtauth.MaxLeeway), r.issuer.Sub(t), jwtauth.DeniedToken(t.Issuer, t.ID)); err != nil {
		return guard.Unavailable(err)
	}
	return nil
}

// storeTimeout bounds the steps that a client cannot cancel, all of them together.
const storeTimeout = 5 * time.Second

type detachedKey struct{}

// detach returns ctx without its cancellation: a thief must not be able to
// disconnect between the steps that end a login. A detached ctx keeps its deadline.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Value(detachedKey{}) != nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithValue(context.WithoutCancel(ctx), detachedKey{}, true), storeTimeout)
}
