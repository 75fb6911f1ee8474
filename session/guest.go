package session

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// isGuest reports whether a subject is one of those that guests share.
func isGuest(subject string) bool { return subject != "" && subject[0] == 0 }

// newGuestSubject returns one of 4096 subjects, so that every store bounds guests as
// it bounds the sessions of a subject, and no user's session makes room for one.
func newGuestSubject() string {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("\x00%03x", binary.BigEndian.Uint16(b[:])%4096)
}

// guestKind is the kind of a guest's session: no step has this name.
const guestKind = "\x00"

// kindOf returns what the session authenticates for: "" for a subject who is signed in,
// the step of a half sign-in, or guestKind.
func kindOf(rec *Record, l *login) string {
	if isGuest(rec.Subject) {
		return guestKind
	}
	return l.step
}

// Guest begins the session of a visitor who has not signed in, such as for a shopping
// cart, and sets its cookie. It ends the guest's session that the request presented.
// [Manager.GuestFrom] returns it for later requests, and [Manager.Update] changes its
// data. It authenticates no one: to every guard, its cookie is none.
//
// It has the timeouts of Options or of [For], which is the only option that it takes.
// [Manager.Create] ends it too, and takes over only the messages of [Manager.Flash]:
// the login handler passes on the data that it wants to keep.
//
// Stores keep about 400,000 guests, or [MemoryOptions].MaxGuests, and drop old ones for
// new ones.
//
// The error is for guard.Refuse: 403 for a request from another origin, 409 if the
// request presented a session or half sign-in, 503 if the store is down. It is 500 for
// mistakes of the program: those of Create, and another option.
func (m *Manager[D]) Guest(w http.ResponseWriter, r *http.Request, data D, opts ...CreateOption) (*Session[D], error) {
	s, err := m.guest(w, r, data, opts)
	return s, m.denyGuest(r, err)
}

func (m *Manager[D]) denyGuest(r *http.Request, err error) error {
	return guard.Decision{Package: "session", Guard: "guest", Pattern: r.Pattern}.Deny(r.Context(), err)
}

func (m *Manager[D]) guest(w http.ResponseWriter, r *http.Request, data D, opts []CreateOption) (*Session[D], error) {
	if err := m.checkOrigin(r); err != nil {
		return nil, err
	}
	o, err := newCreateOptions(opts, nil)
	if err != nil {
		return nil, err
	}
	if o.ref != "" || o.login != (login{lifetime: o.lifetime, epoch: AnyEpoch}) {
		return nil, errors.New("session: Guest takes no option but For")
	}
	rec, kind, found, err := m.visitor(w.Header(), r)
	if err != nil {
		return nil, err
	}
	if !found {
		return m.beginGuest(w, r, data, o, nil)
	}
	switch kind {
	case guestKind:
	case "":
		return nil, errSignedIn.Clone()
	default:
		return nil, errPending.Clone()
	}
	if _, o.flashes, err = splitFlashes(rec.Data); err != nil {
		return nil, err
	}
	return m.beginGuest(w, r, data, o, []Key{rec.Key})
}

// beginGuest begins a guest's session in place of those under replaced.
func (m *Manager[D]) beginGuest(w http.ResponseWriter, r *http.Request, data D, o *createOptions, replaced []Key) (*Session[D], error) {
	s, token, err := m.newSession(r.Context(), newGuestSubject(), data, o)
	if err != nil {
		return nil, err
	}
	if err := m.replace(w, r, replaced, s, token, o); err != nil {
		return nil, err
	}
	return s, nil
}

// GuestFrom returns the session of the request's guest. Its D is zero if Flash began
// it. found is false for a request without a guest's cookie, and for one that is signed
// in. GuestFrom extends the idle timeout. It writes nothing: behind guard.Optional(m),
// the response is private and varies by the cookie, so that no shared cache gives it to
// another visitor.
//
// The error is for guard.Refuse: 403 for a request with a cookie from another origin,
// 503 if the store is down, 500 if the data cannot be decoded.
func (m *Manager[D]) GuestFrom(r *http.Request) (s *Session[D], found bool, err error) {
	s, err = m.guestFrom(r)
	return s, s != nil, m.denyGuest(r, err)
}

func (m *Manager[D]) guestFrom(r *http.Request) (*Session[D], error) {
	if _, state := field.RawCookie(r.Header, m.cookie.Name); state == field.Absent {
		return nil, nil
	}
	if err := m.checkOrigin(r); err != nil {
		return nil, err
	}
	rec, kind, found, err := m.visitor(nil, r)
	if errors.Is(err, guard.ErrNoCredentials) { // bound to a device
		return nil, nil
	}
	if err != nil || !found || kind != guestKind {
		return nil, err
	}
	s, err := m.open(r.Context(), rec)
	if err != nil {
		return nil, err
	}
	m.touch(r.Context(), s, m.now())
	return s, nil
}

// visitor returns the record of the client's session, or else of its half sign-in, or
// else of its guest. Of several cookies, it takes those that Authenticate would.
func (m *Manager[D]) visitor(response http.Header, r *http.Request) (rec Record, kind string, found bool, err error) {
	now := m.now()
	byKind := map[string][]Record{}
	step := ""
	for _, key := range m.candidates(response, r) {
		rec, l, err := m.loadRecord(r.Context(), key, now)
		if err != nil {
			if isRefusal(err) {
				continue
			}
			return Record{}, "", false, err
		}
		kind := kindOf(&rec, &l)
		byKind[kind] = append(byKind[kind], rec)
		step = max(step, l.step)
	}
	for _, kind := range []string{"", step, guestKind} {
		switch live := byKind[kind]; {
		case len(live) == 0:
		case kind == guestKind:
			return newest(live), kind, true, nil
		default:
			rec, err := m.choose(r, live)
			if isRefusal(err) {
				return Record{}, "", false, nil // they were ended
			}
			if err == nil {
				err = m.checkDevice(r, &rec, now)
			}
			return rec, kind, err == nil, err
		}
	}
	return Record{}, "", false, nil
}

// candidates returns the key of the cookie that the response sets, or else those that
// the request has sent, as far as they count.
func (m *Manager[D]) candidates(response http.Header, r *http.Request) (keys []Key) {
	for _, line := range response["Set-Cookie"] {
		if token, ours := tokenIn(line, m.cookie.Name); ours {
			if key, ok := keyOf(token); ok {
				return []Key{key}
			}
			return nil // cleared
		}
	}
	n := 0
	for token := range field.RawCookies(r.Header, m.cookie.Name) {
		if n++; n > maxCandidates || m.unique && n > 1 {
			return nil
		}
		if key, ok := keyOf(token); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// guestFlashes returns the messages of the guests that a login presented, and of the
// subject's half sign-ins: those of another subject may say something about that one. A
// record that cannot be read, as another version wrote it, keeps no one from signing in.
func (m *Manager[D]) guestFlashes(ctx context.Context, subject string, presented []Key) (flashes []string, err error) {
	for _, key := range presented[:min(len(presented), maxCandidates)] {
		rec, l, err := m.loadRecord(ctx, key, m.now())
		if isOutage(err) {
			return nil, err
		}
		if err != nil || !isGuest(rec.Subject) && (l.step == "" || rec.Subject != subject) {
			continue
		}
		if _, list, err := splitFlashes(rec.Data); err == nil {
			flashes = append(flashes, list...)
		}
	}
	return bounded(flashes), nil
}
