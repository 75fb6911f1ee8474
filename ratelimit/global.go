package ratelimit

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// A Bucket is one token bucket for the whole process, whoever asks. It is safe
// for use by several goroutines.
type Bucket struct {
	mu      sync.Mutex
	limiter *rate.Limiter
}

// Global returns a bucket that grants limit requests a second and burst at
// once, for instance in front of password hashing: it bounds what all clients
// together can cost, and one of them can use it up.
func Global(limit rate.Limit, burst int) (*Bucket, error) {
	if !(limit > 0) || limit == rate.Inf || burst < 1 {
		return nil, fmt.Errorf("ratelimit: Global(%v, %d) wants a positive, finite limit and burst", float64(limit), burst)
	}
	return &Bucket{limiter: rate.NewLimiter(limit, burst)}, nil
}

// Take takes one token. Its error is a 429 for guard.Refuse.
func (b *Bucket) Take() error {
	if wait := b.take(); wait > 0 {
		return tooMany("", wait, errBucket)
	}
	return nil
}

// take is 0 or how long until there is a token; refused takes do not queue. A
// reservation that is cancelled would: its token is lost where another was made
// meanwhile.
func (b *Bucket) take() time.Duration {
	// x/time/rate takes a time that is before its last one for a clock set back,
	// and credits the span between twice: times must come in order.
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.limiter.AllowN(now, 1) {
		return 0
	}
	missing := (1 - b.limiter.TokensAt(now)) / float64(b.limiter.Limit()) // seconds of them
	return max(time.Duration(min(math.Ceil(missing*float64(time.Second)), maxWait)), 1)
}

// maxWait is the longest that is told, in nanoseconds: a century, which a
// time.Duration holds.
const maxWait = float64(100 * 365 * 24 * time.Hour)

// Wrap limits requests to next.
func (b *Bucket) Wrap(next http.Handler) http.Handler {
	wiring.Next("ratelimit", next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := guard.Decision{Package: "ratelimit", Guard: "global", Cost: 1}
		if wait := b.take(); wait > 0 {
			d.RetryAfter = wait
			d.Refuse(w, r, tooMany("", wait, errBucket))
			return
		}
		d.Outcome = guard.Allowed
		d.Report(r)
		next.ServeHTTP(w, r)
	})
}

var errBucket = errors.New("ratelimit: the process-wide bucket is empty")

// tooMany is a refusal that also tells its Retry-After where it is not written
// by this package.
func tooMany(message string, wait time.Duration, err error) *guard.Error {
	return &guard.Error{
		Status:  http.StatusTooManyRequests,
		Message: message,
		Header:  http.Header{"Retry-After": {seconds(wait)}},
		Err:     err,
	}
}
