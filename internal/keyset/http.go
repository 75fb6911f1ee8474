package keyset

import (
	"context"
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

// fetchKeys fetches the key set.
func (r *Remote) fetchKeys(ctx context.Context) (document, error) {
	loc, err := r.locate(ctx)
	if err != nil {
		return document{}, err
	}
	body, header, err := r.get(ctx, loc.jwksURL)
	if err != nil {
		return document{}, err
	}
	return parseDocument(body, ttlOf(header), loc)
}

// A statusError is an answer that is not 200.
type statusError struct {
	address string
	status  int
}

func (e *statusError) Error() string { return fmt.Sprintf("%s: status %d", e.address, e.status) }

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
	if resp.StatusCode != http.StatusOK {
		return nil, nil, &statusError{address, resp.StatusCode}
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
