package passkey

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/field"
)

const (
	lifetime   = 5 * time.Minute
	leeway     = time.Minute // that the clock of another process may be ahead
	maxPending = 8           // in a browser
	maxIDs     = 64          // bounds the cookies of a request that are looked at

	challengeSize = 32     // bytes: the time in milliseconds, and 26 random ones
	idSize        = 2 * 12 // of the challenge's first 12 bytes in hex: part of the cookie's name
)

// A ceremony is the type of client data (WebAuthn, section 5.8.1).
type ceremony string

const (
	create ceremony = "webauthn.create"
	get    ceremony = "webauthn.get"
)

// A pending ceremony is what a sealed cookie holds. A Subject may be any bytes, and JSON
// changes a string that is not UTF-8.
type pending struct {
	Ceremony    ceremony `json:"k"`
	Challenge   string   `json:"c"` // in base64url
	Started     int64    `json:"t"` // in Unix milliseconds
	Subject     []byte   `json:"s,omitempty"`
	UserHandle  string   `json:"h,omitempty"`
	Conditional bool     `json:"u,omitempty"`
}

func (p *pending) expires() time.Time { return time.UnixMilli(p.Started).Add(lifetime) }

// begin completes p by a new challenge and stores it in the browser, whose oldest
// ceremonies beyond maxPending end.
func (p *RelyingParty) begin(w http.ResponseWriter, r *http.Request, c *pending) error {
	var challenge [challengeSize]byte
	_, _ = rand.Read(challenge[:]) // never fails
	c.Started = p.opts.Now().UnixMilli()
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(c.Started))
	copy(challenge[:], ms[2:]) // ids sort by the time at which they were made
	c.Challenge = base64.RawURLEncoding.EncodeToString(challenge[:])
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	ids := p.pendingIDs(r.Header)
	for len(ids) >= maxPending {
		p.clear(w, p.cookieName(ids[0]))
		ids = ids[1:]
	}
	cookie := p.cookie
	cookie.Name = p.cookieName(hex.EncodeToString(challenge[:idSize/2]))
	cookie.Value = p.box.Seal(text, p.sealedAs(cookie.Name))
	http.SetCookie(w, &cookie)
	return nil
}

func (p *RelyingParty) cookieName(id string) string { return p.opts.CookieName + "-" + id }

// sealedAs is what a sealed cookie belongs to.
func (p *RelyingParty) sealedAs(cookieName string) string {
	return fmt.Sprintf("%d:%s%s", len(p.id), p.id, cookieName)
}

// pendingIDs returns the ids of the ceremonies that a request has cookies of, the oldest
// first.
func (p *RelyingParty) pendingIDs(h http.Header) (ids []string) {
	prefix := p.cookieName("")
	for _, line := range h["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			id, ok := strings.CutPrefix(strings.TrimSpace(part), prefix)
			if len(ids) == maxIDs {
				break
			}
			if !ok || len(id) <= idSize || id[idSize] != '=' {
				continue
			}
			if _, err := hex.DecodeString(id[:idSize]); err == nil && id[:idSize] == strings.ToLower(id[:idSize]) {
				ids = append(ids, id[:idSize])
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// clear ends a ceremony in the browser.
func (p *RelyingParty) clear(w http.ResponseWriter, cookieName string) {
	c := p.cookie
	c.Name, c.MaxAge = cookieName, -1
	http.SetCookie(w, &c)
}

// pendingOf returns the ceremony that a challenge belongs to, from the browser's cookie,
// and the cookie's name.
func (p *RelyingParty) pendingOf(r *http.Request, kind ceremony, challenge string) (c *pending, cookieName string, err error) {
	b, ok := decode(challenge)
	if !ok || len(b) != challengeSize {
		return nil, "", errChallenge
	}
	cookieName = p.cookieName(hex.EncodeToString(b[:idSize/2]))
	value, found := field.RawCookie(r.Header, cookieName)
	switch found {
	case field.Present:
	case field.Absent:
		return nil, "", errNoCookie
	default:
		return nil, "", errTwoCookies
	}
	text, ok := p.box.Open(value, p.sealedAs(cookieName))
	c = new(pending)
	if !ok || json.Unmarshal(text, c) != nil {
		return nil, "", errForeignCookie
	}
	switch now := p.opts.Now(); {
	case c.Challenge != challenge: // no secret: the browser has both
		return nil, "", errChallenge
	case c.Ceremony != kind:
		return nil, "", errCeremony
	case !now.Before(c.expires()) || now.Before(time.UnixMilli(c.Started).Add(-leeway)):
		return nil, "", errExpired
	}
	return c, cookieName, nil
}

// decode decodes base64url without padding, of one spelling.
func decode(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n") // which the decoder ignores
}
