package ratelimit

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// A Bucket is a token bucket that all clients of the process share. Use
// NewBucket. It is safe for use by several goroutines.
type Bucket struct {
	mu      sync.Mutex
	limiter *rate.Limiter
}

// NewBucket returns a bucket that grants limit requests a second, and burst of
// them at a time. It bounds the total cost of an expensive handler, such as one
// that hashes passwords. A single client can use it up. A limit or burst that is not positive
// and finite is an error.
func NewBucket(limit rate.Limit, burst int) (*Bucket, error) {
	if !(limit > 0) || limit == rate.Inf || burst < 1 {
		return nil, fmt.Errorf("ratelimit: NewBucket(%v, %d): the limit and the burst must be positive and finite", float64(limit), burst)
	}
	return &Bucket{limiter: rate.NewLimiter(limit, burst)}, nil
}

// Take takes a token. If there is none, its error is a 429 with a Retry-After, for
// guard.Refuse.
func (b *Bucket) Take() error {
	if wait := b.take(); wait > 0 {
		return tooMany(codeLimited, "", wait, errBucket)
	}
	return nil
}

// take takes a token, or returns how long it takes until there is one. Refused
// takes do not queue. A cancelled reservation would: its token is lost if another
// one was made meanwhile.
func (b *Bucket) take() time.Duration {
	// Times must come in order: x/time/rate treats an earlier time as a clock that
	// was set back, and credits the time in between twice.
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.limiter.AllowN(now, 1) {
		return 0
	}
	missing := (1 - b.limiter.TokensAt(now)) / float64(b.limiter.Limit()) // seconds
	return max(time.Duration(min(math.Ceil(missing*float64(time.Second)), maxWait)), 1)
}

// maxWait is the longest wait that is reported, in nanoseconds: a century, which
// fits into a time.Duration.
const maxWait = float64(100 * 365 * 24 * time.Hour)

// Wrap limits requests to next: others get 429 with a Retry-After.
func (b *Bucket) Wrap(next http.Handler) http.Handler {
	wiring.Next("ratelimit", next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := guard.Decision{Package: "ratelimit", Guard: "global", Cost: 1}
		if wait := b.take(); wait > 0 {
			d.RetryAfter = wait
			d.Refuse(w, r, tooMany(codeLimited, "", wait, errBucket))
			return
		}
		d.Outcome = guard.Allowed
		d.Report(r)
		next.ServeHTTP(w, r)
	})
}

var errBucket = errors.New("ratelimit: the process-wide bucket is empty")

// codeLimited is the code of a 429. A Login has another one: a sign-in page shows
// what it means.
const codeLimited = "rate_limited"

// tooMany is a refusal with a Retry-After, for callers outside this package.
func tooMany(code, message string, wait time.Duration, err error) *guard.Error {
	return &guard.Error{
		Status:  http.StatusTooManyRequests,
		Code:    code,
		Message: message,
		Header:  http.Header{"Retry-After": {strconv.FormatInt(atLeastASecond(wait), 10)}},
		Err:     err,
	}
}
