package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/hmacstate"
)

const (
	// maxField bounds the signature field: 60 signatures are more than any sender sends.
	maxField = 4 << 10
	// maxSignatures bounds those that are compared.
	maxSignatures = 16
	// tolerance is how far the time may be from ours, both ways.
	tolerance = 5 * time.Minute
)

// signatures are those of a signature field that are written as the Form says.
type signatures struct {
	macs [maxSignatures][sha256.Size]byte
	n    int

	time    string // of TimeElement
	hasTime bool
}

// parse reads the signature field. One that is malformed, of another version or of another
// length is ignored, as every other element is.
func (c *scheme) parse(line string) (s signatures, err error) {
	if len(line) > maxField {
		return s, errLong
	}
	for more := true; more; {
		var element string
		if c.Separator == "" {
			element, more = line, false
		} else {
			element, line, more = strings.Cut(line, c.Separator)
		}
		if c.TimeElement != "" {
			if t, ok := strings.CutPrefix(element, c.TimeElement); ok {
				if s.hasTime {
					return s, errRepeated // which one counts would be a guess
				}
				s.time, s.hasTime = t, true
				continue
			}
		}
		text, ok := strings.CutPrefix(element, c.prefix)
		if !ok || len(text) != c.size {
			continue
		}
		if s.n == maxSignatures {
			return s, errTooMany
		}
		if c.decode(&s.macs[s.n], text) {
			s.n++
		}
	}
	if s.n == 0 {
		return s, errNone
	}
	return s, nil
}

// decode reads the text of a signature, which has the right length.
func (c *scheme) decode(mac *[sha256.Size]byte, text string) bool {
	var src [2 * sha256.Size]byte // of either encoding
	n := copy(src[:], text)
	if !c.base64 {
		_, err := hex.Decode(mac[:], src[:n])
		return err == nil
	}
	var dst [sha256.Size + 3]byte // the decoder may write more, and ignores line breaks
	size, err := strict.Decode(dst[:], src[:n])
	copy(mac[:], dst[:])
	return err == nil && size == sha256.Size
}

// verify reports whether one of the signatures is that of content under one of the keys.
// All are compared: the time does not depend on which is right.
func (c *scheme) verify(s *signatures, content []byte) (ok bool) {
	for _, key := range c.keys {
		var sum [sha256.Size]byte
		mac := hmacstate.Append(key, sum[:0], content)
		for i := range s.n {
			if hmac.Equal(s.macs[i][:], mac) {
				ok = true
			}
		}
	}
	return ok
}

// timeOf reads Unix seconds in their one spelling.
func timeOf(text string) (t time.Time, err error) {
	const maxDigits = 11 // until the year 5138
	if text == "" {
		return t, errNoTime
	}
	if len(text) > maxDigits || strings.Trim(text, "0123456789") != "" || text[0] == '0' {
		return t, errTime
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return t, errTime
	}
	return time.Unix(seconds, 0), nil
}

// inWindow refuses what is older or newer than the tolerance, in whole seconds as it is sent.
func inWindow(t, now time.Time) error {
	const seconds = int64(tolerance / time.Second)
	switch age := now.Unix() - t.Unix(); { // centuries do not fit into a time.Duration
	case age > seconds:
		return errOld
	case age < -seconds:
		return errFuture
	}
	return nil
}
