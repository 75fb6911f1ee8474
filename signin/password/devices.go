package password

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/ratelimit"
)

// DeviceOptions holds what has a safe default.
type DeviceOptions struct {
	// OldKeys are former keys, of 32 bytes or more. Devices with a cookie of theirs
	// are recognized, and get one of the key at their next login.
	OldKeys []guard.Secret
	// Name is the cookie's name after its prefix. If empty, "device": the cookie is
	// __Host-device.
	Name string
	// Lifetime is how long a device is recognized after its last login. If zero, 400
	// days, which is also the maximum (RFC 6265bis, section 5.5).
	Lifetime time.Duration
	// Normalize is that of LoginOptions: it maps what is typed, and what Attempts pass
	// to Of, to one spelling. If nil, surrounding spaces are removed and letters are in
	// lower case.
	Normalize func(account string) string
	// InsecureCookie is for plain http on localhost: the cookie has neither Secure
	// nor a prefix. Anyone on the network path can read it, and guess as that device.
	InsecureCookie bool
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// A Device is what [Devices.Remember] binds a cookie to.
type Device struct {
	Account string // as the user types it, such as the e-mail address
	Subject string // 1 to 255 bytes
	// Epoch is the subject's credential epoch from before the password was verified:
	// see LoginOptions.Epoch. Behind a session.Manager.Step, one that was read before its
	// Create will do. If it has moved, the device is a stranger.
	Epoch int64
}

// Devices recognizes devices that signed in before, by a cookie. The limit of failed
// logins has a separate count for each: a stranger who uses up the failures of an
// account does not lock out its owner.
//
//	attempts, err := ratelimit.NewLogin(ip, &ratelimit.LoginOptions{DeviceOf: devices.Of})
//
// The cookie is sealed (AES-256-GCM): it reveals no account to other users of the
// device. It lists up to five accounts, each with the subject, its epoch and one of
// ratelimit.MaxDevices numbers. It grants no access: a thief can guess at that
// account as often as this one device. Devices is safe for use by several goroutines.
type Devices struct {
	epoch func(context.Context, string) (int64, error)
	opts  DeviceOptions
	seals deviceSeals
	name  string
}

// maxAccounts is how many accounts a device has, such as those of a family. The
// least recent one is dropped.
const maxAccounts = 5

const maxDeviceLifetime = 400 * 24 * time.Hour

// NewDevices returns Devices whose cookies are sealed with a key that is derived from
// key, of 32 bytes or more from crypto/rand. epoch returns the credential epoch of a
// subject, as session.Manager.Epoch does: after a change of the password or of the
// account's name, and after all logins were ended, it is another. opts may be nil.
// NewDevices reports every mistake.
func NewDevices(key guard.Secret, epoch func(ctx context.Context, subject string) (int64, error), opts *DeviceOptions) (*Devices, error) {
	d := &Devices{epoch: epoch}
	if opts != nil {
		d.opts = *opts
	}
	o := &d.opts
	setDefault(&o.Name, "device")
	setDefault(&o.Lifetime, maxDeviceLifetime)
	if o.Normalize == nil {
		o.Normalize = lowerCase
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d.name = "__Host-" + o.Name
	if o.InsecureCookie {
		d.name = o.Name
	}
	var err error
	d.seals, err = newDeviceSeals(append([]guard.Secret{key}, o.OldKeys...), d.name)
	o.OldKeys = nil
	if err := errors.Join(d.check(), err); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Devices) check() error {
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("password: "+format, args...)) }
	if d.epoch == nil {
		mistake("the epoch of devices is nil")
	}
	if err := (&http.Cookie{Name: d.name, Path: "/", Secure: true}).Valid(); err != nil {
		mistake("cookie with Name %q: %w", d.opts.Name, err)
	}
	if field.HasCookiePrefix(d.opts.Name) {
		mistake("cookie name %q: the prefix is added", d.opts.Name)
	}
	if d.opts.Lifetime < time.Second || d.opts.Lifetime > maxDeviceLifetime {
		mistake("the lifetime of devices, %v, is not between a second and 400 days", d.opts.Lifetime)
	}
	return errors.Join(errs...)
}

// Remember sets the cookie, after all factors of a sign-in have succeeded, and before
// the body is written. Other accounts of this device stay. An error means that the
// cookie was not set, because the account or the subject is empty or too long.
func (d *Devices) Remember(w http.ResponseWriter, r *http.Request, device Device) error {
	e := deviceEntry{
		account: d.digest(device.Account), subject: device.Subject, epoch: device.Epoch,
		number: newDeviceNumber(), seen: d.opts.Now().Unix(),
	}
	if d.opts.Normalize(device.Account) == "" || e.subject == "" || len(e.subject) > maxDeviceSubject {
		return fmt.Errorf("password: a device needs an account, and a subject of 1 to %d bytes", maxDeviceSubject)
	}
	entries := d.entries(r)
	if i := indexOf(entries, e.account); i >= 0 {
		e.number = entries[i].number // a device has one count, however often it signs in
		entries = append(entries[:i], entries[i+1:]...)
	}
	entries = append(entries, e)
	entries = entries[max(0, len(entries)-maxAccounts):]
	http.SetCookie(w, &http.Cookie{
		Name: d.name, Value: d.seals.seal(entries), Path: "/", MaxAge: int(d.opts.Lifetime / time.Second),
		Secure: !d.opts.InsecureCookie, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	field.NoStore(w.Header())
	return nil
}

// Of is for ratelimit.LoginOptions.DeviceOf: it returns the number of the request's
// device. found is false for a stranger: without a cookie of this account, or with
// one that has expired or has another epoch than the subject. While the epoch cannot
// be read, all are strangers, and the failure is reported. err is always nil.
func (d *Devices) Of(r *http.Request, account string) (device int, found bool, err error) {
	entries := d.entries(r)
	i := indexOf(entries, d.digest(account))
	if i < 0 {
		return 0, false, nil
	}
	epoch, err := d.epoch(r.Context(), entries[i].subject)
	if err != nil {
		d.report(r, entries[i].subject, err)
		return 0, false, nil
	}
	if epoch != entries[i].epoch {
		return 0, false, nil
	}
	return entries[i].number, true, nil
}

// report reports that an epoch could not be read. That a client has left is no failure.
func (d *Devices) report(r *http.Request, subject string, err error) {
	if r.Context().Err() == context.Canceled {
		return
	}
	decision := guard.Decision{Package: "password", Guard: "device", Subject: subject, Pattern: r.Pattern}
	_ = decision.Deny(r.Context(), failure("the epoch of a device", err)) // not again if the epoch did, as that of sessions does
}

// entries returns the accounts of the request's device, the most recent one last.
func (d *Devices) entries(r *http.Request) []deviceEntry {
	value, state := field.RawCookie(r.Header, d.name)
	if state != field.Present { // of several, one may be planted
		return nil
	}
	now, list := d.opts.Now().Unix(), d.seals.open(value)
	valid := list[:0]
	for _, e := range list {
		if now-e.seen < int64(d.opts.Lifetime/time.Second) {
			valid = append(valid, e)
		}
	}
	return valid
}

func (d *Devices) digest(account string) [sha256.Size]byte {
	return sha256.Sum256([]byte(d.opts.Normalize(account)))
}

func indexOf(entries []deviceEntry, account [sha256.Size]byte) int {
	for i, e := range entries {
		if equal(e.account[:], account[:]) {
			return i
		}
	}
	return -1
}

// newDeviceNumber is random: a server has no list of an account's devices.
func newDeviceNumber() int {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return int(binary.BigEndian.Uint64(b[:]) % ratelimit.MaxDevices)
}
