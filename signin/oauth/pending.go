package oauth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/field"
)

const (
	pendingLifetime = 10 * time.Minute
	maxPending      = 8       // in a browser, of one CookieName
	maxPendingBytes = 6 << 10 // of all of them, names included: proxies bound a Cookie field to 8 KiB
	maxCookie       = 4 << 10 // browsers drop larger ones
	maxCookieName   = 64
	maxNext         = 2 << 10

	idSize    = 24 // a time in milliseconds and 6 random bytes, in hex
	stateSize = idSize + 22
)

// A pending sign-in is what a sealed cookie holds.
type pending struct {
	State    string   `json:"s"` // the id in the cookie's name, and 16 random bytes
	Nonce    string   `json:"n,omitempty"`
	Verifier string   `json:"v"` // of PKCE
	Started  int64    `json:"t"` // in Unix milliseconds
	Next     string   `json:"p,omitempty"`
	LinkTo   []byte   `json:"l,omitempty"` // JSON changes a string that is not UTF-8
	MaxAge   *int64   `json:"a,omitempty"` // in seconds
	ACR      []string `json:"c,omitempty"`
}

// newPending returns a sign-in with new random values.
func newPending(now time.Time) *pending {
	var random [6 + 16 + 16 + 32]byte
	_, _ = rand.Read(random[:]) // never fails
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	const nonceAt, verifierAt = stateSize, stateSize + 22
	b := make([]byte, 0, verifierAt+43)
	b = hex.AppendEncode(b, ms[2:])
	b = hex.AppendEncode(b, random[:6])
	b = base64.RawURLEncoding.AppendEncode(b, random[6:22])
	b = base64.RawURLEncoding.AppendEncode(b, random[22:38])
	b = base64.RawURLEncoding.AppendEncode(b, random[38:])
	all := string(b) // one allocation for the three
	return &pending{State: all[:nonceAt], Nonce: all[nonceAt:verifierAt], Verifier: all[verifierAt:], Started: now.UnixMilli()}
}

// id is the part of the cookie's name. Ids sort by the time at which they were made.
func (p *pending) id() string { return p.State[:idSize] }

func (p *pending) started() time.Time { return time.UnixMilli(p.Started) }

func (p *pending) expires() time.Time { return p.started().Add(pendingLifetime) }

// setCookies stores p in the browser, and ends its oldest sign-ins beyond maxPending and
// maxPendingBytes.
func (l *Login[C]) setCookies(w http.ResponseWriter, r *http.Request, p *pending) error {
	held, size := l.held(r.Header)
	var ended []string
	end := func() {
		ended, size, held = append(ended, held[0].id), size-held[0].size, held[1:]
	}
	for len(held) >= maxPending {
		end()
	}
	c := l.cookie
	c.Name = l.opts.CookieName + "-" + p.id()
	line := 0
	for {
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		c.Value = l.box.Seal(text, l.sealedAs+c.Name)
		line = len(c.Name) + len(c.Value) + len("=; ")
		tooLarge := line > maxCookie-len("; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=None")
		if p.Next != "" && (tooLarge || size+line > maxPendingBytes) { // it leads to / then
			p.Next = ""
			continue
		}
		if tooLarge {
			return errRequestTooLarge
		}
		break
	}
	for len(held) > 0 && size+line > maxPendingBytes {
		end()
	}
	for _, id := range ended {
		l.clear(w, id)
	}
	http.SetCookie(w, &c)
	return nil
}

// maxIDs bounds the sign-ins of a request that are looked at.
const maxIDs = 64

// A heldCookie is that of a pending sign-in which a request has.
type heldCookie struct {
	id   string
	size int
}

// held returns the cookies of sign-ins that a request has, the oldest first, and the size
// of all of them.
func (l *Login[C]) held(h http.Header) (list []heldCookie, size int) {
	prefix := l.opts.CookieName + "-"
	for _, line := range h["Cookie"] {
		for len(list) < maxIDs {
			i := strings.Index(line, prefix)
			if i < 0 {
				break
			}
			starts := i == 0 || line[i-1] == ' ' || line[i-1] == ';'
			line = line[i+len(prefix):]
			if len(line) <= idSize || line[idSize] != '=' || !starts || !isHex(line[:idSize]) {
				continue
			}
			value, _, _ := strings.Cut(line, ";")
			n := len(prefix) + len(value) + len("; ")
			list = append(list, heldCookie{line[:idSize], n})
			size += n
		}
	}
	slices.SortFunc(list, func(a, b heldCookie) int { return strings.Compare(a.id, b.id) })
	return list, size
}

func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// clear ends a sign-in in the browser.
func (l *Login[C]) clear(w http.ResponseWriter, id string) {
	c := l.cookie
	c.Name, c.MaxAge = l.opts.CookieName+"-"+id, -1
	http.SetCookie(w, &c)
}

// clearAll ends the sign-ins that a browser has begun: the next person who uses it cannot
// complete them.
func (l *Login[C]) clearAll(w http.ResponseWriter, r *http.Request) {
	list, _ := l.held(r.Header)
	for _, c := range list {
		l.clear(w, c.id)
	}
}

// pendingOf returns the sign-in that a state belongs to, from the browser's cookie.
func (l *Login[C]) pendingOf(r *http.Request, state string) (*pending, error) {
	if len(state) != stateSize || !isHex(state[:idSize]) {
		return nil, errState
	}
	name := l.opts.CookieName + "-" + state[:idSize]
	value, found := field.RawCookie(r.Header, name)
	switch found {
	case field.Present:
	case field.Absent:
		return nil, errNoCookie
	default:
		return nil, errTwoCookies
	}
	text, ok := l.box.Open(value, l.sealedAs+name)
	p := new(pending)
	if !ok || json.Unmarshal(text, p) != nil {
		return nil, errForeignCookie
	}
	if subtle.ConstantTimeCompare([]byte(p.State), []byte(state)) != 1 {
		return nil, errState
	}
	if now := l.opts.Now(); !now.Before(p.expires()) || now.Before(p.started().Add(-leeway)) {
		return nil, errPendingExpired
	}
	return p, nil
}
