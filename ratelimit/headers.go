package ratelimit

import (
	"net/http"
	"strconv"
	"time"
)

// Headers chooses what a client is told of its limits. They are added, so that
// two limiters both show.
type Headers uint8

const (
	// RateLimit is the fields RateLimit and RateLimit-Policy of
	// draft-ietf-httpapi-ratelimit-headers-10.
	RateLimit Headers = 1 << iota

	// XRateLimit is the older X-RateLimit-Limit, X-RateLimit-Remaining and
	// X-RateLimit-Reset, the last in seconds from now, of the limit that has
	// the least left. An inner limiter replaces an outer one's.
	XRateLimit
)

// headers writes the chosen fields, and a refusal's Retry-After. The
// values are cut from one text.
func (l *Limiter) headers(h http.Header, wants []want, states []State, worst int) {
	c := l.opts.Headers
	s := &states[worst]
	refused := s.RetryAfter > 0
	var room [64]byte
	text := room[:0]
	if c&RateLimit != 0 {
		text = appendStates(text, wants, states)
	}
	end := len(text)
	if refused {
		text = strconv.AppendInt(text, atLeastASecond(s.RetryAfter), 10)
	}
	all := string(text)
	if c&RateLimit != 0 {
		f := &[2]string{l.policy, all[:end]}
		if l.opts.LimitsOf != nil {
			f[0] = policyField(wants)
		}
		policies, limits := f[0:1:1], f[1:2:2]
		if len(h) > 0 { // an outer limiter may be told of, too
			if outer := h["Ratelimit"]; len(outer) > 0 {
				policies, limits = append(h["Ratelimit-Policy"], policies...), append(outer, limits...)
			}
		}
		h["Ratelimit-Policy"], h["Ratelimit"] = policies, limits
	}
	if refused {
		h["Retry-After"] = []string{all[end:]}
	}
	if c&XRateLimit != 0 {
		f := &[3]string{strconv.Itoa(wants[worst].limit.capacity()), strconv.Itoa(s.Remaining), seconds(untilReset(s.RetryAfter, s.Reset))}
		h["X-Ratelimit-Limit"] = f[0:1:1]
		h["X-Ratelimit-Remaining"] = f[1:2:2]
		h["X-Ratelimit-Reset"] = f[2:3:3]
	}
}

// policyField is a List of Strings with parameters (RFC 9651, section 3).
func policyField(wants []want) string {
	b := make([]byte, 0, 64)
	for i := range wants {
		l := wants[i].limit
		b = append(separated(b, i), wants[i].item...)
		b = strconv.AppendInt(append(b, ";q="...), int64(l.Quota), 10)
		if l.Window%time.Second == 0 { // "w" has whole seconds
			b = strconv.AppendInt(append(b, ";w="...), int64(l.Window/time.Second), 10)
		}
	}
	return string(b)
}

func appendStates(b []byte, wants []want, states []State) []byte {
	for i := range states {
		s := &states[i]
		b = append(separated(b, i), wants[i].item...)
		b = strconv.AppendInt(append(b, ";r="...), int64(s.Remaining), 10)
		b = strconv.AppendInt(append(b, ";t="...), ceilSeconds(untilReset(s.RetryAfter, s.Reset)), 10)
	}
	return b
}

// untilReset: next to a Retry-After both name the same time (section 5 of the
// draft).
func untilReset(retryAfter, reset time.Duration) time.Duration {
	if retryAfter > 0 {
		return retryAfter
	}
	return reset
}

// separated sets the i-th item of a List apart from the one before it.
func separated(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ", "...)
	}
	return b
}

// seconds is a Retry-After: whole seconds, rounded up, at least 1 (RFC 9110,
// section 10.2.3).
func seconds(d time.Duration) string {
	return strconv.FormatInt(atLeastASecond(d), 10)
}

func atLeastASecond(d time.Duration) int64 { return max(ceilSeconds(d), 1) }

func ceilSeconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}
