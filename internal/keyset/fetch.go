package keyset

import (
	"context"
	"fmt"
	"time"
)

// A fetch of the keys, which has ended when done is closed.
type fetch struct {
	started time.Time
	done    chan struct{}
	err     error // set before done is closed
}

func (f *fetch) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// startFetch returns the fetch in flight, or starts one if the interval since
// the last one allows it; else the fetch is nil. Keys that are due are fetched
// without an interval, unless the last fetch failed or has replaced them meanwhile.
// err is that of the last fetch.
func (r *Remote) startFetch(now time.Time, due bool, seen *snapshot) (f *fetch, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inFlight != nil {
		return r.inFlight, r.err
	}
	due = due && r.failures == 0 && r.latest.Load() == seen
	if !r.started.IsZero() && now.Sub(r.started).Abs() < r.interval() && !due { // farther in the future: the clock was set back
		return nil, r.err
	}
	r.started = now
	r.inFlight = &fetch{started: now, done: make(chan struct{})}
	go r.run(r.inFlight)
	return r.inFlight, r.err
}

// interval returns the minimum time between two fetches: Refetch times 1, 1, 2,
// 4, and 6 from the fourth failure on.
func (r *Remote) interval() time.Duration {
	return r.opts.Refetch * time.Duration(min(1<<max(min(r.failures, 4)-1, 0), 6))
}

// run executes f. It ignores the context of the request that started it, as
// other requests wait for it too. Timeout ends it: what a read returns later is
// dropped, also if it panics.
func (r *Remote) run(f *fetch) {
	d, err := r.reads.Do(context.Background(), struct{}{}, r.read)
	r.mu.Lock()
	var reports []error
	if err == nil {
		r.failures, r.location = 0, d.location
		r.store(d)
		reports = r.unreported(d.skipped)
	} else {
		r.failures++
		reports = []error{r.unavailable(err)}
	}
	r.inFlight, r.err, f.err = nil, err, err
	close(f.done)
	r.mu.Unlock()
	for _, err := range reports {
		r.report(err)
	}
}

// unreported returns an error for each skipped key that OnError has not received
// yet, up to maxSkipped in all.
func (r *Remote) unreported(skipped []*SkippedKey) (errs []error) {
	for _, k := range skipped {
		if _, known := r.reported[k.digest]; known || len(r.reported) == maxSkipped {
			continue
		}
		r.reported[k.digest] = struct{}{}
		errs = append(errs, fmt.Errorf("of %s, %w", r.name, k))
		if len(r.reported) == maxSkipped {
			errs = append(errs, fmt.Errorf("%d of %s are not used: no more of them are reported", maxSkipped, r.name))
		}
	}
	return errs
}

// report calls OnError. No request waits for it. A panic is dropped, as it would
// end the process: nothing else recovers in this goroutine.
func (r *Remote) report(err error) {
	if r.opts.OnError == nil {
		return
	}
	defer func() { _ = recover() }()
	r.opts.OnError(err)
}

// parseDocument reads the text of a key set.
func parseDocument(text []byte, ttl time.Duration, loc location) (document, error) {
	keys, skipped, err := ParseJWKS(text)
	return document{keys, skipped, ttl, loc}, err
}
