package session

import (
	"errors"
	"fmt"
	"time"
)

// A CreateOption changes one login. A nil one is an error.
type CreateOption func(*createOptions) error

type createOptions struct {
	login   // its epoch is that of the Insert
	factors []string
	ref     string
	flashes []string // taken over from a guest
	offer   string   // the challenge for a device's registration
}

// For sets the lifetime and the idle timeout of this login to d, and makes the browser
// keep the cookie until then, also when it is closed: "remember me". A d above
// Options.MaxLifetime is reduced to that. A zero d changes nothing. Any other below a
// second is an error.
func For(d time.Duration) CreateOption {
	return func(o *createOptions) error {
		if d < 0 || d > 0 && d < time.Second {
			return fmt.Errorf("session: For(%v) is less than a second", d)
		}
		o.lifetime = d
		return nil
	}
}

// Pending makes the login a half sign-in: the subject has passed a first step, such as
// the password, and has the time d for the named one, such as "totp". [Manager.Step]
// of this name accepts it; for every other guard it is no session. It ends the session
// that the request presented. A store bounds the half sign-ins of a subject as it bounds
// the subject's sessions, beside these. Its cookie ends with the browser; For is for the
// complete login.
//
// The name has 1 to 32 letters, digits, hyphens, underscores and dots. d is a second
// to a day.
func Pending(step string, d time.Duration) CreateOption {
	return func(o *createOptions) error {
		if !isName(step) {
			return fmt.Errorf("session: Pending: the step %q is not 1 to 32 letters, digits, hyphens, underscores and dots", step)
		}
		if d < time.Second || d > 24*time.Hour {
			return fmt.Errorf("session: Pending(%q, %v) is not between a second and a day", step, d)
		}
		o.step, o.pending = step, d
		return nil
	}
}

// Factors names how the subject authenticated, for [Session.AMR]: as in RFC 8176,
// section 2, such as "pwd" and "otp". Behind a Step they are added to those of the half
// sign-in. A name has 1 to 32 letters, digits, hyphens, underscores and dots. All of
// them and the [ACR] together may take about 170 bytes.
func Factors(names ...string) CreateOption {
	return func(o *createOptions) error {
		for _, name := range names {
			if !isName(name) {
				return fmt.Errorf("session: the factor %q is not 1 to 32 letters, digits, hyphens, underscores and dots", name)
			}
		}
		o.factors = append(o.factors, names...)
		return nil
	}
}

// ACR names the authentication context class of the login, for [Session.ACR], such as
// the acr of an identity provider. It has at most 128 characters of printable ASCII
// without spaces. An empty one is none.
func ACR(value string) CreateOption {
	return func(o *createOptions) error {
		if !isACR(value) && value != "" {
			return fmt.Errorf("session: the ACR %q is not at most 128 characters of printable ASCII without spaces", value)
		}
		o.acr = value
		return nil
	}
}

// Ref lets [Manager.DestroyRef] find the session by the name that another system has
// for it, such as the sid of an identity provider. If there are several systems, begin
// it with the name of the system: otherwise one can end the sessions of another. It has
// at most 255 bytes. An empty one is none.
func Ref(sid string) CreateOption {
	return func(o *createOptions) error {
		if len(sid) > 255 {
			return fmt.Errorf("session: a Ref of %d bytes, want at most 255", len(sid))
		}
		o.ref = sid
		return nil
	}
}

// AtEpoch refuses the login with 401 if [Manager.DestroyAll] has ended the subject's
// sessions since [Manager.Epoch] returned epoch: a login that began with the old
// password does not survive its change. Read the epoch before the password's hash, as
// password.LoginOptions.Epoch does.
func AtEpoch(epoch int64) CreateOption {
	return func(o *createOptions) error {
		if epoch < 0 {
			return fmt.Errorf("session: AtEpoch(%d) is negative: without AtEpoch no epoch is compared", epoch)
		}
		o.epoch = epoch
		return nil
	}
}

var errNilOption = errors.New("session: a nil CreateOption")

// newCreateOptions returns the result of opts, behind a Step with what the login has
// from the half sign-in.
func newCreateOptions(opts []CreateOption, half *halfSignIn) (*createOptions, error) {
	o := &createOptions{login: plain}
	var errs []error
	for _, opt := range opts {
		if opt == nil {
			errs = append(errs, errNilOption)
			continue
		}
		errs = append(errs, opt(o))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if half != nil {
		if err := o.inherit(half); err != nil {
			return nil, err
		}
	}
	o.addFactors(o.factors)
	return o, nil
}

// inherit takes over what a half sign-in hands on to the login that completes it.
func (o *createOptions) inherit(half *halfSignIn) error {
	if o.epoch != AnyEpoch && o.epoch != half.login.epoch {
		return errEnded.Clone()
	}
	o.epoch = half.login.epoch
	o.login.factors = half.login.factors
	if o.lifetime == 0 {
		o.lifetime = half.login.lifetime
	}
	if o.ref == "" {
		o.ref = half.rec.Ref
	}
	if o.acr == "" {
		o.acr = half.login.acr
	}
	return nil
}
