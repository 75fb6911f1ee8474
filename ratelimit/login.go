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
	// 10 in an hour. Whoever knows an account's name can use these up, and its
	// owner waits too. Its name, if empty, is "login-account".
	Account Limit
	// Strikes are further limits per account, over longer windows: they lengthen
	// the wait with each strike, as 15 in 4 hours and 20 a day do after 10 in an
	// hour. Each needs a name.
	Strikes []Limit
	// Normalize maps all spellings that the application takes for one account
	// to one: each that it forgets has failures of its own. If nil, spaces
	// around it and letter case do not count. A database's collation may take
	// more for equal, such as accents.
	Normalize func(account string) string

	// Store keeps the counts. If nil, they are kept in this process's memory.
	// The limits of logins that share a store need names that differ.
	Store Store
	// Secret, of at least 16 bytes, keys the hash under which addresses and
	// accounts get to a Store other than *Memory, which requires one. Processes
	// that share a store need the same.
	Secret []byte
	// OnFailure is what happens while the store fails. By default, an in-memory
	// fallback: logins go on, and this process counts by itself.
	OnFailure Failure
	// Timeout is as in Options. If 0, 50 ms.
	Timeout time.Duration

	// Message is the sentence of a refusal. If empty, "Too many login attempts.
	// Try again later."
	Message string
	// Now is the clock of in-memory counts and of timeouts; if nil, time.Now.
	Now func() time.Time
}

// A Login limits attempts to log in that fail. Every attempt counts from
// before its password is checked, until it has succeeded: so that parallel
// guesses cannot all pass, and an attempt that ends in a panic, a disconnect or
// a form that answers 200 is a failure. More logins at the same instant from
// one address than its quota may therefore be refused, right as they are. It is
// safe for use by several goroutines.
type Login struct {
	opts    LoginOptions
	ip      Key
	limits  []want // the first is per address, the others per account
	backend *backend
}

// NewLogin returns a limiter for logins by address, which ip finds out (see
// package clientip), and account; opts may be nil. Its error names everything
// that is wrong.
func NewLogin(ip func(*http.Request) (netip.Addr, error), opts *LoginOptions) (*Login, error) {
	l := &Login{}
	if opts != nil {
		l.opts = *opts
	}
	o := &l.opts
	var errs []error
	if ip == nil {
		errs = append(errs, errors.New("ratelimit: NewLogin without a way to tell addresses"))
	} else {
		l.ip = ByIP(ip)
	}
	address := loginLimit(o.Address, "login-address", 5, 15*time.Minute)
	account := loginLimit(o.Account, "login-account", 10, time.Hour)
	all, err := compiled(append([]Limit{address, account}, o.Strikes...))
	errs = append(errs, err)
	l.limits = all
	if o.Normalize == nil {
		o.Normalize = func(s string) string { return strings.ToLower(strings.ToUpper(strings.TrimSpace(s))) } // ſ is an s, as to strings.EqualFold
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

// An Attempt is one try to log in. It has failed unless Succeed is called.
type Attempt struct {
	login *Login
	taken []Taken
	// inFallback: the fallback granted it, and takes it back.
	inFallback bool
	done       atomic.Bool
}

// Attempt counts a try to log in to an account, known or not, before the
// password is checked. Its error is for guard.Refuse: 429 where the address or
// the account has used up its failures, which then takes nothing; 400 for no
// account and for an address that cannot be told; 503 for a store that failed.
func (l *Login) Attempt(r *http.Request, account string) (*Attempt, error) {
	d := guard.Decision{Package: "ratelimit", Guard: "login", Cost: 1}
	a, res, err := l.attempt(r, account)
	switch {
	case err == nil:
		d.Outcome, d.Reason, d.Err = guard.Allowed, failed(res.Failure), res.Failure
	default:
		d.Outcome, d.Status, d.Reason, d.Err = guard.Failed, http.StatusInternalServerError, err.Error(), err
		if refusal, ok := errors.AsType[*guard.Error](err); ok {
			d.Status = refusal.Status
		}
		if d.Status < 500 {
			d.Outcome = guard.Refused
		}
		d.RetryAfter = res.RetryAfter
	}
	if res.Limit != "" {
		d.Guard = res.Limit
	}
	d.Report(r)
	return a, err
}

func (l *Login) attempt(r *http.Request, account string) (*Attempt, Result, error) {
	address, err := l.ip(r)
	if err != nil {
		return nil, Result{}, err
	}
	wants, err := l.wants(account)
	if err != nil {
		return nil, Result{}, err
	}
	wants[0].key = address
	states := make([]State, len(wants))
	failure, err := l.backend.take(r.Context(), wants, states)
	if err != nil {
		return nil, Result{}, err
	}
	res := resultOf(wants, states, failure)
	if !res.OK {
		return nil, res, tooMany(l.opts.Message, res.RetryAfter, fmt.Errorf("ratelimit: the quota of %q is used up", res.Limit))
	}
	a := &Attempt{login: l, inFallback: failure != nil}
	for i := range wants {
		a.taken = append(a.taken, Taken{Take: wants[i].take(), Stamp: states[i].Stamp, All: i > 0})
	}
	return a, res, nil
}

// wants is what an attempt on the account takes; the first is the address's,
// and still has to get its key.
func (l *Login) wants(account string) ([]want, error) {
	if account = l.opts.Normalize(account); account == "" {
		return nil, badRequest("The account is missing", errEmptyKey)
	}
	wants := slices.Clone(l.limits)
	for i := range wants {
		wants[i].key, wants[i].cost = account, 1
	}
	return wants, nil
}

// Succeed tells that the password was right: the address gets this attempt
// back, and only this one, and the account's failures are forgotten. It works
// once, and also where the client has left. An error means that the store
// failed, and that the attempt still counts; the login may go on.
func (a *Attempt) Succeed(ctx context.Context) error {
	if a == nil || a.done.Swap(true) {
		return nil
	}
	b := a.login.backend
	if a.inFallback {
		if b.failure.mode != fallBack {
			return nil // nothing was taken
		}
		// The account may have failed before the store did. While it does, these
		// failures stay: no reason to tell a right login of an error.
		_ = b.giveBack(ctx, a.taken[1:])
		return b.fallback.giveBack(ctx, a.taken)
	}
	err := b.giveBack(ctx, a.taken)
	if b.fallback != nil {
		err = errors.Join(err, b.fallback.giveBack(ctx, a.taken[1:]))
	}
	return err
}

// Reset forgets the failures on an account, in whatever spelling Attempt takes
// for it: after a password reset, or because an operator says so. Those of
// addresses stay. The error is for guard.Refuse: 400 for no account, and 503
// for a store that failed, in which they still count.
func (l *Login) Reset(ctx context.Context, account string) error {
	wants, err := l.wants(account)
	if err != nil {
		return err
	}
	return l.backend.forget(ctx, wants[1:])
}
