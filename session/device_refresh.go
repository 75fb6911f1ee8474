package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard/internal/field"
)

// challengeTime is how long a challenge for a refresh is good.
const challengeTime = time.Minute

// refreshDevice sets a new bound cookie for a signed challenge, or answers with a
// challenge. Cookies do not count: where a link on another site opens a page, browsers
// send none with SameSite. The order costs one call of the store: the signature is
// verified by the key of the identifier, which the store compares when it records that
// the challenge is used, and only the holder of the key gets that far.
func (m *Manager[D]) refreshDevice(w http.ResponseWriter, r *http.Request) (subject string, challenged bool, err error) {
	text, _, err := headerText(r.Header, sessionIDHeader)
	if err != nil {
		return "", false, badProof(err)
	}
	i, err := parseIdentifier(text)
	if err != nil {
		return "", false, badProof(err)
	}
	now := m.now()
	text, sent, err := headerText(r.Header, responseHeader)
	if err != nil {
		return "", false, badProof(err)
	}
	if !sent {
		return m.challengeDevice(w, r, &i, now)
	}
	p, err := parseProof(text)
	if err != nil {
		return "", false, badProof(err)
	}
	if p.key != nil { // "It MUST not be present for refresh requests."
		return "", false, badProof(errors.New("session: a refresh with a key"))
	}
	if err := p.verify(&i.key); err != nil {
		return "", false, badProof(err)
	}
	millis, ok := stampTime(p.challenge)
	if age := now.Sub(time.UnixMilli(millis)); !ok || age >= challengeTime || age <= -Grace {
		return m.challengeDevice(w, r, &i, now)
	}
	rec, advanced, err := m.spendChallenge(r.Context(), &i, millis, now)
	if err != nil {
		return "", false, err
	}
	if !advanced || !isStamp(rec.Device, ofChallenge, millis, p.challenge) {
		m.device.challenge(w, &rec, now)
		return rec.Subject, true, nil
	}
	m.device.setBoundCookie(w, rec.Device, now)
	field.NoStore(w.Header())
	w.WriteHeader(http.StatusOK)
	return rec.Subject, false, nil
}

// spendChallenge records that the challenge of a time is used, and returns the session.
func (m *Manager[D]) spendChallenge(ctx context.Context, i *identifier, millis int64, now time.Time) (rec Record, advanced bool, err error) {
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	rec, advanced, found, err := m.device.store.AdvanceDevice(ctx, i.tag, i.id, string(i.key[:]), millis)
	if err != nil {
		return rec, false, unavailable("use a challenge", err)
	}
	if err := m.checkDeviceRecord(&rec, found, i.tag, i.id, now); err != nil {
		return rec, false, err
	}
	if !i.is(&rec) {
		return rec, false, badProof(errors.New("session: the identifier has another key than the session"))
	}
	return rec, advanced, nil
}

// challengeDevice answers with a challenge.
func (m *Manager[D]) challengeDevice(w http.ResponseWriter, r *http.Request, i *identifier, now time.Time) (string, bool, error) {
	rec, err := m.deviceRecord(r.Context(), i, now)
	if err != nil {
		return "", false, err
	}
	m.device.challenge(w, &rec, now)
	return rec.Subject, true, nil
}

// challenge asks for a signature of a time that is later than that of the last refresh,
// also where the clock of the process that answered it was fast.
func (d *device) challenge(w http.ResponseWriter, rec *Record, now time.Time) {
	i := identifierOf(rec)
	challenge := stamp(rec.Device, ofChallenge, max(now.UnixMilli(), rec.DeviceStep+1))
	field.NoStore(w.Header())
	w.Header().Set(challengeHeader, `"`+string(challenge[:])+`";id="`+i.String()+`"`)
	w.WriteHeader(http.StatusForbidden)
}
