package session

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"
)

// An offer is a digest of the challenge of a registration. That of a sign-in is the
// session's ID: sessions that no browser binds need no room for it. That of a rotation
// is Record.Device until the registration.
type offer [offerLen]byte

const (
	offerLen = len(ID{})
	// offerTime is how long a registration may take.
	offerTime = time.Minute
	// A challenge of a registration is in base64url: the tag of the key, that of a
	// rotation also the ID, then when it was made, and random bytes.
	madeAt      = 8
	randomAt    = madeAt + 6
	offerRawLen = 32
)

const registrationHeader = "Secure-Session-Registration"

// newOffer returns a challenge for a registration and its offer.
func newOffer(key Key, id []byte, now time.Time) (challenge string, o offer) {
	b := make([]byte, 0, offerRawLen+len(id))
	b = append(b, key[:madeAt]...)
	b = append(b, id...)
	b = appendMillis(b, now.UnixMilli())
	n := len(b)
	b = b[:offerRawLen+len(id)]
	_, _ = rand.Read(b[n:]) // never fails
	return tokenEncoding.EncodeToString(b), offerOf(b)
}

func offerOf(challenge []byte) (o offer) {
	sum := sha256.Sum256(append([]byte("guard: registration of a device\n"), challenge...))
	copy(o[:], sum[:])
	return o
}

// A registration is what its challenge says.
type registration struct {
	tag   [8]byte
	id    ID
	offer offer
	old   string // Record.Device that it replaces
	made  time.Time
}

var errNoOffer = errors.New("session: the challenge is none of a registration")

func parseOffer(challenge string) (o registration, err error) {
	b, err := tokenEncoding.DecodeString(challenge)
	if err != nil || strings.ContainsAny(challenge, "\r\n") { // which DecodeString skips
		return o, errNoOffer
	}
	o.offer = offerOf(b)
	switch len(b) {
	case offerRawLen:
		o.id = ID(o.offer)
	case offerRawLen + len(ID{}):
		o.id, o.old = ID(b[madeAt:]), string(o.offer[:])
	default:
		return o, errNoOffer
	}
	o.tag = [8]byte(b)
	o.made = time.UnixMilli(millisOf(b[len(b)-offerRawLen+madeAt:][:6]))
	return o, nil
}

// announce asks the browser to register a key.
func (d *device) announce(w http.ResponseWriter, challenge string) {
	w.Header().Set(registrationHeader, `(ES256);path="`+d.path+`";challenge="`+challenge+`"`)
}

// isHTTPS reports whether the client uses https. A proxy that ends TLS need not say so,
// and a cookie that is Secure is for https; where anything says http, it is not.
func isHTTPS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	return !strings.HasPrefix(r.Header.Get("Origin"), "http:") && !strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "http")
}
