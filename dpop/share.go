package dpop

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/secret"
)

// maxKeys bounds the keys that are counted. If there are more in a minute, all counts
// begin anew.
const maxKeys = 1 << 16

// shares count the proofs of each key, so that one key cannot fill the store. They are
// those of one process: a shared count would cost each request a second call.
type shares struct {
	max    int
	mu     sync.Mutex
	since  time.Time // when the counts began
	hidden secret.Value[map[digest]int]
}

// A digest is the thumbprint of a key (RFC 7638).
type digest [32]byte

// is reports whether text is the digest in base64url.
func (d *digest) is(text []byte) bool {
	var stackBuffer [43]byte
	base64url.Encode(stackBuffer[:], d[:])
	return subtle.ConstantTimeCompare(stackBuffer[:], text) == 1
}

// take counts a proof of a key. It returns how long the key must wait, 0 if there is
// room.
func (s *shares) take(key digest, now time.Time) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age, counts := now.Sub(s.since), s.hidden.Reveal()
	if counts == nil || age >= time.Minute || age < 0 || len(counts) >= maxKeys && counts[key] == 0 {
		age, counts = 0, make(map[digest]int)
		s.since, s.hidden = now, secret.New(counts)
	}
	if counts[key] >= s.max {
		return time.Minute - age
	}
	counts[key]++
	return 0
}

// giveBack undoes take: who replays a proof must not use up the share of its key.
func (s *shares) giveBack(key digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if counts := s.hidden.Reveal(); counts[key] > 0 {
		counts[key]--
	}
}

// tooMany is the refusal of a key that has used its share.
func tooMany(wait time.Duration) *guard.Error {
	return &guard.Error{
		Status: http.StatusTooManyRequests, Code: "rate_limited",
		Header: http.Header{"Retry-After": {strconv.Itoa(int((wait + time.Second - 1) / time.Second))}},
		Err:    errShare,
	}
}

var errShare = &reason{nil, "the key has used its share of proofs for this minute"}
