package refresh

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// StartOptions holds what a login has besides its subject.
type StartOptions[C any] struct {
	// Claims are the private claims of the first access token. If nil, reload is
	// called for them.
	Claims *C
	// Login is of this login alone, such as the tenant, the device, amr or
	// auth_time. It is stored with the token family, as JSON of at most MaxLogin
	// bytes, never in a token, and passed to reload at each refresh. There it is as
	// encoding/json decodes it, except that a number is a [json.Number]: an int64 is
	// exact. If empty, reload gets nil, and no refresh has to load it.
	Login map[string]any
	// Epoch is the subject's credential epoch, as it was before the password or
	// another credential was verified: see [Options].Epoch. It is required if that is
	// set, and an error if it is not.
	Epoch *int64
	// Ref lets [Refresher.RevokeRef] find the login by the name that another system has
	// for it, such as the sid of an identity provider. If there are several systems, begin
	// it with the name of the system: otherwise one can end the logins of another. It has
	// at most 255 bytes. If empty, there is none.
	Ref string
	// JKT binds the login to a DPoP key by its thumbprint, which [Proofs].Key returns: its
	// access tokens have it in cnf, and its refresh tokens are refused without a proof by
	// the key, as RFC 9449, section 5, requires for public clients. Claims must have no
	// cnf. If empty, the login is bound to none.
	JKT string
}

const (
	maxRef = 255
	// refGrace is for how long Start refuses a Ref that has ended: longer than a login is
	// under way.
	refGrace = time.Hour
)

// Start begins a login: it returns the first pair of a new family. The caller
// has authenticated the subject, a text of 1 to 1024 bytes; opts may be nil. A
// subject that reload does not find is refused with 401. So are one whose epoch is not
// StartOptions.Epoch, and a Ref that RevokeRef has ended within the hour, with the code
// "signin_ended". A Login that cannot be stored, a Ref that is too long, and a JKT that
// is no thumbprint are an error. The outcome is reported to guard.Observe with the
// action "sign-in"; guard.Refuse does not report the error again.
func (r *Refresher[C]) Start(ctx context.Context, subject string, opts *StartOptions[C]) (*jwtauth.Tokens, error) {
	var o StartOptions[C]
	if opts != nil {
		o = *opts
	}
	tokens, err := r.start(ctx, subject, o)
	return tokens, report(ctx, decision("sign-in", subject), err)
}

func (r *Refresher[C]) start(ctx context.Context, subject string, o StartOptions[C]) (*jwtauth.Tokens, error) {
	login, err := encodeLogin(o.Login)
	if len(o.Ref) > maxRef {
		err = errors.Join(err, fmt.Errorf("refresh: a Ref of %d bytes, want at most %d", len(o.Ref), maxRef))
	}
	key, err2 := decodeKey(o.JKT)
	if err := errors.Join(checkSubject(subject), err, err2, r.checkEpochOption(o.Epoch)); err != nil {
		return nil, err
	}
	claims, err := r.firstClaims(ctx, subject, o.Claims, login)
	if err != nil {
		return nil, err
	}
	now := r.now()
	t := token{expires: now.Add(r.opts.Lifetime).Truncate(time.Second), generation: 1, hasLogin: login != "", bound: o.JKT != "", key: key, subject: subject}
	_, _ = rand.Read(t.id[:]) // never fails
	access, kind, lifetime, err := r.issuer.Sign(subject, claims, t.familyID(), t.jkt(), t.expires)
	if err != nil {
		return nil, err
	}
	ref := o.Ref
	if ref != "" {
		ref = r.scope + ref
	}
	if err := r.insert(ctx, Family{
		Subject: r.scope + subject, ID: t.familyID(), Started: now, Login: login, Ref: ref,
		// The Store lists an expired family as long as a Verifier may accept its last
		// access token. The refresh token has expired before.
		Expires: t.expires.Add(jwtauth.MaxLeeway + storeTimeout),
	}, subject, o.Epoch); err != nil {
		return nil, err
	}
	return r.pair(access, kind, lifetime, t), nil
}

// firstClaims returns the claims of a new login. reload gets its Login as it will
// get it at each refresh.
func (r *Refresher[C]) firstClaims(ctx context.Context, subject string, given *C, login string) (C, error) {
	if given != nil {
		return *given, nil
	}
	decoded, err := decodeLogin(login)
	if err != nil {
		return *new(C), err
	}
	claims, found, err := r.reload(ctx, subject, decoded)
	return guard.Resolve(claims, found, err, r.refuseStart())
}

// insert stores a family, even if the client disconnects. If the login fails, the
// family is ended: left in the store, it would end another family at the next attempt.
// No client has a token of it.
func (r *Refresher[C]) insert(ctx context.Context, f Family, subject string, epoch *int64) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	f.ListedUntil = r.accessEnd(f.Started)
	ended, err := r.opts.Store.Start(ctx, f)
	denied := r.denyReplaced(ctx, f.Started, ended)
	switch {
	case denied != nil:
		err = denied
	case errors.Is(err, ErrEnded):
		err = r.refuseStale(errRefEnded)
	case err != nil: // it may have inserted the family: the answer was lost, or it could not end another one
		err = guard.Unavailable(err)
	default:
		err = r.checkEpoch(ctx, subject, epoch)
	}
	if err != nil {
		_ = r.opts.Store.Revoke(ctx, f.Subject, f.ListedUntil, f.ID)
	}
	return err
}

// denyReplaced denies the access tokens of the families that the store ended for a
// new one, which was made at started.
func (r *Refresher[C]) denyReplaced(ctx context.Context, started time.Time, ended []Family) error {
	for _, e := range ended {
		subject, sameScope := strings.CutPrefix(e.Subject, r.scope)
		if !sameScope { // of another Refresher
			subject = ""
		}
		if err := r.deny(ctx, started, subject, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// checkEpochOption refuses a login that nothing would check.
func (r *Refresher[C]) checkEpochOption(epoch *int64) error {
	switch {
	case epoch == nil && r.opts.Epoch != nil:
		return errors.New("refresh: Start needs StartOptions.Epoch, since Options.Epoch is set")
	case epoch != nil && r.opts.Epoch == nil:
		return errors.New("refresh: StartOptions.Epoch without Options.Epoch")
	}
	return nil
}

// checkEpoch refuses a login whose subject has another epoch now. The family is in
// the store already: if the epoch moves after this, RevokeSubject, which comes after
// that, finds the family.
func (r *Refresher[C]) checkEpoch(ctx context.Context, subject string, epoch *int64) error {
	if epoch == nil {
		return nil
	}
	now, err := r.opts.Epoch(ctx, subject)
	switch {
	case err != nil:
		return guard.Unavailable(fmt.Errorf("refresh: the credential epoch: %w", err))
	case now != *epoch:
		return r.refuseStale(errMoved)
	}
	return nil
}

// encodeLogin returns a Login as it is stored, "" if there is none.
func encodeLogin(login map[string]any) (string, error) {
	if len(login) == 0 {
		return "", nil
	}
	text, err := json.Marshal(login)
	if err != nil {
		return "", fmt.Errorf("refresh: Login: %w", err)
	}
	// encoding/json writes U+FFFD in place of invalid bytes, and a RawMessage as it is.
	if replaced(login, text) || !utf8.Valid(text) {
		return "", errors.New("refresh: Login is not valid UTF-8")
	}
	if len(text) > MaxLogin {
		return "", fmt.Errorf("refresh: Login has %d bytes as JSON, and the limit is %d", len(text), MaxLogin)
	}
	return string(text), nil
}

// decodeLogin is the reverse of encodeLogin. Numbers stay exact.
func decodeLogin(text string) (login map[string]any, err error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&login); err != nil {
		return nil, fmt.Errorf("refresh: the store returned a Login that is not JSON: %w", err)
	}
	return login, nil
}
