package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
)

// Options holds what has a safe default.
type Options struct {
	// Once decides which request handles a delivery, over all processes that share it. If
	// nil, it is a once.Memory of this process. Then, at several processes, each can handle
	// a delivery once. That Memory is full at three deliveries a second, or GitHub's at half
	// of that, for all of Remember; further ones are 503.
	Once once.Store
	// Endpoint names this endpoint among those that share Once and Form.Name, such as two
	// accounts at GitHub. Give each a name: otherwise a delivery of one account is taken for
	// a repetition where another account has sent one with its id. If empty, there is one.
	Endpoint string
	// MaxBytes is the size of a body, above which it is refused with 413: at most 1 GiB. If
	// 0, it is 1 MiB. Anyone can make the server read as much, before the signature is verified.
	MaxBytes int
	// Timeout is how long the function may take, up to an hour; its context ends then. If 0,
	// it is 30 seconds. After a crash, a delivery is handled again after twice as long, and
	// after 20 seconds at least.
	Timeout time.Duration
	// Remember is how long a handled delivery is not handled again, from 15 minutes to 366
	// days. If 0, it is 24 hours. A sender that signs no time, such as GitHub, can be replayed
	// after it.
	Remember time.Duration
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

const (
	defaultMaxBytes = 1 << 20
	maxMaxBytes     = 1 << 30
	defaultTimeout  = 30 * time.Second
	maxTimeout      = time.Hour
	defaultRemember = 24 * time.Hour
	minRemember     = 3 * tolerance // a signature is good for twice the tolerance at most
	maxRemember     = 366 * 24 * time.Hour
)

// Hooks receive the deliveries of one sender. They never change, and are safe for use by
// several goroutines. Use [New].
type Hooks struct {
	scheme   secret.Value[*scheme]
	store    once.Store
	endpoint string
	maxBytes int
	timeout  time.Duration
	remember time.Duration
	now      func() time.Time
}

// Secrets returns the secrets of a sender as [New] and [Sign] take them. A delivery may be
// signed with any of them: to replace a secret, add the new one, change it at the sender, and
// then remove the old one. Sign signs with the first where the Form has no Separator.
func Secrets(secrets ...string) (list []guard.Secret) {
	for _, s := range secrets {
		list = append(list, guard.Secret(s))
	}
	return list
}

// New returns the hooks of a sender, whose deliveries are signed with one of the secrets.
// If you choose a secret, make it 32 random bytes, and another one for each sender and
// endpoint: a signature names neither. opts may be nil. The error lists every mistake: no
// secret, an empty one, a Form that has two readings.
func New(s Sender, secrets []guard.Secret, opts *Options) (*Hooks, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	c, err := compile(s, secrets)
	errs := []error{err, wiring.TypedNil("webhook", "Once", o.Once)}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Remember == 0 {
		o.Remember = defaultRemember
	}
	if o.MaxBytes < 0 || o.MaxBytes > maxMaxBytes {
		errs = append(errs, fmt.Errorf("webhook: MaxBytes is %d, want up to %d", o.MaxBytes, maxMaxBytes))
	}
	if o.Timeout < 0 || o.Timeout > maxTimeout {
		errs = append(errs, fmt.Errorf("webhook: a Timeout of %v, want up to %v", o.Timeout, maxTimeout))
	}
	if o.Remember < minRemember || o.Remember > maxRemember {
		errs = append(errs, fmt.Errorf("webhook: Remember is %v, want %v to %v", o.Remember, minRemember, maxRemember))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Once == nil {
		memory, err := once.NewMemory(&once.MemoryOptions{Now: o.Now})
		o.Once, errs = memory, append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Hooks{secret.New(c), o.Once, o.Endpoint, o.MaxBytes, o.Timeout, o.Remember, o.Now}, nil
}

// errZeroValue is returned by zero values, which authenticate no one.
var errZeroValue = errors.New("webhook: a zero Hooks was used; see New")

// Authenticate implements [guard.Authenticator]. It verifies the signature and the time,
// and reads the body, which the request then has again. It does not find out whether the
// delivery was handled before: that is [Hooks.Do], which [Hooks.Handler] calls.
//
// The Code of a refusal is signature_invalid, and delivery_invalid (400) without an id or
// with a malformed one. A body that is too large is 413.
func (h *Hooks) Authenticate(r *http.Request) (*Delivery, error) {
	c := h.scheme.Reveal()
	if c == nil {
		return nil, errZeroValue
	}
	lines := r.Header[c.SignatureField]
	switch len(lines) {
	case 0:
		return nil, guard.ErrNoCredentials
	case 1:
	default:
		return nil, invalid(errRepeated)
	}
	s, err := c.parse(lines[0])
	if err != nil {
		return nil, invalid(err)
	}
	d := &read{}
	timeText, err := h.timeIn(c, r.Header, &s, &d.Delivery)
	if err != nil {
		return nil, invalid(err)
	}
	if err := c.readHeader(r.Header, &d.Delivery); err != nil {
		return nil, malformed(err)
	}
	content := c.appendContent(d.prefix[:0], d.ID, timeText)
	signed, err := readBody(r, content, h.maxBytes)
	if err != nil {
		return nil, err
	}
	if !d.Time.IsZero() { // a body that comes slowly is no way around the window
		if err := inWindow(d.Time, h.now()); err != nil {
			return nil, invalid(err)
		}
	}
	if !c.verify(&s, signed) {
		return nil, invalid(errMismatch)
	}
	d.Body = signed[len(content):len(signed):len(signed)]
	if err := c.readMembers(&d.Delivery); err != nil {
		return nil, malformed(err)
	}
	d.again.Reset(d.Body)
	r.Body = d
	return &d.Delivery, nil
}

// timeIn sets the time, which is checked before the body is read: an old delivery costs
// nothing.
func (h *Hooks) timeIn(c *scheme, header http.Header, s *signatures, d *Delivery) (text string, err error) {
	switch {
	case c.TimeElement != "":
		text = s.time
	case c.TimeField == "":
		return "", nil
	default:
		lines := header[c.TimeField]
		if len(lines) > 1 {
			return "", errRepeated
		}
		if len(lines) == 1 {
			text = lines[0]
		}
	}
	if d.Time, err = timeOf(text); err != nil {
		return "", err
	}
	return text, inWindow(d.Time, h.now())
}

// Scheme implements [guard.Authenticator].
func (h *Hooks) Scheme() guard.Scheme {
	s := guard.Scheme{Challenge: challenge, Missing: message}
	if c := h.scheme.Reveal(); c != nil {
		for _, f := range []string{c.SignatureField, c.TimeField, c.IDField, c.TypeField} {
			if f != "" {
				s.Vary = append(s.Vary, f)
			}
		}
	}
	return s
}

// Handler handles each delivery once: see [Hooks.Do]. The answer is 200 without a body
// where f returned nil, now or at an earlier request; otherwise f's error is answered as
// [guard.Refuse] does, and the sender tries again. Other methods than POST are 405.
func (h *Hooks) Handler(f func(ctx context.Context, d *Delivery) error) http.Handler {
	if f == nil {
		wiring.Panic("webhook", "Handler of nil")
	}
	return onlyPOST(guard.Require(h)(guard.Handler(func(w http.ResponseWriter, r *http.Request, d *Delivery) error {
		if d.Challenge != "" {
			d.Answer(w)
			return nil
		}
		_, err := h.Do(r.Context(), d, func(ctx context.Context) error { return f(ctx, d) })
		if err == nil {
			w.WriteHeader(http.StatusOK)
		}
		return err
	})))
}
