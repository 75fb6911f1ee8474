package session

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/internal/testhook"
)

func init() {
	testhook.Session = func(session any, subject string, data []byte, authTime, lastSeen time.Time, factors []string) error {
		s := session.(interface {
			fill(string, []byte, time.Time, time.Time, []string) error
		})
		return s.fill(subject, data, authTime, lastSeen, factors)
	}
}

// fill makes s a session for package guardtest, as a manager with the default
// options would return it. It is in no store.
func (s *Session[D]) fill(subject string, data []byte, authTime, lastSeen time.Time, factors []string) error {
	if err := checkSubject(subject); err != nil {
		return err
	}
	o, err := newCreateOptions([]CreateOption{Factors(factors...)}, nil)
	if err != nil {
		return err
	}
	encoded, err := o.login.encode()
	if err != nil {
		return err
	}
	var opts Options
	opts.setDefaults()
	_, key := newToken(subject)
	created, seen := authTime.Truncate(time.Millisecond), lastSeen.Truncate(time.Millisecond)
	st := &state[D]{deadline: earlier(seen.Add(opts.IdleTimeout), created.Add(opts.Lifetime)), login: o.login}
	st.rec = Record{
		Key: key, Subject: subject, Data: string(data), Login: encoded, Revision: 1,
		Created: created, LastSeen: seen, Deadline: st.deadline,
	}
	_, _ = rand.Read(st.rec.ID[:]) // never fails
	s.hidden = secret.New(st)
	return json.Unmarshal(data, &st.data)
}
