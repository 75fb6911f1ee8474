package refresh

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// Refresh uses a refresh token and returns the next pair. A token that cannot be
// used is refused with 401, "Invalid refresh token"; the Code is
// refresh_token_expired for a genuine token whose login has reached its lifetime,
// and otherwise refresh_token_invalid. The outcome is reported to guard.Observe with
// the action "refresh", and with the subject unless the token is forged;
// guard.Refuse does not report the error again. A token that is bound to a key is
// refused: see [Refresher.RefreshHandler].
func (r *Refresher[C]) Refresh(ctx context.Context, refreshToken string) (*jwtauth.Tokens, error) {
	tokens, subject, err := r.refresh(ctx, refreshToken, nil)
	return tokens, report(ctx, decision("refresh", subject), err)
}

// refresh is Refresh without the report, and returns the subject of a genuine
// token. req has the proof for one that is bound, and may be nil. All that can fail comes
// before the store uses up the token: after an outage, the client can use it again.
func (r *Refresher[C]) refresh(ctx context.Context, refreshToken string, req *http.Request) (_ *jwtauth.Tokens, subject string, err error) {
	t, err := r.open(refreshToken)
	if err == nil && t.bound {
		err = r.checkProof(req, t)
	}
	if err != nil {
		return nil, t.subject, err
	}
	login, err := r.login(ctx, t)
	if err != nil {
		return nil, t.subject, err
	}
	claims, found, err := r.reload(ctx, t.subject, login)
	if err == nil && !found {
		if err := r.end(ctx, t.subject, t.familyID(), r.now()); err != nil {
			return nil, t.subject, err
		}
		return nil, t.subject, r.refuse(errNoSubject)
	}
	if claims, err = guard.Resolve(claims, found, err, nil); err != nil {
		return nil, t.subject, err
	}
	if !r.now().Before(t.expires) { // it expired while reload ran
		return nil, t.subject, r.refuse(errExpired)
	}
	access, kind, lifetime, err := r.issuer.Sign(t.subject, claims, t.familyID(), t.jkt(), t.expires)
	if err != nil {
		return nil, t.subject, err
	}
	if err := r.rotate(ctx, t); err != nil {
		return nil, t.subject, err
	}
	t.generation++
	return r.pair(access, kind, lifetime, t), t.subject, nil
}

// open returns a genuine token that has not expired.
func (r *Refresher[C]) open(refreshToken string) (token, error) {
	t, err := r.keys.open(refreshToken)
	switch {
	case err != nil:
		return t, r.refuse(err)
	case !r.now().Before(t.expires):
		return t, r.refuse(errExpired)
	}
	return t, nil
}

// login returns the Login of a token's family, nil if it has none. If the family
// does not exist, it denies the family's access tokens and returns the refusal.
func (r *Refresher[C]) login(ctx context.Context, t token) (map[string]any, error) {
	if !t.hasLogin {
		return nil, nil
	}
	text, found, err := r.opts.Store.Load(ctx, r.scope+t.subject, t.familyID())
	switch {
	case err != nil:
		return nil, guard.Unavailable(err)
	case !found:
		return nil, r.refuseEnded(ctx, t, errEnded)
	}
	decoded, err := decodeLogin(text)
	if err == nil && decoded == nil { // reload would take it for a login without a tenant
		err = errors.New("refresh: the store returned no Login of a family that has one")
	}
	return decoded, err
}

// rotate uses up a token. If it was used before or its family does not exist, it
// denies the family's access tokens and returns the refusal.
func (r *Refresher[C]) rotate(ctx context.Context, t token) error {
	// A client that disconnects loses the response; we must not lose the result.
	ctx, cancel := detach(ctx)
	defer cancel()
	grace := r.opts.Grace
	if grace > 0 && r.unanswered.has(t) {
		grace = MaxGrace
	}
	now := r.now()
	result, err := r.opts.Store.Rotate(ctx, Rotation{
		Subject: r.scope + t.subject, ID: t.familyID(), Generation: int64(t.generation), Now: now,
		Grace: grace, Idle: r.opts.Idle, ListedUntil: r.accessEnd(now),
	})
	if err != nil {
		r.unanswered.add(t, r.now())
		return guard.Unavailable(err)
	}
	switch result {
	case Rotated, Repeated:
		return nil
	case Superseded:
		return r.refuse(errRepeated)
	case Reused:
		return r.refuseEnded(ctx, t, &ReuseError{t.subject, t.familyID()})
	}
	return r.refuseEnded(ctx, t, errEnded)
}

// refuseEnded refuses a token of a family that has ended, after it denied the
// family's access tokens. It does so whatever ended the family: an earlier attempt
// to deny them may have failed.
func (r *Refresher[C]) refuseEnded(ctx context.Context, t token, reason error) error {
	err := r.deny(ctx, r.now(), t.subject, t.familyID())
	switch {
	case err == nil:
		return r.refuse(reason)
	case reason != errEnded: // later attempts find no family: this is the only report of the reuse
		return unavailable(fmt.Errorf("%w, but its access tokens could not be denied: %w", reason, err))
	}
	return err
}
