package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/jsontext"
)

// registerDevice binds a session to the key of the request. Cookies do not count: behind
// a sign-in that began at another site, browsers send none with SameSite. The challenge
// is of one session, and only the response to its sign-in has it.
func (m *Manager[D]) registerDevice(w http.ResponseWriter, r *http.Request) (subject string, _ bool, err error) {
	text, sent, err := headerText(r.Header, responseHeader)
	if err != nil {
		return "", false, badProof(err)
	}
	if !sent {
		return "", false, badField(responseHeader)
	}
	p, err := parseProof(text)
	if err != nil {
		return "", false, badProof(err)
	}
	if p.key == nil {
		return "", false, badProof(errors.New("session: a registration without a key"))
	}
	if err := p.verify(p.key); err != nil {
		return "", false, badProof(err)
	}
	o, err := parseOffer(p.challenge)
	if err != nil {
		return "", false, badProof(err)
	}
	now := m.now()
	if age := now.Sub(o.made); age >= offerTime || age <= -Grace {
		return "", false, badProof(errors.New("session: the challenge of the registration has expired"))
	}
	rec, err := m.bind(r.Context(), p.key, &o, now)
	if err != nil {
		return rec.Subject, false, err
	}
	m.device.setBoundCookie(w, rec.Device, now)
	field.NoStore(w.Header())
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(m.device.instructions(&rec))
	return rec.Subject, false, nil
}

// bind sets the key of a session that has none. A repeated registration, such as after
// a lost answer, finds the same key.
func (m *Manager[D]) bind(ctx context.Context, key *[deviceKeyLen]byte, o *registration, now time.Time) (Record, error) {
	bound := newDeviceRecord(key, o.offer, now)
	writeCtx, cancel := m.writeContext(ctx)
	defer cancel()
	rec, found, err := m.device.store.SetDevice(writeCtx, o.tag, o.id, o.old, bound)
	if err != nil {
		return Record{}, unavailable("set the device", err)
	}
	if err := m.checkDeviceRecord(&rec, found, o.tag, o.id, now); err != nil {
		return Record{}, err
	}
	i := identifier{o.tag, o.id, *key}
	switch registered, err := isBound(rec.Device); {
	case err != nil:
		return rec, err
	case !registered:
		return rec, badProof(errors.New("session: a rotation has replaced the challenge of the registration"))
	case i.is(&rec):
		return rec, nil
	case rec.Device[secretEnd:offerEnd] != string(o.offer[:]):
		// It may be the browser's: asked by a sign-in and by a rotation, it makes two keys.
		return rec, badProof(errors.New("session: the session is bound by another challenge"))
	}
	return rec, m.endStolen(ctx, &rec)
}

// endStolen ends a session that two keys were registered for: one of them is a thief's,
// who has seen the response to the sign-in.
func (m *Manager[D]) endStolen(ctx context.Context, rec *Record) error {
	if err := m.endPresented(ctx, []Key{rec.Key}); err != nil {
		return err
	}
	d := guard.Decision{Guard: "device", Action: "sign-out", Subject: rec.Subject}
	if err := concludeIn(ctx, d, nil); err != nil {
		return err
	}
	return errSecondKey.Clone()
}

// instructions returns the JSON session instructions of the draft. With the cookies'
// SameSite, only a page that a person opens can start a refresh from another site: it
// would arrive without the bound cookie if that site were not allowed to.
func (d *device) instructions(rec *Record) []byte {
	i := identifierOf(rec)
	b := make([]byte, 0, 512)
	b = append(b, `{"session_identifier":"`+i.String()+`","refresh_url":`...)
	b = jsontext.AppendString(b, d.path)
	b = append(b, `,"scope":{"include_site":false},"credentials":[{"type":"cookie","name":`...)
	b = jsontext.AppendString(b, d.cookie.Name)
	b = append(b, `,"attributes":"Path=/; Secure; HttpOnly; SameSite=`+sameSite(d.cookie.SameSite)+`"}],"allowed_refresh_initiators":["*"]}`...)
	return append(b, '\n')
}

func sameSite(mode http.SameSite) string {
	if mode == http.SameSiteStrictMode {
		return "Strict"
	}
	return "Lax"
}

// offerDevice asks the browser to register a key for a session that Rotate has moved,
// if it is not bound: with the old challenge, no one else can do so any more.
func (m *Manager[D]) offerDevice(ctx context.Context, w http.ResponseWriter, r *http.Request, rec *Record, now time.Time) {
	if m.device == nil || len(rec.Device) == deviceLen || !isHTTPS(r) {
		return
	}
	challenge, o := newOffer(rec.Key, rec.ID[:], now)
	device := string(o[:])
	stored, found, err := m.device.store.SetDevice(ctx, [8]byte(rec.Key[:]), rec.ID, rec.Device, device)
	if err != nil {
		reportFailure(ctx, "offer to bind", err) // the rotation has succeeded
		return
	}
	if found && stored.Device == device {
		rec.Device = device
		m.device.announce(w, challenge)
	}
}
