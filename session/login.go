package session

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A login is how a subject signed in: what [Record].Login holds. It is zero for a
// login without options.
type login struct {
	lifetime time.Duration // of For; 0 without it
	step     string        // what a half sign-in waits for; "" for a session
	pending  time.Duration // how long it waits
	epoch    int64         // which it was inserted with; AnyEpoch for a session
	factors  string        // separated by commas
	acr      string
}

// plain is the login without options.
var plain = login{epoch: AnyEpoch}

// halfPrefix begins the subject of half sign-ins in a store, which so have a bound of
// their own: someone who knows the password alone pushes out no session.
const halfPrefix = "\x01"

// storedSubject returns what a store has as the subject.
func (l *login) storedSubject(subject string) string {
	if l.step != "" {
		return halfPrefix + subject
	}
	return subject
}

// maxLogin is the maximum length of an encoded login.
const maxLogin = 255

// encode returns l as text: fields that begin with a letter, separated by spaces, such
// as "f604800000 apwd,otp". It needs no JSON, whose decoding would cost each request
// more than the rest of the record.
func (l *login) encode() (string, error) {
	var fields []string
	if l.lifetime > 0 {
		fields = append(fields, "f"+strconv.FormatInt(l.lifetime.Milliseconds(), 10))
	}
	if l.step != "" {
		fields = append(fields, "s"+l.step, "p"+strconv.FormatInt(l.pending.Milliseconds(), 10), "e"+strconv.FormatInt(l.epoch, 10))
	}
	if l.factors != "" {
		fields = append(fields, "a"+l.factors)
	}
	if l.acr != "" {
		fields = append(fields, "c"+l.acr)
	}
	text := strings.Join(fields, " ")
	if len(text) > maxLogin {
		return "", fmt.Errorf("session: the step, the factors and the ACR of a login take %d bytes, more than %d", len(text), maxLogin)
	}
	return text, nil
}

// parseLogin parses the result of encode. A field that it does not know is an error:
// a later version may have written it to restrict the session.
func parseLogin(text string) (login, error) {
	l := plain
	for rest, more := text, text != ""; more; {
		var field string
		field, rest, more = strings.Cut(rest, " ")
		ok := false
		if field != "" {
			ok = l.set(field[0], field[1:])
		}
		if !ok {
			return login{}, fmt.Errorf("session: login field %q", field)
		}
	}
	if (l.step != "") != (l.pending > 0) || (l.step != "") != (l.epoch >= 0) {
		return login{}, fmt.Errorf("session: a half sign-in of %q is incomplete", text)
	}
	return l, nil
}

func (l *login) set(name byte, value string) (ok bool) {
	switch name {
	case 'f':
		l.lifetime, ok = parseMillis(value)
	case 's':
		l.step, ok = value, isName(value)
	case 'p':
		l.pending, ok = parseMillis(value)
	case 'e':
		var err error
		l.epoch, err = strconv.ParseInt(value, 10, 64)
		ok = err == nil && l.epoch >= 0
	case 'a':
		l.factors, ok = value, value != ""
	case 'c':
		l.acr, ok = value, isACR(value)
	}
	return ok
}

func parseMillis(s string) (time.Duration, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return time.Duration(n) * time.Millisecond, err == nil && n > 0 && n <= math.MaxInt64/int64(time.Millisecond)
}

// addFactors adds those that l does not have.
func (l *login) addFactors(names []string) {
	list := l.amr()
	for _, name := range names {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	l.factors = strings.Join(list, ",")
}

func (l *login) amr() []string {
	if l.factors == "" {
		return nil
	}
	return strings.Split(l.factors, ",")
}

// isName reports whether s can be the name of a step or factor: 1 to 32 letters, digits,
// hyphens, underscores and dots.
func isName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// isACR reports whether s can be an ACR.
func isACR(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 128
}
