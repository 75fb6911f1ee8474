package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard"
)

// LoginOptions holds what has a safe default. The zero value is the strictest.
type LoginOptions struct {
	// Address limits the failures of one address (IPv6: of one /64), over all
	// accounts. If zero, 5 in 15 minutes. Its name, if empty, is
	// "login-address".
	Address Limit
	// Account limits the failures on one account, over all addresses. If zero,
	// 10 in an hour. An attacker who knows the name of an account can use these
	// up, and then its owner waits too. Its name, if empty, is "login-account".
	Account Limit
	// Strikes are further limits per account, over longer windows: they lengthen
	// the wait with each strike, for example 15 in 4 hours and 20 a day after 10
	// in an hour. Each needs a name.
	Strikes []Limit
	// Normalize maps all spellings of an account to one. A spelling that it
	// misses has separate failures. If nil, surrounding spaces and letter case
	// are ignored. The collation of a database may ignore more, such as accents.
	Normalize func(account string) string

	// Store has the counts. If nil, they are in this process's memory. The
	// limits of logins that share a store need different names.
	Store Store
	// Secret, of at least 16 bytes, keys the hash of addresses and accounts in a
	// Store other than *Memory, which requires it. Processes that share a store
	// need the same secret.
	Secret []byte
	// OnFailure selects what happens while the store fails. By default, an
	// in-memory Fallback: logins go on, and this process counts by itself. An
	// outage is reported as by [Options].OnFailure: its first decision is
	// guard.Failed.
	OnFailure Failure
	// Timeout bounds each call of a Store other than *Memory. A call that takes
	// longer has failed. If 0, 50 ms.
	Timeout time.Duration

	// Message is the sentence of a refusal. If empty, "Too many login attempts.
	// Try again later."
	Message string
	// Now is the clock of in-memory counts and of the time between calls of a
	// store that fails; if nil, time.Now.
	Now func() time.Time
}

// A Login limits failed login attempts. An attempt counts from before its password
// is checked until it has succeeded. So parallel guesses cannot all pass, and an
// attempt that ends in a panic, a disconnect or a form that answers 200 is a
// failure. It follows that right logins may be refused if more of them than the
// quota of an address come from it at the same instant. It is safe for use by
// several goroutines.
type Login struct {
	opts    LoginOptions
	ip      Key
	limits  []demand // the first is per address, the others per account
	backend *backend
}

// NewLogin returns a limiter for logins, by address and by account; ip is a
// function of package clientip, and opts may be nil. Its error reports every
// mistake.
func NewLogin(ip func(*http.Request) (netip.Addr, error), opts *LoginOptions) (*Login, error) {
	l := &Login{}
	if opts != nil {
		l.opts = *opts
	}
	o := &l.opts
	var errs []error
	if ip == nil {
		errs = append(errs, errors.New("ratelimit: the address function is nil"))
	} else {
		l.ip = ByIP(ip)
	}
	address := loginLimit(o.Address, "login-address", 5, 15*time.Minute)
	account := loginLimit(o.Account, "login-account", 10, time.Hour)
	all, err := compile(append([]Limit{address, account}, o.Strikes...))
	errs = append(errs, err)
	l.limits = all
	if o.Normalize == nil {
		o.Normalize = func(s string) string { return strings.ToLower(strings.ToUpper(strings.TrimSpace(s))) } // ſ equals s, as in strings.EqualFold
	}
	if o.Message == "" {
		o.Message = "Too many login attempts. Try again later."
	}
	l.backend, err = loginBackend(o)
	errs = append(errs, err)
	o.Strikes, o.Secret = nil, nil
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return l, nil
}

func loginLimit(l Limit, name string, quota int, window time.Duration) Limit {
	if l == (Limit{}) {
		l = Limit{Quota: quota, Window: window}
	}
	if l.Name == "" {
		l.Name = name
	}
	return l
}

func loginBackend(o *LoginOptions) (*backend, error) {
	if _, ok := o.Store.(*Memory); o.Store != nil && !ok && o.Secret == nil {
		return nil, fmt.Errorf("ratelimit: logins in a %T need a Secret of at least %d bytes", o.Store, minSecret)
	}
	failure := o.OnFailure
	if failure.mode == byDefault {
		m, err := NewMemory(&MemoryOptions{Now: o.Now})
		if err != nil {
			return nil, err
		}
		failure = Fallback(m)
	}
	return newBackend(&Options{Store: o.Store, Secret: o.Secret, OnFailure: failure, Timeout: o.Timeout, Now: o.Now}, true)
}

// An Attempt is a login attempt. It has failed unless Succeed is called.
type Attempt struct {
	login      *Login
	taken      []Taken
	inFallback bool // OnFailure granted it, not the store
	done       atomic.Bool
}

// Attempt counts a login attempt on an account before the password is checked,
// whether or not the account exists. Its error is for guard.Refuse: 429 if the
// address or the account has used up its failures, and then nothing is taken; 400
// for an empty account or an unclear address; 503 if the store failed. It is
// already reported to Observe, and belongs to the caller.
func (l *Login) Attempt(r *http.Request, account string) (*Attempt, error) {
	d := guard.Decision{Package: "ratelimit", Guard: "login", Cost: 1, Pattern: r.Pattern}
	a, res, from, err := l.attempt(r, account)
	if res.Limit != "" { // the take was answered
		d.Guard, d.RetryAfter, d.Reason = res.Limit, res.RetryAfter, l.backend.reason(from)
		if from.begins {
			l.backend.failedDecision(d.Guard, d.Cost, from).Report(r)
		}
	}
	if err != nil {
		return nil, d.Deny(r.Context(), err)
	}
	if !from.begins {
		d.Outcome, d.Err = guard.Allowed, from.failure
		d.Report(r)
	}
	return a, nil
}

func (l *Login) attempt(r *http.Request, account string) (*Attempt, Result, source, error) {
	address, err := l.ip(r)
	if err != nil {
		return nil, Result{}, source{}, err
	}
	demands, err := l.demands(account)
	if err != nil {
		return nil, Result{}, source{}, err
	}
	demands[0].key = address
	states := make([]State, len(demands))
	from, err := l.backend.take(r.Context(), demands, states)
	if err != nil {
		return nil, Result{}, from, err
	}
	res := resultOf(demands, states, from.failure)
	if !res.OK {
		return nil, res, from, tooMany("login_limited", l.opts.Message, res.RetryAfter, fmt.Errorf("ratelimit: the quota of %q is used up", res.Limit))
	}
	a := &Attempt{login: l, inFallback: from.failure != nil}
	for i := range demands {
		a.taken = append(a.taken, Taken{Take: demands[i].take(), Stamp: states[i].Stamp, All: i > 0})
	}
	return a, res, from, nil
}

// demands returns the demands of an attempt on the account. The first is for the
// address, and the caller sets its key.
func (l *Login) demands(account string) ([]demand, error) {
	if account = l.opts.Normalize(account); account == "" {
		return nil, badRequest("account_missing", "The account is missing", errEmptyKey)
	}
	demands := slices.Clone(l.limits)
	for i := range demands {
		demands[i].key, demands[i].cost = account, 1
	}
	return demands, nil
}

// Succeed reports that the password was right: it gives this attempt, and no
// other one, back to the address, and undoes all failures of the account. Only
// the first call has an effect, also after the client has disconnected. An error
// means that the store failed and that the attempt still counts; the login may go
// on.
func (a *Attempt) Succeed(ctx context.Context) error {
	if a == nil || a.done.Swap(true) {
		return nil
	}
	b := a.login.backend
	if a.inFallback {
		if b.failure.mode != fallBack {
			return nil // nothing was taken
		}
		// The account may have failures in the store from before the outage. If
		// the store is still down they stay, which is no error of this login.
		_ = b.giveBack(ctx, a.taken[1:])
		return b.fallback.giveBack(ctx, a.taken)
	}
	err := b.giveBack(ctx, a.taken)
	if b.fallback != nil {
		err = errors.Join(err, b.fallback.giveBack(ctx, a.taken[1:]))
	}
	return err
}

// Reset undoes the failures on an account, in any spelling that Attempt accepts:
// after a password reset, or by order of an operator. The failures of addresses
// stay. Its error is for guard.Refuse: 400 for an empty account, and 503 if the
// store failed; then the failures still count.
func (l *Login) Reset(ctx context.Context, account string) error {
	demands, err := l.demands(account)
	if err != nil {
		return err
	}
	return l.backend.reset(ctx, demands[1:])
}
