package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/ratelimit"
)

const (
	minDeviceKey     = 32 // bytes
	maxDeviceSubject = 255
	maxDeviceCookie  = 4096 // what browsers accept
)

// A deviceEntry is one account in the cookie of a device.
type deviceEntry struct {
	account [sha256.Size]byte // the digest of its normalized name
	subject string
	epoch   int64
	number  int   // 0 to ratelimit.MaxDevices-1
	seen    int64 // the last sign-in, in seconds since 1970
}

// deviceSeals seal and open the cookies. The first of them seals.
type deviceSeals struct {
	aeads secret.Value[[]cipher.AEAD]
	name  []byte // of the cookie: a value is bound to it
}

// newDeviceSeals derives a key from each, so that a key that also serves another
// purpose opens nothing of the other.
func newDeviceSeals(keys []guard.Secret, name string) (deviceSeals, error) {
	var errs []error
	aeads := make([]cipher.AEAD, len(keys))
	for i, key := range keys {
		if len(key) < minDeviceKey {
			errs = append(errs, fmt.Errorf("password: key %d of devices has %d bytes, want at least %d", i+1, len(key), minDeviceKey))
			continue
		}
		derived, err := hkdf.Key(sha256.New, key, nil, "go-guard device cookie 1", 32)
		if err == nil {
			var block cipher.Block
			if block, err = aes.NewCipher(derived); err == nil {
				aeads[i], err = cipher.NewGCMWithRandomNonce(block)
			}
		}
		errs = append(errs, err)
	}
	return deviceSeals{secret.New(aeads), []byte(name)}, errors.Join(errs...)
}

// seal returns the value of a cookie.
func (s deviceSeals) seal(entries []deviceEntry) string {
	var b []byte
	for _, e := range entries {
		b = append(b, e.account[:]...)
		b = append(b, byte(e.number), byte(len(e.subject)))
		b = binary.BigEndian.AppendUint64(b, uint64(e.epoch))
		b = binary.BigEndian.AppendUint64(b, uint64(e.seen))
		b = append(b, e.subject...)
	}
	return base64.RawURLEncoding.EncodeToString(s.aeads.Reveal()[0].Seal(nil, nil, b, s.name))
}

// open returns what seal sealed, and nothing for any other value.
func (s deviceSeals) open(value string) []deviceEntry {
	if len(value) > maxDeviceCookie {
		return nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return nil
	}
	for _, aead := range s.aeads.Reveal() {
		if b, err := aead.Open(nil, nil, sealed, s.name); err == nil {
			return parseDevice(b)
		}
	}
	return nil
}

func parseDevice(b []byte) (entries []deviceEntry) {
	const fixed = sha256.Size + 2 + 8 + 8
	for len(b) > fixed {
		e := deviceEntry{account: [sha256.Size]byte(b), number: int(b[sha256.Size])}
		n := int(b[sha256.Size+1])
		e.epoch = int64(binary.BigEndian.Uint64(b[sha256.Size+2:]))
		e.seen = int64(binary.BigEndian.Uint64(b[sha256.Size+10:]))
		if b = b[fixed:]; n > len(b) || e.number >= ratelimit.MaxDevices {
			return nil
		}
		e.subject, b = string(b[:n]), b[n:]
		entries = append(entries, e)
	}
	return entries
}
