package ratelimit

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Headers selects the header fields that report a client's limits. They never have
// a key.
type Headers uint8

const (
	// RateLimit is the fields RateLimit and RateLimit-Policy of
	// draft-ietf-httpapi-ratelimit-headers-11, without partition keys. The parameter t
	// is at most the window; a Retry-After may be later. A limit of requests in
	// flight has the unit "concurrent-requests" and no t, and one with a Calendar no
	// w: its periods differ. Those of an inner limiter are added to an outer one's.
	RateLimit Headers = 1 << iota

	// XRateLimit is the older X-RateLimit-Limit, X-RateLimit-Remaining and
	// X-RateLimit-Reset, the last in seconds from now, of the limit that a Result is
	// about. An inner limiter replaces an outer one's.
	XRateLimit

	// XRateLimitUnix is XRateLimit with the X-RateLimit-Reset of GitHub and httprate:
	// a Unix time. With both, New returns an error.
	XRateLimitUnix
)

func (h Headers) check() error {
	switch {
	case h&^(RateLimit|XRateLimit|XRateLimitUnix) != 0:
		return fmt.Errorf("ratelimit: unknown Headers %b", h)
	case h&XRateLimit != 0 && h&XRateLimitUnix != 0:
		return errors.New("ratelimit: Headers with XRateLimit and XRateLimitUnix, whose resets differ")
	}
	return nil
}

// headers writes the selected fields, and the Retry-After of a refusal. worst is
// the index of the decisive state.
func (l *Limiter) headers(h http.Header, demands []demand, states []State, worst int) {
	s := &states[worst]
	if l.opts.Headers&RateLimit != 0 || s.RetryAfter > 0 {
		l.fields(h, demands, states, s.RetryAfter)
	}
	if l.opts.Headers&(XRateLimit|XRateLimitUnix) != 0 {
		limit := demands[worst].limit
		f := &[3]string{strconv.Itoa(limit.capacity()), strconv.Itoa(s.Remaining), l.xReset(limit, s)}
		h["X-Ratelimit-Limit"] = f[0:1:1]
		h["X-Ratelimit-Remaining"] = f[1:2:2]
		h["X-Ratelimit-Reset"] = f[2:3:3]
	}
}

// xReset is the X-RateLimit-Reset. In a refusal it is the time of the Retry-After.
func (l *Limiter) xReset(limit *Limit, s *State) string {
	d := s.RetryAfter
	if d <= 0 {
		d = effectiveWindow(limit, s)
	}
	if l.opts.Headers&XRateLimitUnix != 0 {
		t := l.opts.Now().Add(d)
		return strconv.FormatInt(t.Add(time.Second-1).Unix(), 10) // rounded up
	}
	return strconv.FormatInt(atLeastASecond(d), 10)
}

// fields writes RateLimit-Policy and RateLimit if they are selected, and
// Retry-After if it is positive. The values are parts of one string.
func (l *Limiter) fields(h http.Header, demands []demand, states []State, wait time.Duration) {
	b := make([]byte, 0, 64)
	if l.opts.Headers&RateLimit != 0 {
		b = appendStates(b, demands, states)
	}
	end := len(b)
	if wait > 0 {
		b = strconv.AppendInt(b, atLeastASecond(wait), 10)
	}
	text := string(b)
	lines := &[3]string{l.policy, text[:end], text[end:]}
	if l.opts.Headers&RateLimit != 0 {
		if l.hasPlans || len(demands) < l.count { // a key is exempt
			lines[0] = policyField(demands)
		}
		policies, limits := lines[0:1:1], lines[1:2:2]
		if outer := h["Ratelimit"]; len(outer) > 0 { // of an outer limiter
			policies, limits = append(h["Ratelimit-Policy"], policies...), append(outer, limits...)
		}
		h["Ratelimit-Policy"], h["Ratelimit"] = policies, limits
	}
	if wait > 0 {
		h["Retry-After"] = lines[2:3:3]
	}
}

// policyField is a List of Strings with parameters (RFC 9651, section 3; section 3.1
// of the draft).
func policyField(demands []demand) string {
	b := make([]byte, 0, 64)
	for i := range demands {
		l := demands[i].limit
		b = append(appendSeparator(b, i), demands[i].item...)
		b = strconv.AppendInt(append(b, ";q="...), int64(l.Quota), 10)
		switch {
		case l.Algorithm == InFlight:
			b = append(b, `;qu="concurrent-requests"`...)
		case l.Window > 0 && l.Window%time.Second == 0: // "w" has whole seconds
			b = strconv.AppendInt(append(b, ";w="...), int64(l.Window/time.Second), 10)
		}
	}
	return string(b)
}

// appendStates appends a RateLimit field (section 4.1 of the draft).
func appendStates(b []byte, demands []demand, states []State) []byte {
	for i := range states {
		l, s := demands[i].limit, &states[i]
		b = append(appendSeparator(b, i), demands[i].item...)
		b = strconv.AppendInt(append(b, ";r="...), int64(s.Remaining), 10)
		if l.Algorithm != InFlight {
			b = strconv.AppendInt(append(b, ";t="...), ceilSeconds(effectiveWindow(l, s)), 10)
		}
	}
	return b
}

// effectiveWindow is the time that a client has what remains for: until a refusal ends
// or, without one, until the full quota is available, and never later than the
// window. A Retry-After is not earlier (section 6 of the draft).
func effectiveWindow(l *Limit, s *State) time.Duration {
	d := s.Reset
	if s.RetryAfter > 0 {
		d = s.RetryAfter
	}
	if l.Window > 0 {
		d = min(d, l.Window)
	}
	return d
}

// appendSeparator separates the i-th item of a List from the one before it.
func appendSeparator(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ", "...)
	}
	return b
}

// atLeastASecond is the value of a Retry-After: whole seconds, rounded up, at
// least 1 (RFC 9110, section 10.2.3).
func atLeastASecond(d time.Duration) int64 { return max(ceilSeconds(d), 1) }

func ceilSeconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}
