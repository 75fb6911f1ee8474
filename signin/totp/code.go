package totp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"time"
)

const (
	period     = 30 // seconds of a step (RFC 6238, section 5.2)
	skew       = 1  // steps that clocks may differ by, either way
	secretSize = 20 // bytes, the length of an HMAC-SHA-1 (RFC 4226, section 4, R6)
	maxDigits  = 8
)

// usedFor is how long a used step is remembered. A minute and a half would do, if no
// clock ever went back.
const usedFor = time.Hour

// hotp writes the code of a counter (RFC 4226, section 5.3) to the end of dst.
func hotp(sum []byte, dst []byte) {
	offset := sum[len(sum)-1] & 0xf
	v := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = '0' + byte(v%10)
		v /= 10
	}
}

// match returns the step whose code is the given one, of those around now. Of several it
// is the newest: the code is spent for all of them. It compares with each.
func match(secret []byte, code string, now time.Time) (step int64, ok bool) {
	at := now.Unix() / period
	if now.Unix() < 0 {
		return 0, false
	}
	mac := hmac.New(sha1.New, secret)
	var counter [8]byte
	var sum [sha1.Size]byte
	var want [maxDigits]byte
	for s := max(0, at-skew); s <= at+skew; s++ {
		binary.BigEndian.PutUint64(counter[:], uint64(s))
		mac.Reset()
		mac.Write(counter[:])
		hotp(mac.Sum(sum[:0]), want[:len(code)])
		equal := subtle.ConstantTimeCompare(want[:len(code)], []byte(code))
		step = int64(subtle.ConstantTimeSelect(equal, int(s), int(step)))
		ok = ok || equal == 1
	}
	return step, ok
}

// A kind is what was typed.
type kind int

const (
	malformed kind = iota
	oneTime
	recovery
)

// maxTyped is more than a code has with its spaces.
const maxTyped = 64

// parse returns what was typed, without its spaces: the digits of a one-time code, or a
// recovery code in its canonical spelling.
func parse(typed string) (code string, k kind) {
	if len(typed) > maxTyped {
		return "", malformed
	}
	var b [maxTyped]byte
	n, digits, hyphens := 0, 0, 0
	for _, c := range []byte(typed) {
		switch {
		case c == ' ':
			continue
		case c == '-':
			hyphens++
			continue
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		b[n] = c
		n++
	}
	switch {
	case (n == 6 || n == 8) && digits == n && hyphens == 0:
		return string(b[:n]), oneTime
	case n == recoveryLength && isBase32(b[:n]):
		return string(b[:n]), recovery
	}
	return "", malformed
}

func isBase32(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
