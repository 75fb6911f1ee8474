package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/go-guard/guard"
)

// A Login limits failed login attempts. An attempt counts from before its password
// is checked until it has succeeded. So parallel guesses cannot all pass, and an
// attempt that ends in a panic, a disconnect or a form that answers 200 is a
// failure.
//
// Failures and attempts in flight together never exceed a quota, in all processes
// that share a Store. If an attempt could be granted after those in flight, it waits
// for them, up to 5 seconds; at most 256 wait in a process. Otherwise, or if it waited
// in vain, the refusal has a Retry-After of a second.
//
// It is safe for use by several goroutines.
type Login struct {
	opts    LoginOptions
	ip      Key
	places  []demand // the address's and, for IPv6, the network's
	account []demand // the account's, and the strikes
	device  demand
	flights []demand // the attempts in flight of an address, of a network, and of an account
	backend *backend
	waiting atomic.Int32 // attempts
}

// NewLogin returns a limiter for logins, by address, by network of IPv6 and by
// account; ip is a function of package clientip, and opts may be nil. Addresses count
// as [ByIP] counts them. Its error reports every mistake.
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
	limits, err := o.complete()
	errs = append(errs, err)
	all, err := compile(limits)
	errs = append(errs, err, sameNames(all))
	l.backend, err = loginBackend(o)
	errs = append(errs, err)
	o.Strikes, o.Secret = nil, nil
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	n := len(all) - 4
	l.places, l.account, l.device, l.flights = all[:2], all[2:n], all[n], all[n+1:]
	return l, nil
}

// Reset undoes the failures on an account, in any spelling that Attempt accepts,
// those of its devices too: after a password reset, or by order of an operator.
// The failures of addresses stay. Its error is for guard.Refuse: 400 for an empty
// account, and 503 if the store failed; then failures may still count.
func (l *Login) Reset(ctx context.Context, account string) error {
	account, err := l.normalize(account)
	if err != nil {
		return err
	}
	demands := withKey(l.account, account)
	if l.opts.DeviceOf != nil {
		for i := range MaxDevices {
			demands = append(demands, l.deviceDemand(account, i))
		}
	}
	for part := range slices.Chunk(demands, maxLimits) {
		err = errors.Join(err, l.backend.reset(ctx, part))
	}
	return err
}

// Normalize returns the spelling of an account that is counted. If two accounts of an
// application have one, a right login to either undoes the failures of both: a program
// that distinguishes them calls Succeed for the one with this name, and Withdraw for
// others, as package password does.
func (l *Login) Normalize(account string) string { return l.opts.Normalize(account) }

func (l *Login) normalize(account string) (string, error) {
	if account = l.opts.Normalize(account); account == "" {
		return "", badRequest("account_missing", "The account is missing", errEmptyKey)
	}
	return account, nil
}

// deviceDemand returns the demand of a device. The length of what precedes the
// account in its key is fixed.
func (l *Login) deviceDemand(account string, device int) demand {
	return demand{compiledLimit: l.device.compiledLimit, key: string(rune('0'+device)) + account, cost: 1}
}

// deviceOf returns the demand of the device that made the request, or nil if a
// stranger did.
func (l *Login) deviceOf(r *http.Request, account string) (*demand, error) {
	if l.opts.DeviceOf == nil {
		return nil, nil
	}
	device, found, err := l.opts.DeviceOf(r, account)
	switch {
	case err != nil:
		if e, _ := errors.AsType[*guard.Error](err); e == nil {
			err = fmt.Errorf("ratelimit: DeviceOf: %w", err)
		}
		return nil, err
	case !found:
		return nil, nil
	case device < 0 || device >= MaxDevices:
		return nil, fmt.Errorf("ratelimit: DeviceOf returned %d, which is not from 0 to %d", device, MaxDevices-1)
	}
	d := l.deviceDemand(account, device)
	return &d, nil
}

// withKey returns the demands of an attempt on limits with these keys, of which the
// last is that of all further limits.
func withKey(limits []demand, keys ...string) []demand {
	out := slices.Clone(limits)
	for i := range out {
		out[i].key, out[i].cost = keys[min(i, len(keys)-1)], 1
	}
	return out
}
