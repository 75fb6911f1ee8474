package ratelimit

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard"
)

// LoginOptions holds what has a safe default. The zero value is the strictest. A limit
// of it has a Window, and no Calendar, and is not InFlight.
type LoginOptions struct {
	// Address limits the failures of one address (IPv6: of one /64), over all
	// accounts and devices. If zero but for its Name, 20 in 15 minutes: the people
	// behind one NAT share an address. Its name, if empty, is "login-address".
	Address Limit
	// Network limits the failures of one /48 of IPv6, over all addresses, accounts and
	// devices: a contract may have one, which is 65,536 networks that count as an
	// address each. IPv4 is not limited by it. If zero but for its Name, five times the
	// quota and burst of Address in the same window. Its name, if empty, is
	// "login-network".
	Network Limit
	// Account limits the failures on one account, over all addresses. If zero but for
	// its Name, 10 in an hour. An attacker who knows the name of an account can use these
	// up, and then its owner waits too, unless DeviceOf knows the owner's device.
	// Its name, if empty, is "login-account".
	Account Limit
	// Strikes are further limits per account, over longer windows: they lengthen
	// the wait with each strike, for example 15 in 4 hours and 20 a day after 10
	// in an hour. Each needs a name. There are at most 9.
	Strikes []Limit
	// Device limits the failures of one device of an account: see DeviceOf. If zero
	// but for its Name, 10 in an hour. Its name, if empty, is "login-device".
	Device Limit
	// DeviceOf returns the number of the device that a request comes from, if one
	// signed in to the account before: from 0 to MaxDevices-1. It must read that
	// from something that no one else can make or obtain, such as a signed cookie
	// that a successful login to the same account set. found is false for all
	// others, the strangers. account is as Normalize returns it. If DeviceOf is
	// nil, all are strangers.
	//
	// The failures of a device count as the device's, not as the account's; those
	// of strangers do not count against it. A device that has used up its failures
	// is a stranger. An error is for guard.Refuse, and refuses the attempt.
	DeviceOf func(r *http.Request, account string) (device int, found bool, err error)
	// Normalize maps all spellings of an account to one. A spelling that it
	// misses has separate failures. Accounts that it takes for one share theirs: see
	// [Login.Normalize]. If nil, surrounding spaces and letter case are ignored. For how
	// an accent is encoded, too, the function is one like
	//
	//	func(s string) string { return cases.Fold().String(norm.NFC.String(strings.TrimSpace(s))) }
	//
	// with packages cases and unicode/norm of golang.org/x/text. The collation of a
	// database may ignore more, as the default ones of MySQL and MariaDB ignore
	// accents: then an attacker can guess by as many spellings. The lookup of an
	// account must compare exactly, there with a collation such as utf8mb4_bin.
	Normalize func(account string) string

	// Subjects says that accounts are subjects, as in package totp: decisions name the
	// account as their Subject. What a client types is not one, and must not be in logs.
	Subjects bool

	// Store has the counts. If nil, they are in this process's memory. The
	// limits of logins that share a store need different names. All names of login
	// limits have at most 55 letters.
	Store Store
	// Secret, of at least 16 bytes, keys the hash of addresses and accounts in a
	// Store other than *Memory, which requires it. Processes that share a store
	// need the same secret.
	Secret guard.Secret
	// OnFailure selects what happens while the store fails. By default, an
	// in-memory Fallback: logins go on, and this process counts by itself. An
	// outage is reported as by [Options].OnFailure: its first decision is
	// guard.Failed.
	OnFailure Failure
	// Timeout is how long a request waits for a call of a Store other than *Memory. A call
	// that takes longer has failed, and what it takes later is given back. If 0, 250 ms.
	Timeout time.Duration

	// Message is the sentence of a refusal. If empty, "Too many login attempts.
	// Try again later."
	Message string
	// Now is the clock of in-memory counts and of the time between calls of a
	// store that fails; if nil, time.Now.
	Now func() time.Time
}

const (
	// MaxDevices is the number of devices of an account that have a count.
	MaxDevices = 10
	// maxStrikes is the maximum length of LoginOptions.Strikes.
	maxStrikes = maxLimits - 7 // besides them: address, network, account, device, and three counts of attempts in flight
)

// complete sets the defaults and returns the limits: the address, the network, the
// account with its strikes, the device, and the attempts in flight.
func (o *LoginOptions) complete() ([]Limit, error) {
	var errs []error
	if len(o.Strikes) > maxStrikes {
		errs = append(errs, fmt.Errorf("ratelimit: %d strikes are more than %d", len(o.Strikes), maxStrikes))
	}
	if o.Device != (Limit{}) && o.DeviceOf == nil {
		errs = append(errs, errors.New("ratelimit: a limit of devices without DeviceOf"))
	}
	perHour := Limit{Quota: 10, Window: time.Hour}
	address := loginLimit(o.Address, "login-address", Limit{Quota: 20, Window: 15 * time.Minute})
	wide := perHour
	if address.check() == nil { // else it alone is reported
		wide = address
		wide.Quota, wide.Burst = min(5*wide.Quota, maxQuota), min(5*wide.Burst, maxQuota)
	}
	network := loginLimit(o.Network, "login-network", wide)
	account := loginLimit(o.Account, "login-account", perHour)
	device := loginLimit(o.Device, "login-device", perHour)
	limits := append([]Limit{address, network, account}, o.Strikes...)
	for _, l := range append([]Limit{device}, limits...) {
		if l.Calendar != (Calendar{}) || l.Algorithm == InFlight {
			errs = append(errs, fmt.Errorf("ratelimit: limit %q: a login counts failures in a Window, with Sliding or GCRA", l.Name))
		}
	}
	flights := []Limit{inFlight(address), inFlight(network), inFlight(limits[2:]...)}
	if o.Normalize == nil {
		o.Normalize = func(s string) string { return strings.ToLower(strings.ToUpper(strings.TrimSpace(s))) } // ſ equals s, as in strings.EqualFold
	}
	if o.Message == "" {
		o.Message = "Too many login attempts. Try again later."
	}
	return append(append(limits, device), flights...), errors.Join(errs...)
}

// loginLimit returns l or, if it is zero but for its name, the default.
func loginLimit(l Limit, name string, preset Limit) Limit {
	preset.Name = cmp.Or(l.Name, name)
	if l == (Limit{Name: l.Name}) {
		return preset
	}
	l.Name = preset.Name
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
