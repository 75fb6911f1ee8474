package refresh

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/issue"
	"github.com/go-guard/guard/jwtauth"
)

// A Refresher issues pairs of an access token, with the private claims C, and a
// refresh token. It never changes, and is safe for use by several goroutines.
type Refresher[C any] struct {
	issuer    *issue.Issuer[C]
	verifier  *jwtauth.Verifier[C]
	challenge string
	reload    func(ctx context.Context, subject string) (C, bool, error)
	opts      Options
	keys      macKeys
}

// New returns a Refresher for logins whose access tokens are the issuer's. It
// calls reload at every login and refresh for the claims of a subject, so that
// the next token has a changed role. If reload reports found == false, because
// the subject was deleted or disabled, the login ends. The error of New lists
// every mistake.
func New[C any](issuer *jwtauth.Issuer[C], reload func(ctx context.Context, subject string) (claims C, found bool, err error), opts *Options) (*Refresher[C], error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	var errs []error
	if reload == nil {
		errs = append(errs, errors.New("refresh: New needs a function that reloads claims"))
	}
	if issuer == nil {
		errs = append(errs, errors.New("refresh: New needs an Issuer"), o.complete(0))
		return nil, errors.Join(errs...)
	}
	i := issue.From[C](issuer)
	keys, err := newMACKeys(&o, i.Secrets, append([]string{i.Name, i.Type}, slices.Sorted(slices.Values(i.Audience))...))
	if errs = append(errs, o.complete(i.Lifetime), err); errors.Join(errs...) != nil {
		return nil, errors.Join(errs...)
	}
	o.Key, o.PreviousKeys = nil, nil // the derived keys are enough
	v := issuer.Verifier()
	return &Refresher[C]{issuer: i, verifier: v, challenge: v.Scheme().Challenge, reload: reload, opts: o, keys: keys}, nil
}

// Start begins a login: it returns the first pair of a new family. The caller
// has authenticated the subject, a text of 1 to 1024 bytes. A subject that reload
// does not find is refused with 401. The outcome is reported to guard.Observe with
// the action "sign-in"; guard.Refuse does not report the error again.
func (r *Refresher[C]) Start(ctx context.Context, subject string) (*jwtauth.Tokens, error) {
	tokens, err := r.start(ctx, subject)
	return tokens, report(ctx, decision("sign-in", subject), err)
}

func (r *Refresher[C]) start(ctx context.Context, subject string) (*jwtauth.Tokens, error) {
	if err := checkSubject(subject); err != nil {
		return nil, err
	}
	claims, found, err := r.reload(ctx, subject)
	claims, err = guard.Resolve(claims, found, err, r.refuseStart())
	if err != nil {
		return nil, err
	}
	now := r.now()
	t := token{expires: now.Add(r.opts.Lifetime).Truncate(time.Second), generation: 1, subject: subject}
	_, _ = rand.Read(t.id[:]) // never fails
	access, lifetime, err := r.issuer.Sign(subject, claims, t.familyID(), t.expires)
	if err != nil {
		return nil, err
	}
	if err := r.insert(ctx, Family{subject, t.familyID(), now, t.expires}); err != nil {
		return nil, err
	}
	return &jwtauth.Tokens{AccessToken: access, RefreshToken: r.keys.seal(t), ExpiresIn: lifetime}, nil
}

// insert stores a family and denies the access tokens of the families that the
// store ended for it, even if the client disconnects. If the denial fails, the
// login fails, and the new family is removed: left in the store, it would end
// another family at the next attempt.
func (r *Refresher[C]) insert(ctx context.Context, f Family) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	ended, err := r.opts.Store.Start(ctx, f)
	if err != nil {
		return guard.Unavailable(err)
	}
	if err := r.deny(ctx, f.Started, ended...); err != nil {
		_ = r.opts.Store.Revoke(ctx, f.Subject, f.ID) // no client has a token of it
		return err
	}
	return nil
}

// now returns the time in whole milliseconds, as stores hold it.
func (r *Refresher[C]) now() time.Time { return r.issuer.Now().Truncate(time.Millisecond) }
