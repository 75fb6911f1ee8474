package password

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/ratelimit"
)

// LoginOptions holds what has a safe default, and Attempts.
type LoginOptions[U any] struct {
	// Attempts limits the failures of addresses and accounts. It is required.
	Attempts *ratelimit.Login
	// InsecureUnlimited is for a login that something else limits: without
	// Attempts, passwords can be guessed as fast as they are hashed.
	InsecureUnlimited bool
	// Normalize returns the canonical spelling of an account. Check looks it up in
	// this spelling and passes it to Attempts, so that no spelling of an account is
	// counted separately. If nil, surrounding spaces are removed and letters are in
	// lower case. For names beyond ASCII it may also apply NFC, with
	// golang.org/x/text/unicode/norm. Store accounts in the same spelling. The lookup
	// must not accept more spellings: see NewLogin.
	Normalize func(account string) string
	// Hasher verifies passwords, and makes the new hash of Rehash. If nil, that of
	// [Hash] and [Verify].
	Hasher *Hasher
	// Rehash replaces the hash of an account after a right password, if Hasher would
	// now make another one. It is a compare-and-swap, such as
	// "UPDATE users SET hash = $new WHERE id = $id AND hash = $old", so that it never
	// undoes a change of the password: swapped is false if old is no longer the hash.
	// A failure is reported, and the login succeeds. If nil, hashes stay as they are.
	Rehash func(ctx context.Context, u U, old, new string) (swapped bool, err error)
	// Epoch reads the credential epoch of the account into u, where the lookup does
	// not: u.Epoch, err = sessions.Epoch(ctx, u.ID). Check then verifies that the
	// password is still right after it was read. So a session that is created with
	// session.AtEpoch is refused if all logins were ended while this one was under
	// way. Its failure fails the login. If nil, no epoch is read.
	Epoch func(ctx context.Context, u *U) error
	// Subject returns the subject of u, for Observe. If nil, that of a U that is a
	// guard.Subject.
	Subject func(u U) string
	// Message is the sentence of a refusal. If empty, "Invalid credentials".
	Message string
	// Challenge is the WWW-Authenticate field of a refusal, such as
	// sessions.Scheme().Challenge. If empty, "Bearer", or those of the
	// authentication step in front.
	Challenge string
}

// ErrCredentials is the cause of a refusal by [Login.Check], for a form that shows
// it in place. Its text, for Observe, says whether the account is unknown.
var ErrCredentials = errors.New("password: invalid credentials")

var (
	errUnknown = fmt.Errorf("%w: unknown account", ErrCredentials)
	errWrong   = fmt.Errorf("%w: wrong password", ErrCredentials)
)

// A Login verifies the passwords of accounts whose type is U. It is safe for use by
// several goroutines.
type Login[U any] struct {
	byEmail func(context.Context, string) (U, string, bool, error)
	opts    LoginOptions[U]
}

// NewLogin returns a Login. byEmail returns an account and the hash of its password,
// or found == false; the hash is empty for an account without a password. It must
// compare names exactly: under the default collations of MySQL and MariaDB, "álice" is
// "alice", and each such spelling has separate Attempts; utf8mb4_bin is exact. Any error
// of it is a failure of ours, 5xx: it runs before the password is verified, so that
// a refusal of its own would reveal the account. NewLogin reports every mistake.
func NewLogin[U any](byEmail func(ctx context.Context, email string) (u U, hash string, found bool, err error), opts *LoginOptions[U]) (*Login[U], error) {
	l := &Login[U]{byEmail: byEmail}
	if opts != nil {
		l.opts = *opts
	}
	o := &l.opts
	var errs []error
	if byEmail == nil {
		errs = append(errs, errors.New("password: the lookup of a login is nil"))
	}
	if o.Attempts == nil && !o.InsecureUnlimited {
		errs = append(errs, errors.New("password: a login needs Attempts, or InsecureUnlimited where something else limits it"))
	}
	if o.Attempts != nil && o.InsecureUnlimited {
		errs = append(errs, errors.New("password: a login has Attempts and InsecureUnlimited"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.Normalize == nil {
		o.Normalize = lowerCase
	}
	if o.Hasher == nil {
		o.Hasher = standard()
	}
	if o.Subject == nil {
		o.Subject = subjectOf[U]
	}
	setDefault(&o.Message, "Invalid credentials")
	return l, nil
}

func lowerCase(account string) string { return strings.ToLower(strings.TrimSpace(account)) }

func subjectOf[U any](u U) string {
	if s, ok := any(u).(guard.Subject); ok {
		return s.Sub()
	}
	return ""
}

// Check returns the account with this e-mail, or other name, and this password. It
// counts an attempt, which it gives back if the password is right, and replaces an
// old hash. Its error is for guard.Refuse, and already reported to Observe: 401 with
// the cause ErrCredentials and the code "login_invalid" for a wrong password and,
// after the same time, for an unknown account; those of ratelimit.Login.Attempt, such
// as 429; 503 if too many hashes are running; otherwise the failure of a lookup. After a
// failure of ours the attempt does not count.
//
// A second factor, or whether the account is disabled, is checked after it.
func (l *Login[U]) Check(r *http.Request, email, pw string) (U, error) {
	var zero U
	account := l.opts.Normalize(email)
	var attempt *ratelimit.Attempt
	if l.opts.Attempts != nil {
		var err error
		if attempt, err = l.opts.Attempts.Attempt(r, account); err != nil {
			return zero, err // reported
		}
		defer attempt.Fail(r.Context()) // unless Succeed was first
	}
	d := guard.Decision{Package: "password", Pattern: r.Pattern}
	stored, rehash, err := l.verified(r.Context(), account, pw)
	if stored.found {
		d.Subject = l.opts.Subject(stored.user)
	}
	if err != nil {
		if !errors.Is(err, ErrCredentials) && r.Context().Err() != context.Canceled { // a client that leaves has failed
			l.report(r, d, "attempts", attempt.Withdraw(r.Context()))
		}
		d.Action = "sign-in"
		return zero, d.Deny(r.Context(), l.refusal(err))
	}
	l.report(r, d, "attempts", l.succeed(r.Context(), attempt, account))
	if rehash {
		l.report(r, d, "rehash", l.rehash(r.Context(), stored, pw))
	}
	d.Outcome = guard.Allowed // no action: the sign-in follows, or another factor
	d.Report(r)
	return stored.user, nil
}

// succeed gives an attempt back and undoes the failures of its account. Of several
// accounts that Attempts takes for one, it undoes them for the one whose name is that
// spelling, and gives the others only their attempt back: the failures may be guesses at
// "sarah" while "ſarah" logs in.
func (l *Login[U]) succeed(ctx context.Context, attempt *ratelimit.Attempt, account string) error {
	if attempt != nil && l.opts.Normalize(l.opts.Attempts.Normalize(account)) != account {
		return attempt.Withdraw(ctx)
	}
	return attempt.Succeed(ctx)
}

// report reports a failure that does not fail the login.
func (l *Login[U]) report(r *http.Request, d guard.Decision, what string, err error) {
	if err == nil {
		return
	}
	d.Guard, d.Outcome, d.Err, d.Reason = what, guard.Failed, err, err.Error()
	d.Report(r)
}

// refusal makes the one answer to every wrong credential.
func (l *Login[U]) refusal(err error) error {
	if !errors.Is(err, ErrCredentials) {
		return err
	}
	e := &guard.Error{Status: http.StatusUnauthorized, Code: "login_invalid", Message: l.opts.Message, Err: err}
	if l.opts.Challenge != "" {
		e.Challenges = []string{l.opts.Challenge}
	}
	return e
}

// rehash replaces the hash that pw was verified against.
func (l *Login[U]) rehash(ctx context.Context, stored row[U], pw string) error {
	if l.opts.Rehash == nil || ctx.Err() != nil { // the client has left: the next login does it
		return nil
	}
	hash, err := l.opts.Hasher.Rehash(ctx, pw)
	if err != nil {
		return err
	}
	return wiring.Recovered("password", "Rehash", func() error {
		_, err := l.opts.Rehash(ctx, stored.user, stored.hash, hash)
		return err
	})
}
