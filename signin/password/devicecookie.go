package password

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/sealed"
	"github.com/go-guard/guard/ratelimit"
)

const (
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

// deviceSeals seal and open the cookies.
type deviceSeals struct {
	box  sealed.Box
	name string // of the cookie: a value is bound to it
}

func newDeviceSeals(keys []guard.Secret, name string) (deviceSeals, error) {
	box, err := sealed.New("go-guard device cookie 1", keys...)
	if err != nil {
		err = fmt.Errorf("password: the keys of devices: %w", err)
	}
	return deviceSeals{box, name}, err
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
	return s.box.Seal(b, s.name)
}

// open returns what seal sealed, and nothing for any other value.
func (s deviceSeals) open(value string) []deviceEntry {
	if len(value) > maxDeviceCookie {
		return nil
	}
	b, _ := s.box.Open(value, s.name)
	return parseDevice(b)
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
