package ratelimit

import (
	"net/http"
	"strconv"
	"time"
)

// Headers selects the header fields that report a client's limits. They are
// added, so that the fields of two limiters both appear.
type Headers uint8

const (
	// RateLimit is the fields RateLimit and RateLimit-Policy of
	// draft-ietf-httpapi-ratelimit-headers-10.
	RateLimit Headers = 1 << iota

	// XRateLimit is the older X-RateLimit-Limit, X-RateLimit-Remaining and
	// X-RateLimit-Reset, the last in seconds from now, of the limit with the
	// least remaining. An inner limiter replaces an outer one's.
	XRateLimit
)

// headers writes the selected fields, and the Retry-After of a refusal. worst is
// the index of the decisive state.
func (l *Limiter) headers(h http.Header, demands []demand, states []State, worst int) {
	s := &states[worst]
	if l.opts.Headers&RateLimit != 0 || s.RetryAfter > 0 {
		l.fields(h, demands, states, s.RetryAfter)
	}
	if l.opts.Headers&XRateLimit != 0 {
		f := &[3]string{strconv.Itoa(demands[worst].limit.capacity()), strconv.Itoa(s.Remaining), strconv.FormatInt(atLeastASecond(untilReset(s)), 10)}
		h["X-Ratelimit-Limit"] = f[0:1:1]
		h["X-Ratelimit-Remaining"] = f[1:2:2]
		h["X-Ratelimit-Reset"] = f[2:3:3]
	}
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
		if l.opts.LimitsOf != nil {
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

// policyField is a List of Strings with parameters (RFC 9651, section 3).
func policyField(demands []demand) string {
	b := make([]byte, 0, 64)
	for i := range demands {
		l := demands[i].limit
		b = append(appendSeparator(b, i), demands[i].item...)
		b = strconv.AppendInt(append(b, ";q="...), int64(l.Quota), 10)
		if l.Window%time.Second == 0 { // "w" has whole seconds
			b = strconv.AppendInt(append(b, ";w="...), int64(l.Window/time.Second), 10)
		}
	}
	return string(b)
}

func appendStates(b []byte, demands []demand, states []State) []byte {
	for i := range states {
		s := &states[i]
		b = append(appendSeparator(b, i), demands[i].item...)
		b = strconv.AppendInt(append(b, ";r="...), int64(s.Remaining), 10)
		b = strconv.AppendInt(append(b, ";t="...), ceilSeconds(untilReset(s)), 10)
	}
	return b
}

// untilReset is the reset that a client reads. Beside a Retry-After it is the same
// time (section 5 of the draft).
func untilReset(s *State) time.Duration {
	if s.RetryAfter > 0 {
		return s.RetryAfter
	}
	return s.Reset
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
