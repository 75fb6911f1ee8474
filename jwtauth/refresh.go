package jwtauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-guard/guard"
)

// RefreshOptions holds what has a safe default. NoGrace alone is stricter than
// its zero value, which allows what browsers do.
type RefreshOptions struct {
	// Lifetime is how long a login lasts, however often it is refreshed, up
	// to ten years; no access token of it lives longer. If 0, it is 30 days.
	Lifetime time.Duration
	// Idle is how long a login lasts without being refreshed: not less than
	// an access token, nor more than Lifetime. If 0, it is 14 days, or
	// Lifetime if that is shorter.
	Idle time.Duration
	// Grace is for how long a token that was used yields the same successor
	// again, as long as that is unused: pages refresh twice, answers get
	// lost. Whoever steals a token has this long to use it unnoticed. If 0,
	// it is 10 s; it is at most MaxGrace.
	Grace time.Duration
	// NoGrace is for no grace at all: every second use ends the login, also
	// that of a client, or of a store's driver, that lost an answer and tries
	// again.
	NoGrace bool
	// Store keeps the families. If nil, they are in the memory of this
	// process. Where several processes share a Store, they need to share the
	// Issuer's Denylist, too.
	Store RefreshStore
	// Key authenticates refresh tokens: at least 32 random bytes. If nil, it
	// is derived from the Issuer's key; then Options.Previous need their
	// private half for old refresh tokens to live on. Refresh tokens are
	// bound to the Issuer's name, audiences and Type as well: a change of
	// these ends all logins.
	Key []byte
	// PreviousKeys are earlier ones of Key, whose tokens are accepted.
	PreviousKeys [][]byte
}

// MaxGrace is the most that RefreshOptions.Grace may be.
const MaxGrace = time.Minute

// A Refresher issues pairs of an access and a refresh token. Each login is a
// family of tokens: a refresh token can be used once, for the next pair. One
// that is used again was stolen, from the client or by it: the family ends, its
// access tokens are denied, and guard.Observe is told, with a [ReuseError]. It
// is safe for use by several goroutines.
type Refresher[C any] struct {
	issuer *Issuer[C]
	reload func(ctx context.Context, subject string) (C, bool, error)
	o      RefreshOptions
	keys   refreshKeys
}

// NewRefresher refreshes logins whose access tokens are issuer's. reload is
// asked at every login and refresh for the claims of a subject, so that a
// changed role is in the next token; where it does not find the subject, who
// may have been deleted or disabled, the login ends. Its error lists every
// mistake.
func NewRefresher[C any](issuer *Issuer[C], reload func(ctx context.Context, subject string) (claims C, found bool, err error), opts *RefreshOptions) (*Refresher[C], error) {
	if issuer == nil || reload == nil {
		return nil, errors.New("jwtauth: a Refresher needs an Issuer and a function to reload claims")
	}
	var o RefreshOptions
	if opts != nil {
		o = *opts
	}
	r := &Refresher[C]{issuer: issuer, reload: reload}
	err := o.complete(issuer.opts.Lifetime)
	secrets, err2 := slices.Concat([][]byte{o.Key}, o.PreviousKeys), error(nil)
	if o.Key == nil {
		secrets, err2 = refreshSecrets(issuer.opts.Previous)
		secrets = append(secrets, o.PreviousKeys...)
	}
	keys, err3 := newRefreshKeys(secrets, &issuer.opts)
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, err
	}
	r.o, r.keys = o, keys
	r.o.Key, r.o.PreviousKeys = nil, nil // derived ones are enough
	return r, nil
}

// complete sets defaults and reports mistakes.
func (o *RefreshOptions) complete(access time.Duration) error {
	var errs []error
	if o.Lifetime == 0 {
		o.Lifetime = 30 * 24 * time.Hour
	}
	if o.Idle == 0 {
		o.Idle = min(14*24*time.Hour, o.Lifetime)
	}
	switch {
	case o.Grace != 0 && o.NoGrace:
		errs = append(errs, errors.New("jwtauth: both Grace and NoGrace"))
	case o.Grace < 0 || o.Grace > MaxGrace:
		errs = append(errs, fmt.Errorf("jwtauth: Grace %v is not within 0 and %v", o.Grace, MaxGrace))
	case o.Grace == 0 && !o.NoGrace:
		o.Grace = 10 * time.Second
	}
	if o.Idle < access {
		errs = append(errs, fmt.Errorf("jwtauth: a login that lasts %v idle cannot be refreshed: access tokens live %v", o.Idle, access))
	}
	if o.Lifetime < o.Idle {
		errs = append(errs, fmt.Errorf("jwtauth: Idle %v is longer than Lifetime %v", o.Idle, o.Lifetime))
	}
	if o.Lifetime > 10*366*24*time.Hour {
		errs = append(errs, fmt.Errorf("jwtauth: Lifetime %v is above ten years", o.Lifetime))
	}
	o.Grace, o.Idle = o.Grace.Truncate(time.Millisecond), o.Idle.Truncate(time.Millisecond)
	if o.Store == nil {
		o.Store = NewRefreshMemory(nil)
	}
	return errors.Join(errs...)
}

// Start is a login: it returns the first pair of a new family. The caller has
// authenticated the subject. That reload does not find it is a 401.
func (r *Refresher[C]) Start(ctx context.Context, subject string) (*Tokens, error) {
	if err := checkRefreshSubject(subject); err != nil {
		return nil, err
	}
	claims, found, err := r.reload(ctx, subject)
	claims, err = guard.Resolve(claims, found, err, r.refuse(errNoLogin))
	if err != nil {
		return nil, err
	}
	now := r.now()
	t := refreshToken{expires: now.Add(r.o.Lifetime).Truncate(time.Second), generation: 1, subject: subject}
	_, _ = rand.Read(t.id[:]) // never fails
	tokens, err := r.issuer.issue(subject, claims, t.family(), t.expires)
	if err != nil {
		return nil, err
	}
	if err := r.start(ctx, Family{subject, t.family(), now, t.expires}); err != nil {
		return nil, err
	}
	tokens.RefreshToken = r.keys.seal(t)
	return tokens, nil
}

// start keeps a family, and denies the access tokens of those that ended for
// it, also where the client hangs up. Where that fails the login does, too, and
// does not stay to push out another at the next try.
func (r *Refresher[C]) start(ctx context.Context, f Family) error {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	ended, err := r.o.Store.Start(ctx, f)
	if err != nil {
		return guard.Unavailable(err)
	}
	if err := r.deny(ctx, f.Started, ended...); err != nil {
		_ = r.o.Store.Revoke(ctx, f.Subject, f.ID) // whose tokens nobody was given
		return err
	}
	return nil
}

// Refresh uses a refresh token for the next pair. A token that cannot be used
// is a 401, "Invalid refresh token". It reports to guard.Observe.
func (r *Refresher[C]) Refresh(ctx context.Context, token string) (*Tokens, error) {
	tokens, err := r.refresh(ctx, token)
	decision("refresh", err).ReportTo(ctx)
	return tokens, err
}

func (r *Refresher[C]) refresh(ctx context.Context, token string) (*Tokens, error) {
	t, ok := r.keys.open(token)
	switch {
	case !ok:
		return nil, r.refuse(errForged)
	case !r.now().Before(t.expires):
		return nil, r.refuse(errLoginExpired)
	}
	// All that can fail comes before the step that uses the token up: after an
	// outage, the client has its token still.
	claims, found, err := r.reload(ctx, t.subject)
	if err == nil && !found {
		if err := r.end(ctx, t.subject, t.family(), r.now()); err != nil {
			return nil, err
		}
		return nil, r.refuse(errSubjectUnknown)
	}
	if claims, err = guard.Resolve(claims, found, err, nil); err != nil {
		return nil, err
	}
	if !r.now().Before(t.expires) { // while reload ran
		return nil, r.refuse(errLoginExpired)
	}
	tokens, err := r.issuer.issue(t.subject, claims, t.family(), t.expires)
	if err != nil {
		return nil, err
	}
	result, err := r.rotate(ctx, t)
	switch {
	case err != nil:
		return nil, guard.Unavailable(err)
	case result == Rotated || result == Repeated:
		t.generation++
		tokens.RefreshToken = r.keys.seal(t)
		return tokens, nil
	}
	refusal := r.refuse(errNoFamily)
	if result == Reused {
		refusal = r.refuse(&ReuseError{t.subject, t.family()})
	}
	// Also where the family is gone: an earlier attempt to deny may have failed.
	if err := r.deny(ctx, r.now(), t.family()); err != nil {
		if result == Reused { // which nobody will learn again
			decision("refresh", refusal).ReportTo(ctx)
		}
		return nil, err
	}
	return nil, refusal
}

// rotate uses t up. A client that hangs up meanwhile loses the answer, and must
// not have it lost to us.
func (r *Refresher[C]) rotate(ctx context.Context, t refreshToken) (RotationResult, error) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	return r.o.Store.Rotate(ctx, Rotation{t.subject, t.family(), int64(t.generation), r.now(), r.o.Grace, r.o.Idle})
}

// Revoke is a logout: it ends the family of a subject's refresh token, used or
// not, and denies its access tokens. A token that is no refresh token or
// somebody else's is a 400, "Invalid token", and ends nothing.
func (r *Refresher[C]) Revoke(ctx context.Context, subject, token string) error {
	_, err := r.revoke(ctx, subject, token, r.now())
	decision("logout", err).ReportTo(ctx)
	return err
}

// revoke is Revoke where an access token of the family may live until alive.
func (r *Refresher[C]) revoke(ctx context.Context, subject, token string, alive time.Time) (sid string, err error) {
	t, ok := r.keys.open(token)
	switch {
	case !ok:
		err = badLogout(errForged)
	case t.subject != subject:
		err = badLogout(errForeign)
	default:
		err = r.end(ctx, subject, t.family(), alive)
	}
	return t.family(), err
}

// RevokeSubject ends all logins of a subject and denies their access tokens,
// such as after a changed password. If it fails, some may live on: try again.
func (r *Refresher[C]) RevokeSubject(ctx context.Context, subject string) error {
	err := r.endAll(ctx, subject, "")
	decision("logout everywhere", err).ReportTo(ctx)
	return err
}

// endAll denies the families of a subject first and ends them then: what fails
// is found again by who tries again. That may need the access token of the
// family own, which its caller denies last.
func (r *Refresher[C]) endAll(ctx context.Context, subject, own string) error {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	ids, err := r.o.Store.Families(ctx, subject)
	if err != nil {
		return guard.Unavailable(err)
	}
	if err := r.deny(ctx, r.now(), without(ids, own)...); err != nil {
		return err
	}
	if err := r.o.Store.Revoke(ctx, subject, ids...); err != nil {
		return guard.Unavailable(err)
	}
	return nil
}

func without(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(have string) bool { return have == id })
}

// end ends a family first and denies its access tokens then: its id is in the
// refresh token, and where the second fails the client still has an access token
// to try again with.
func (r *Refresher[C]) end(ctx context.Context, subject, id string, alive time.Time) error {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	if err := r.o.Store.Revoke(ctx, subject, id); err != nil {
		return guard.Unavailable(err)
	}
	return r.deny(ctx, alive, id)
}

// deny refuses the access tokens of families for as long as there may be any:
// such as are issued now, and one that lives until alive, which is longer where
// Options.Lifetime was shortened.
func (r *Refresher[C]) deny(ctx context.Context, alive time.Time, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := unhurried(ctx)
	defer cancel()
	until := r.now().Add(r.issuer.opts.Lifetime)
	if alive.After(until) {
		until = alive
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = DeniedSession(r.issuer.opts.Issuer, id)
	}
	if err := r.issuer.opts.Denylist.Deny(ctx, until.Add(MaxLeeway), keys...); err != nil {
		return guard.Unavailable(err)
	}
	return nil
}

// unhurried is ctx without its cancellation: a thief must not be able to hang
// up between the two steps of being locked out.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}

func (r *Refresher[C]) now() time.Time { return r.issuer.opts.Now().Truncate(time.Millisecond) }
