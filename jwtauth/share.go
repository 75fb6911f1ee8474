package jwtauth

import (
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/expiring"
)

// A denial is an entry: of an ID or, as the rest of a share, of all tokens of a
// subject that were issued at a time or before. Its deadline is in Unix
// milliseconds: nanoseconds end in the year 2262.
type denial struct {
	expiring.Node
	id    string
	at    int64  // when it was denied last, in Unix seconds
	share *share // of its subject; nil if that is unknown
}

// A share holds the entries of one subject.
type share struct {
	subject string
	ids     []*denial // in the order in which they were denied last
	rest    *denial   // replaces the IDs that were too many; nil without any
}

func (s *share) entries() int {
	if s.rest != nil {
		return len(s.ids) + 1
	}
	return len(s.ids)
}

// add adds an ID that is denied now.
func (s *share) add(d *denial, now time.Time) {
	if s != nil {
		d.at = max(d.at, now.Unix()) // after the clock was set back, its tokens may be newer
		s.ids = append(s.ids, d)
	}
}

func (s *share) remove(d *denial) {
	if s != nil {
		i := slices.Index(s.ids, d)
		s.ids = slices.Delete(s.ids, i, i+1)
	}
}

// shareOf returns the share of a subject, nil if that is unknown. A new one must be
// added to.
func (m *Memory) shareOf(subject string) *share {
	s := m.shares[subject]
	if s == nil && subject != "" {
		s = &share{subject: strings.Clone(subject)}
		m.shares[s.subject] = s
	}
	return s
}

// again denies an ID that is there. One of several subjects is in the share of
// none: to replace it would deny the tokens of one subject only.
func (m *Memory) again(d *denial, now time.Time, deadline int64, subject string) {
	if d.Deadline < deadline {
		m.expiry.Move(d, deadline)
	}
	s := d.share
	if s == nil {
		return
	}
	s.remove(d)
	if s.subject == subject {
		s.add(d, now)
		return
	}
	d.share = nil
	m.dropEmpty(s)
}

// reduce removes an expired ID of a share or, without one, replaces the oldest.
func (m *Memory) reduce(s *share, now time.Time) {
	expired := slices.IndexFunc(s.ids, func(d *denial) bool { return d.Deadline <= now.UnixMilli() })
	if expired >= 0 {
		m.remove(s.ids[expired])
		return
	}
	oldest := s.ids[0]
	if s.rest == nil {
		s.remove(oldest)
		delete(m.ids, oldest.id)
		oldest.id, s.rest = "", oldest
		return
	}
	s.rest.at = max(s.rest.at, oldest.at)
	if s.rest.Deadline < oldest.Deadline {
		m.expiry.Move(s.rest, oldest.Deadline)
	}
	m.remove(oldest)
}

func (m *Memory) dropEmpty(s *share) {
	if s != nil && s.entries() == 0 {
		delete(m.shares, s.subject)
	}
}
