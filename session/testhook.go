package session

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-guard/guard/internal/testhook"
)

func init() {
	testhook.Session = func(session any, subject string, data []byte, authTime, lastSeen time.Time) error {
		s := session.(interface {
			fill(string, []byte, time.Time, time.Time) error
		})
		return s.fill(subject, data, authTime, lastSeen)
	}
}

// fill makes s a session for package guardtest, as a manager with the default
// options would return it. It is in no store.
func (s *Session[D]) fill(subject string, data []byte, authTime, lastSeen time.Time) error {
	if subject == "" || len(subject) > 255 {
		return fmt.Errorf("a subject of %d bytes", len(subject))
	}
	var o Options
	o.setDefaults()
	_, key := newToken(subject)
	created, seen := authTime.Truncate(time.Millisecond), lastSeen.Truncate(time.Millisecond)
	s.deadline = earlier(seen.Add(o.IdleTimeout), created.Add(o.Lifetime))
	s.rec = Record{
		Key: key, Subject: subject, Data: string(data), Revision: 1,
		Created: created, LastSeen: seen, Deadline: s.deadline,
	}
	_, _ = rand.Read(s.rec.ID[:]) // never fails
	return json.Unmarshal(data, &s.data)
}
