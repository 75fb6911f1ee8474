package session

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/localpath"
)

// DeviceOptions binds sessions to a key that cannot leave the device: Device Bound
// Session Credentials (W3C, editor's draft of 17 February 2026). It is experimental: the
// draft and this type may change.
//
// A browser that supports it registers a key after the sign-in. From then on the session
// also needs a second cookie, __Host-session-device, which is good for the time of Every:
// the browser refreshes it with a signature of the key. A request without it is refused
// with 401 and the code "session_device", and its session lives on; a logout needs no
// second cookie. Browsers without support are not affected: see [Manager.RequireDevice].
//
// A connection that outlives its request, such as a WebSocket, is not checked again:
// close it after Every, so that the client opens it with a new cookie.
//
// The zero DeviceOptions binds no session. A manager with it refuses sessions that
// another manager has bound. Others exclude InsecureCookie, Domain, Partitioned and
// SameSite None.
type DeviceOptions struct {
	// Path is where [Manager.Device] is mounted, such as "/device". Browsers send
	// registrations and refreshes to it. If empty, no session is bound.
	Path string
	// Every is how long the second cookie is good: a copy of all cookies is worth that
	// much. Browsers refresh it a little earlier; Chromium does so at most six times in
	// nine minutes. It is 2 seconds to an hour. If zero, 10 minutes.
	Every time.Duration
}

// device is what a Manager has of DeviceOptions.
type device struct {
	path   string
	every  time.Duration
	store  DeviceStore
	cookie http.Cookie
}

// setDefaults leaves mistakes for check.
func (o *DeviceOptions) setDefaults() {
	if o.Path != "" {
		setDefault(&o.Every, 10*time.Minute)
	}
}

// checkDevice returns the mistakes in the device options of o.
func (o *Options) checkDevice() (errs []error) {
	d := &o.ExperimentalDevice
	if d.Path == "" {
		if d.Every != 0 {
			errs = append(errs, errors.New("session: ExperimentalDevice has no Path: no session would be bound"))
		}
		return errs
	}
	if !localpath.Is(d.Path) || strings.ContainsAny(d.Path, `"?#%`) {
		errs = append(errs, fmt.Errorf("session: the device's Path %q is no path of this site without a query, such as \"/device\"", d.Path))
	}
	if d.Every < 2*time.Second || d.Every > time.Hour {
		errs = append(errs, fmt.Errorf("session: the device's Every %v is not between 2 seconds and an hour", d.Every))
	}
	if o.InsecureCookie {
		errs = append(errs, errors.New("session: ExperimentalDevice with InsecureCookie: browsers bind sessions over https only"))
	}
	// The cookie of such a session goes where no browser refreshes it: to other hosts, and
	// to frames of other sites.
	if o.Domain != "" || o.Partitioned || o.SameSite == http.SameSiteNoneMode {
		errs = append(errs, errors.New("session: ExperimentalDevice with Domain, Partitioned or SameSite None: leave one of them out"))
	}
	if _, ok := o.Store.(DeviceStore); o.Store != nil && !ok {
		errs = append(errs, fmt.Errorf("session: ExperimentalDevice with a Store, %T, that is no DeviceStore", o.Store))
	}
	return errs
}

// newDevice returns what a manager needs to bind sessions, nil if it binds none.
func newDevice(o *Options) *device {
	if o.ExperimentalDevice.Path == "" {
		return nil
	}
	store, _ := o.Store.(DeviceStore)
	d := &device{o.ExperimentalDevice.Path, o.ExperimentalDevice.Every, store, newCookie(o)}
	d.cookie.Name += "-device"
	return d
}

// Record.Device of a session that a key is registered for. The secret authenticates
// bound cookies and challenges, and never leaves the server.
const (
	deviceKeyLen = 64 // of P-256: x, y
	secretEnd    = deviceKeyLen + 16
	offerEnd     = secretEnd + offerLen
	deviceLen    = offerEnd + 6 // with when it was registered, in Unix milliseconds
)

// newDeviceRecord returns Record.Device for a key that is registered now.
func newDeviceRecord(key *[deviceKeyLen]byte, o offer, now time.Time) string {
	b := make([]byte, 0, deviceLen)
	b = append(b, key[:]...)
	b = b[:secretEnd]
	_, _ = rand.Read(b[deviceKeyLen:]) // never fails
	b = append(b, o[:]...)
	return string(appendMillis(b, now.UnixMilli()))
}

// isBound reports whether a key is registered. An error is a Record.Device that this
// version did not write.
func isBound(device string) (bool, error) {
	switch len(device) {
	case 0, offerLen:
		return false, nil
	case deviceLen:
		return true, nil
	}
	return false, errors.New("session: the record has a device of another version")
}

// Bound reports whether the session is bound to a device: see [DeviceOptions].
func (s *Session[D]) Bound() bool { return len(s.state().rec.Device) == deviceLen }

// stamp returns a time and its authenticator by the secret of a device: the value of a
// bound cookie, or a challenge. A digest of texts of one length is sound as an
// authenticator, and costs no allocation, as an HMAC does.
func stamp(device string, purpose byte, millis int64) (text [stampTextLen]byte) {
	var b [stampLen]byte
	appendMillis(b[:0], millis)
	var input [1 + secretEnd - deviceKeyLen + 6]byte
	input[0] = purpose
	copy(input[1:], device[deviceKeyLen:secretEnd])
	copy(input[len(input)-6:], b[:6])
	sum := sha256.Sum256(input[:])
	copy(b[6:], sum[:])
	tokenEncoding.Encode(text[:], b[:])
	return text
}

const (
	stampLen     = 6 + 18
	stampTextLen = 32

	ofCookie    = 'b'
	ofChallenge = 'c'
)

// stampTime returns the time in a stamp, which is not authenticated yet.
func stampTime(text string) (millis int64, ok bool) {
	if len(text) != stampTextLen {
		return 0, false
	}
	var head [8]byte
	copy(head[:], text)
	var b [9]byte
	if n, err := tokenEncoding.Decode(b[:], head[:]); err != nil || n != 6 {
		return 0, false
	}
	return millisOf(b[:6]), true
}

// isStamp reports whether text is the stamp of a device for a purpose and a time.
func isStamp(device string, purpose byte, millis int64, text string) bool {
	want := stamp(device, purpose, millis)
	return subtle.ConstantTimeCompare(want[:], []byte(text)) == 1
}

// appendMillis appends the 6 lower bytes of a time in Unix milliseconds.
func appendMillis(b []byte, millis int64) []byte {
	var all [8]byte
	binary.BigEndian.PutUint64(all[:], uint64(millis))
	return append(b, all[2:]...)
}

func millisOf[T string | []byte](b T) int64 {
	var all [8]byte
	copy(all[2:], b)
	return int64(binary.BigEndian.Uint64(all[:]))
}
