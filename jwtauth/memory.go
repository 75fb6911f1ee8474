package jwtauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/expiring"
)

// MemoryOptions holds what has a default for a [Memory].
type MemoryOptions struct {
	// Max is how many entries there may be at the same time. If 0, it is 262144.
	Max int
	// MaxPerSubject is how many entries one subject may have at the same time;
	// one more if it is 1. If 0, it is 128. The time of a Deny grows with it.
	MaxPerSubject int
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// Memory is a [Denylist] for a single process. It is bounded, and drops no entry
// before its time: where Max is reached, Deny fails. It runs no goroutine: each
// Deny removes a few expired entries.
//
// An ID is an entry, of less than 400 bytes. Where a subject reaches MaxPerSubject,
// one entry replaces the IDs that were denied first. Until they would all have
// expired, it denies all tokens of the subject that were issued in or before the
// second in which the last of them was denied, and those without an iat claim. So an
// account that logs in and out again and again, or logs in beyond the limit of a
// refresh.Store, cannot fill the denylist. The price is its own: an access token that
// is older than the last MaxPerSubject of its logins that ended, or was issued in the
// second in which the first of them did, is denied, too.
//
// An expired entry stays for an hour or longer in case the clock is set back,
// unless Max or MaxPerSubject is reached.
type Memory struct {
	max, maxPerSubject int
	now                func() time.Time

	mu     sync.RWMutex
	ids    map[string]*denial
	shares map[string]*share // by subject
	expiry expiring.Heap[*denial]
}

// NewMemory returns an empty Memory; opts may be nil. Its error lists every
// mistake: a negative Max or MaxPerSubject.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	var o MemoryOptions
	if opts != nil {
		o = *opts
	}
	var errs []error
	if o.Max < 0 {
		errs = append(errs, fmt.Errorf("jwtauth: Max %d is negative", o.Max))
	}
	if o.MaxPerSubject < 0 {
		errs = append(errs, fmt.Errorf("jwtauth: MaxPerSubject %d is negative", o.MaxPerSubject))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.Max == 0 {
		o.Max = 1 << 18
	}
	if o.MaxPerSubject == 0 {
		o.MaxPerSubject = 128
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Memory{max: o.Max, maxPerSubject: o.MaxPerSubject, now: o.Now, ids: map[string]*denial{}, shares: map[string]*share{}}, nil
}

// errMemoryFull is returned rather than an ID dropped, whose tokens would be
// accepted again.
var errMemoryFull = errors.New("jwtauth: the denylist in memory is full")

const (
	// clockSlack is how long an entry stays after its time, in milliseconds.
	clockSlack = int64(time.Hour / time.Millisecond)
	// sweptPerID is how many expired entries are removed for each ID: no request
	// waits while thousands are removed that expired together.
	sweptPerID = 2
	// idsPerLock is how many IDs are denied while requests wait.
	idsPerLock = 32
)

// Deny implements [Denylist]. It fails rather than exceed Max.
func (m *Memory) Deny(_ context.Context, until time.Time, subject string, ids ...string) error {
	deadline, subject := roundUp(until), bounded(subject)
	for some := range slices.Chunk(ids, idsPerLock) {
		if err := m.denySome(deadline, subject, some); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) denySome(deadline int64, subject string, ids []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if deadline <= now.UnixMilli()-clockSlack {
		return nil
	}
	for _, id := range ids {
		m.dropExpired(now.UnixMilli()-clockSlack, sweptPerID)
		if err := m.deny(now, deadline, subject, bounded(id)); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) deny(now time.Time, deadline int64, subject, id string) error {
	if d, ok := m.ids[id]; ok {
		m.again(d, now, deadline, subject)
		return nil
	}
	if m.expiry.Len() >= m.max {
		m.dropExpired(now.UnixMilli(), 1)
	}
	s := m.shares[subject]
	past := deadline <= now.UnixMilli() // then it replaces no other
	for s != nil && len(s.ids) > 0 && s.entries() >= m.maxPerSubject && !past {
		m.reduce(s, now)
	}
	switch {
	case past && (m.expiry.Len() >= m.max || s != nil && s.entries() >= m.maxPerSubject):
		return nil
	case m.expiry.Len() >= m.max:
		return errMemoryFull
	}
	s = m.shareOf(subject) // the old one may be gone with its last ID
	d := &denial{Node: expiring.Node{Deadline: deadline}, id: strings.Clone(id), share: s}
	m.ids[d.id] = d
	m.expiry.Push(d)
	s.add(d, now)
	return nil
}

// dropExpired removes up to n entries whose deadline is not after now.
func (m *Memory) dropExpired(now int64, n int) {
	for ; n > 0; n-- {
		d, ok := m.expiry.First()
		if !ok || d.Deadline > now {
			return
		}
		m.remove(d)
	}
}

func (m *Memory) remove(d *denial) {
	m.expiry.Remove(d)
	s := d.share
	if s != nil && s.rest == d {
		s.rest = nil
	} else {
		delete(m.ids, d.id)
		s.remove(d)
	}
	m.dropEmpty(s)
}

// Denied implements [Denylist].
func (m *Memory) Denied(_ context.Context, issuedAt time.Time, subject string, ids ...string) (bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.expiry.Len() == 0 {
		return false, nil
	}
	for _, id := range ids {
		if m.isLive(find(m.ids, id)) {
			return true, nil
		}
	}
	if m.expiry.Len() == len(m.ids) { // no share has a rest
		return false, nil
	}
	s := find(m.shares, subject)
	return s != nil && m.isLive(s.rest) && (issuedAt.IsZero() || issuedAt.Unix() <= s.rest.at), nil
}

func (m *Memory) isLive(d *denial) bool { return d != nil && m.now().UnixMilli() < d.Deadline }

// roundUp returns t in Unix milliseconds. Times after the year 9999 never pass.
func roundUp(t time.Time) int64 {
	if t.Unix() > maxDate {
		return math.MaxInt64
	}
	ms := t.UnixMilli()
	if time.UnixMilli(ms).Before(t) {
		ms++
	}
	return ms
}

// maxText is the length of the longest text that is stored. Of a longer one, which
// another issuer chose, it is the digest.
const maxText = 80

func bounded(text string) string {
	if len(text) <= maxText {
		return text
	}
	sum := digest(text)
	return string(sum[:])
}

// find returns the element of a text, which it does not allocate.
func find[E any](m map[string]E, text string) E {
	if len(text) <= maxText {
		return m[text]
	}
	sum := digest(text)
	return m[string(sum[:])]
}

func digest(text string) [sha256.Size]byte {
	var stackBuffer [1280]byte // for a subject of 1024 bytes
	return sha256.Sum256(append(stackBuffer[:0], text...))
}
