package ratelimit

import (
	"net/http"
	"strconv"
	"time"
	"unsafe"
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

// headers writes the chosen fields, and a refusal's Retry-After.
func (l *Limiter) headers(h http.Header, wants []want, states []State, worst int) {
	s := &states[worst]
	if l.opts.Headers&RateLimit != 0 || s.RetryAfter > 0 {
		l.fields(h, wants, states, s.RetryAfter)
	}
	if l.opts.Headers&XRateLimit != 0 {
		f := &[3]string{strconv.Itoa(wants[worst].limit.capacity()), strconv.Itoa(s.Remaining), seconds(untilReset(s.RetryAfter, s.Reset))}
		h["X-Ratelimit-Limit"] = f[0:1:1]
		h["X-Ratelimit-Remaining"] = f[1:2:2]
		h["X-Ratelimit-Reset"] = f[2:3:3]
	}
}

// told is what the fields of one answer hold. It is one allocation, where strings
// beside their text would be two, and the answer a tenth slower.
type told struct {
	lines [3]string // RateLimit-Policy, RateLimit and Retry-After
	room  [64]byte  // of the text that lines are cut from
}

// fields writes RateLimit-Policy and RateLimit, if they are chosen, and
// Retry-After where there is one.
func (l *Limiter) fields(h http.Header, wants []want, states []State, retryAfter time.Duration) {
	t := new(told)
	text := t.room[:0]
	if l.opts.Headers&RateLimit != 0 {
		text = appendStates(text, wants, states)
	}
	end := len(text)
	if retryAfter > 0 {
		text = strconv.AppendInt(text, atLeastASecond(retryAfter), 10)
	}
	all := unsafe.String(unsafe.SliceData(text), len(text)) // as strings.Builder does: nobody writes to it again
	t.lines = [3]string{l.policy, all[:end], all[end:]}
	if l.opts.Headers&RateLimit != 0 {
		if l.opts.LimitsOf != nil {
			t.lines[0] = policyField(wants)
		}
		policies, limits := t.lines[0:1:1], t.lines[1:2:2]
		if len(h) > 0 { // an outer limiter may be told of, too
			if outer := h["Ratelimit"]; len(outer) > 0 {
				policies, limits = append(h["Ratelimit-Policy"], policies...), append(outer, limits...)
			}
		}
		h["Ratelimit-Policy"], h["Ratelimit"] = policies, limits
	}
	if retryAfter > 0 {
		h["Retry-After"] = t.lines[2:3:3]
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
