package keyset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxDocument = 1 << 20 // bytes of a key set or a metadata document

	minTTL     = time.Minute
	defaultTTL = 15 * time.Minute
	maxTTL     = time.Hour
)

// A fetch of the keys, which has ended when done is closed.
type fetch struct {
	done chan struct{}
	err  error // set before done is closed
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
// the last one allows it; else the fetch is nil. Due keys are fetched without an
// interval unless the last fetch failed. err is that of the last fetch.
func (r *Remote) startFetch(now time.Time, due bool) (f *fetch, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inFlight != nil {
		return r.inFlight, r.err
	}
	if !r.started.IsZero() && now.Sub(r.started) < r.interval() && !(due && r.failures == 0) {
		return nil, r.err
	}
	r.started = now
	r.inFlight = &fetch{done: make(chan struct{})}
	go r.run(r.inFlight)
	return r.inFlight, r.err
}

// interval returns the minimum time between two fetches: Refetch times 1, 1, 2,
// 4, and 6 from the fourth failure on.
func (r *Remote) interval() time.Duration {
	return r.opts.Refetch * time.Duration(min(1<<max(min(r.failures, 4)-1, 0), 6))
}

// run executes f. It ignores the context of the request that started it, as
// other requests wait for it too. Timeout ends it.
func (r *Remote) run(f *fetch) {
	ctx, cancel := context.WithTimeout(context.Background(), r.opts.Timeout)
	defer cancel()
	err := r.fetchKeys(ctx)
	r.mu.Lock()
	r.inFlight, r.err, f.err = nil, err, err
	r.failures++
	if err == nil {
		r.failures = 0
	}
	close(f.done)
	r.mu.Unlock()
	if err != nil && r.opts.OnError != nil {
		r.reportError(err)
	}
}

// reportError calls OnError. No request waits for it. A panic is dropped, as it
// would end the process: nothing else recovers in this goroutine.
func (r *Remote) reportError(err error) {
	defer func() { _ = recover() }()
	r.opts.OnError(r.unavailable(err))
}

// fetchKeys fetches the key set and stores it.
func (r *Remote) fetchKeys(ctx context.Context) error {
	loc, err := r.locate(ctx)
	if err != nil {
		return err
	}
	body, header, err := r.get(ctx, loc.jwksURL)
	if err != nil {
		return err
	}
	keys, err := ParseJWKS(body)
	if err != nil {
		return err
	}
	r.store(keys, loc.metadata, ttlOf(header))
	return nil
}

// errNotFound is the error of get for status 404.
var errNotFound = errors.New("status 404")

// get fetches a document of up to maxDocument bytes.
func (r *Remote) get(ctx context.Context, address string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json, application/jwk-set+json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, nil, fmt.Errorf("%s: %w", address, errNotFound)
	case resp.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("%s: status %d", address, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err == nil && len(body) > maxDocument {
		err = fmt.Errorf("%s: more than %d bytes", address, maxDocument)
	}
	return body, resp.Header, err
}

// ttlOf returns the max-age of Cache-Control less the Age (RFC 9111, section
// 4.2), between minTTL and maxTTL.
func ttlOf(h http.Header) time.Duration {
	ttl := defaultTTL
	for d := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(d)), "=")
		switch name {
		case "no-store", "no-cache":
			return minTTL
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return minTTL
			}
			ttl = time.Duration(seconds) * time.Second
		}
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		ttl -= time.Duration(age) * time.Second
	}
	return min(max(ttl, minTTL), maxTTL)
}
