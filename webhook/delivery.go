package webhook

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/strictjson"
)

// A Delivery is a signed message of a sender, as one request delivered it. It is valid
// until the handler of that request returns.
type Delivery struct {
	// ID is the sender's name for it, the same at each attempt to deliver it. It is empty
	// where the Form has none.
	ID string
	// Type is what happened, such as "invoice.paid". It is empty where there is none, and not
	// signed where it is in the header, as GitHub's is.
	Type string
	// Time is when this attempt was signed; it is zero where the Form has no time.
	Time time.Time
	// Body has the exact bytes that were signed. The request's Body has them, too. They must
	// not be changed.
	Body []byte
	// Challenge is the text to answer a request with that verifies this endpoint, such as
	// Slack's url_verification. It is empty for others. [Hooks.Handler] answers it.
	Challenge string
}

// Answer writes the Challenge of a delivery, which is signed, as plain text. It is for a
// handler that does not use [Hooks.Handler].
func (d *Delivery) Answer(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, d.Challenge) // the client may have left
}

// maxID is the length of an id or a type, which stores and logs hold.
const maxID = 255

// readHeader sets what is in the header.
func (c *scheme) readHeader(header http.Header, d *Delivery) error {
	if c.IDField != "" {
		lines := header[c.IDField]
		if len(lines) != 1 || lines[0] == "" {
			return errNoID
		}
		if d.ID = lines[0]; !isID(d.ID) || c.idEnd != 0 && strings.IndexByte(d.ID, c.idEnd) >= 0 {
			return errID
		}
	}
	if c.TypeField != "" {
		lines := header[c.TypeField]
		if len(lines) > 1 || len(lines) == 1 && len(lines[0]) > maxID {
			return errType
		}
		if len(lines) == 1 {
			d.Type = lines[0]
		}
	}
	return nil
}

// readMembers sets what is in the body, whose signature was verified.
func (c *scheme) readMembers(d *Delivery) error {
	var buf [maxID + 1]byte
	if c.TypeMember != "" {
		kind, _ := strictjson.PeekText(d.Body, c.TypeMember, buf[:])
		d.Type = string(kind)
	}
	if c.ChallengeType != "" && d.Type == c.ChallengeType {
		text, ok := strictjson.PeekText(d.Body, c.ChallengeMember, buf[:])
		if d.Challenge = string(text); !ok || !isID(d.Challenge) {
			return errNotFound
		}
		return nil
	}
	if c.IDMember == "" {
		return nil
	}
	id, ok := strictjson.PeekText(d.Body, c.IDMember, buf[:])
	if !ok || len(id) == 0 {
		return errNoID
	}
	if d.ID = string(id); !isID(d.ID) {
		return errID
	}
	return nil
}

// isID reports whether s is printable ASCII of a length that an id may have.
func isID(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxID
}
