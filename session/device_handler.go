package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/identity"
	shared "github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
)

// Device answers the browsers that bind a session to a device: mount it at
// [DeviceOptions].Path. It needs no authentication step. Without a Path, it panics.
//
// A registration is answered with the instructions of the draft and the bound cookie. Its
// challenge is that of a sign-in or rotation, and good for a minute; a second
// registration with another key ends the session. A refresh is answered with the bound
// cookie if its challenge is signed, not older than a minute and not used before,
// otherwise with 403 and a new challenge, which is no refusal. The refusals are 400 for
// an invalid proof, and for a registration that is late: its challenge has expired, or a
// rotation has replaced it. They are 401 for a session that has ended, 403 for a request
// from another origin, and 503 if the store is down: then no session ends.
//
// It reports a guard.Decision with the action "bind" or "refresh".
func (m *Manager[D]) Device() http.Handler {
	if m.device == nil {
		wiring.Panic("session", "Device without Options.ExperimentalDevice.Path")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			guard.Refuse(w, r, shared.MethodNotAllowed(http.MethodPost))
			return
		}
		action, answer := "refresh", m.refreshDevice
		if len(r.Header[sessionIDHeader]) == 0 { // a registration has none
			action, answer = "bind", m.registerDevice
		}
		d := guard.Decision{Guard: "device", Action: action}
		challenged := false
		err := m.checkOrigin(r)
		if err == nil {
			d.Subject, challenged, err = answer(w, r)
		}
		if challenged {
			return // as the protocol has it
		}
		if err = conclude(r, d, err); err != nil {
			guard.Refuse(w, r, err)
		}
	})
}

// RequireDevice refuses sessions that are not bound to a device with 403: for routes
// where a stolen cookie costs too much to accept browsers that bind none. It demands the
// bound cookie from the registration on, where other routes accept requests without it
// for 10 seconds: those that were under way. It belongs inside the authentication step:
// without one, the answer is 500. Without a Path, it panics.
func (m *Manager[D]) RequireDevice() guard.Middleware {
	if m.device == nil {
		wiring.Panic("session", "RequireDevice without Options.ExperimentalDevice.Path")
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := guard.Decision{Package: "session", Guard: "device"}
			s, err := guard.AuthenticatedBy[*Session[D]](r.Context())
			if err == nil {
				d.Subject = s.state().subject()
				err = m.requireDevice(r, s)
			} else if identity.Otherwise[*Session[D]](r.Context()) { // such as by an API key
				err = errNotBound.Clone()
			}
			if err != nil {
				d.Refuse(w, r, err)
				return
			}
			d.Outcome = guard.Allowed
			d.Report(r)
			next.ServeHTTP(w, r)
		})
	}
}

func (m *Manager[D]) requireDevice(r *http.Request, s *Session[D]) error {
	switch {
	case !s.isOf(m):
		return errForeign
	case s.state().subject() == "" || !s.Bound():
		return errNotBound.Clone()
	}
	return m.device.checkCookie(r.Header, s.state().rec.Device, m.now())
}

// checkDeviceRecord refuses a record that is not the live session with this tag and ID.
func (m *Manager[D]) checkDeviceRecord(rec *Record, found bool, tag [8]byte, id ID, now time.Time) error {
	if !found {
		return errGone.Clone()
	}
	if [8]byte(rec.Key[:]) != tag || rec.ID != id {
		return errors.New("session: the store returned the wrong record")
	}
	l, err := m.checkRecord(rec, now)
	if err != nil {
		if isRefusal(err) { // its cookie is not the request's credential
			return errGone.Clone()
		}
		return err
	}
	if kindOf(rec, &l) != "" { // a client has made up a challenge or an identifier
		return errGone.Clone()
	}
	return nil
}

// deviceRecord returns the session that an identifier names.
func (m *Manager[D]) deviceRecord(ctx context.Context, i *identifier, now time.Time) (Record, error) {
	ctx, cancel := m.readContext(ctx)
	defer cancel()
	rec, found, err := m.device.store.LoadID(ctx, i.tag, i.id)
	if err != nil {
		return Record{}, unavailable("load by ID", err)
	}
	if err := m.checkDeviceRecord(&rec, found, i.tag, i.id, now); err != nil {
		return Record{}, err
	}
	if !i.is(&rec) {
		return Record{}, badProof(errors.New("session: the identifier has another key than the session"))
	}
	return rec, nil
}

// badProof refuses an invalid or late proof.
func badProof(cause error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: codeDeviceProof, Message: "Invalid device proof", Err: cause}
}

func badField(name string) error {
	return badProof(fmt.Errorf("session: no %s", name))
}
