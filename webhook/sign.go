package webhook

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/hmacstate"
)

// Sign returns the header fields of a request that delivers d, whose body must have exactly
// d.Body. Where the Form has a Separator, it signs with every secret, so that receivers can
// replace theirs at any time; otherwise with the first.
//
// A zero d.Time is now. Each attempt to deliver has its own time, and the same ID. The ID of
// a form with IDMember, and the type of one with TypeMember, are in the body. The error lists
// what [New] would refuse.
func Sign(s Sender, secrets []guard.Secret, d *Delivery) (http.Header, error) {
	c, err := compile(s, secrets)
	if err != nil {
		return nil, err
	}
	h := http.Header{}
	if c.IDField != "" {
		if !isID(d.ID) || c.idEnd != 0 && strings.IndexByte(d.ID, c.idEnd) >= 0 {
			return nil, errors.New("webhook: a delivery needs an ID of printable ASCII, without the character that Content has behind it")
		}
		h[c.IDField] = []string{d.ID}
	}
	if c.TypeField != "" && d.Type != "" {
		h[c.TypeField] = []string{d.Type}
	}
	timeText := ""
	if c.TimeField+c.TimeElement != "" {
		at := d.Time
		if at.IsZero() {
			at = time.Now()
		}
		timeText = strconv.FormatInt(at.Unix(), 10)
		if _, err := timeOf(timeText); err != nil {
			return nil, err
		}
	}
	var elements []string
	if c.TimeElement != "" {
		elements = append(elements, c.TimeElement+timeText)
	}
	if c.TimeField != "" {
		h[c.TimeField] = []string{timeText}
	}
	content := append(c.appendContent(nil, d.ID, timeText), d.Body...)
	for _, key := range c.keys {
		elements = append(elements, c.prefix+c.encode(hmacstate.Append(key, nil, content)))
		if c.Separator == "" {
			break
		}
	}
	h[c.SignatureField] = []string{strings.Join(elements, c.Separator)}
	return h, nil
}

func (c *scheme) encode(mac []byte) string {
	if c.base64 {
		return strict.EncodeToString(mac)
	}
	return hex.EncodeToString(mac)
}
