package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
)

// Create signs subject in and sets the cookie of a new session. It destroys the
// session that the request presented, and all of several, so that an attacker who
// planted or copied a cookie gains nothing. It must be called before the response is
// written.
//
// Behind [Manager.Step] it spends the half sign-in, whose subject it must be, and takes
// over its For, Ref, ACR, Factors and epoch.
//
// The error is for guard.Refuse: 403 for a request from another origin, 431 for more
// session cookies than a browser has, 401 with the code "signin_ended" if the epoch has
// moved, the Ref has ended, or the half sign-in is spent, 503 if the store is down or
// full. It is 500 for mistakes of the program: a subject that is not 1 to 255 bytes, 254
// with [Pending], or begins with the byte 0 or 1, an option that is nil or invalid, and
// data that is larger than Options.MaxData or does not survive JSON. These end no session.
// With an error, the subject is not signed in; after a 503, or a 401 because of the epoch
// or the Ref, what the request presented may have ended, also the half sign-in.
//
// With Options.ExperimentalDevice, a response over https asks the browser to bind the
// session. The new session is not bound yet, also where the request's session was: for a
// subject who is signed in already, use [Manager.Rotate], which keeps the binding.
//
// It reports a guard.Decision with the action "sign-in", or "pending" for a half
// sign-in. Its Guard names the step.
func (m *Manager[D]) Create(w http.ResponseWriter, r *http.Request, subject string, data D, opts ...CreateOption) (*Session[D], error) {
	d := guard.Decision{Action: "sign-in", Subject: subject}
	s, err := m.create(w, r, subject, data, opts, &d)
	return s, conclude(r, d, err)
}

func (m *Manager[D]) create(w http.ResponseWriter, r *http.Request, subject string, data D, opts []CreateOption, d *guard.Decision) (*Session[D], error) {
	if err := m.checkOrigin(r); err != nil {
		return nil, err
	}
	half := m.halfOf(r.Context())
	o, err := checkLogin(subject, opts, half, d)
	if err != nil {
		return nil, err
	}
	presented, _, err := m.presented(w, r)
	if err != nil {
		return nil, err
	}
	if o.flashes, err = m.guestFlashes(r.Context(), subject, presented); err != nil {
		return nil, err
	}
	s, token, err := m.newSession(r.Context(), subject, data, o)
	if err != nil {
		return nil, err
	}
	// Nothing has ended so far.
	if half != nil {
		if err := m.spend(r.Context(), half); err != nil {
			return nil, err
		}
		presented = slices.DeleteFunc(presented, func(key Key) bool { return key == half.rec.Key })
	}
	if err := m.replace(w, r, presented, s, token, o); err != nil {
		return nil, err
	}
	if o.offer != "" && isHTTPS(r) {
		m.device.announce(w, o.offer)
	}
	return s, nil
}

// checkLogin returns the options of a login, and names it in d.
func checkLogin(subject string, opts []CreateOption, half *halfSignIn, d *guard.Decision) (*createOptions, error) {
	if half != nil {
		d.Guard = "step " + half.login.step
		if half.foreign {
			return nil, errForeign
		}
	}
	o, err := newCreateOptions(opts, half)
	if err != nil {
		return nil, err
	}
	if o.step != "" {
		d.Action, d.Guard = "pending", "step "+o.step
	}
	if half != nil && half.rec.Subject != subject {
		return nil, errors.New("session: Create behind a Step with another subject than that of the half sign-in")
	}
	return o, checkSubject(subject)
}

// replace ends the sessions under presented, and begins s in their place.
func (m *Manager[D]) replace(w http.ResponseWriter, r *http.Request, presented []Key, s *Session[D], token string, o *createOptions) error {
	if err := m.endPresented(r.Context(), presented); err != nil {
		return err
	}
	ctx, cancel := m.writeContext(r.Context())
	defer cancel()
	rec, epoch := s.state().rec, o.epoch
	if o.step != "" {
		rec.Subject, epoch = o.storedSubject(rec.Subject), AnyEpoch // Step compares it
	}
	switch err := m.store.Insert(ctx, rec, epoch); {
	case errors.Is(err, ErrEnded):
		return errEnded.Clone()
	case err != nil:
		return unavailable("insert", err)
	}
	m.setCookie(w, token, m.maxAge(s))
	m.device.clearSent(w, r)
	return nil
}

// newSession returns a session and its token. It writes nothing.
func (m *Manager[D]) newSession(ctx context.Context, subject string, data D, o *createOptions) (s *Session[D], token string, err error) {
	if o.step != "" {
		// A DestroyAll ends the half sign-in, and a login that is just completing it.
		epoch, err := m.epoch(context.WithoutCancel(ctx), subject)
		if err != nil {
			return nil, "", err
		}
		if o.epoch != AnyEpoch && o.epoch != epoch {
			return nil, "", errEnded.Clone()
		}
		o.epoch = epoch
	}
	stored := o.storedSubject(subject)
	if len(stored) > 255 {
		return nil, "", fmt.Errorf("session: a subject of %d bytes is too long for a half sign-in", len(subject))
	}
	text, err := m.encode(data)
	if err != nil {
		return nil, "", err
	}
	encoded, err := o.login.encode()
	if err != nil {
		return nil, "", err
	}
	token, key := newToken(stored)
	now := m.now().Truncate(time.Millisecond)
	rec := Record{
		Key: key, Subject: subject, Data: joinFlashes(text, o.flashes), Login: encoded, Ref: o.ref, Revision: 1,
		Created: now, LastSeen: now, Deadline: m.deadlineAfterUse(&o.login, now, now),
	}
	if m.device != nil && kindOf(&rec, &o.login) == "" {
		var id offer
		o.offer, id = newOffer(key, nil, now)
		rec.ID = ID(id)
	} else {
		_, _ = rand.Read(rec.ID[:]) // never fails
	}
	s, err = m.decode(rec) // better now than at the next request
	return s, token, err
}

// checkSubject refuses what is no subject of a user. In a store, those of guests and of
// half sign-ins begin with one of these bytes.
func checkSubject(subject string) error {
	if subject == "" || len(subject) > 255 {
		return fmt.Errorf("session: a subject of %d bytes, want 1 to 255", len(subject))
	}
	if subject[0] <= 1 {
		return fmt.Errorf("session: a subject that begins with the byte %d", subject[0])
	}
	return nil
}
