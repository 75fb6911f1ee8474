package format

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-guard/guard"
)

// Negotiate is the error format that the request's Accept prefers: [Problem]
// for application/problem+json, else guard.JSON.
func Negotiate(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	if accepts(r, "application/problem+json") > max(accepts(r, "application/json"), accepts(r, "application/*")) {
		Problem(w, r, e)
		return
	}
	guard.JSON(w, r, e)
}

// The members of an Accept, and the parameters of one, that are read. Browsers send
// fewer than ten.
const (
	maxMembers    = 100
	maxParameters = 10
)

// accepts returns the weight that the request's Accept gives to a media range
// that it names, 0 where it does not (RFC 9110, section 12.5.1).
func accepts(r *http.Request, mediaType string) float64 {
	best, members := 0.0, 0
	for _, line := range r.Header["Accept"] {
		for member := range strings.SplitSeq(line, ",") {
			if members++; members > maxMembers {
				return best
			}
			name, params, _ := strings.Cut(member, ";")
			if !strings.EqualFold(strings.TrimSpace(name), mediaType) {
				continue
			}
			q, n := 1.0, 0
			for p := range strings.SplitSeq(params, ";") {
				if n++; n > maxParameters {
					break
				}
				if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, "q") {
					q = weight(v)
				}
			}
			best = max(best, q)
		}
	}
	return best
}

// weight returns the value of a qvalue (RFC 9110, section 12.4.2), and 0 for any other
// text. The error of strconv would be a copy of the text.
func weight(s string) float64 {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(fraction) > 3 || strings.Trim(fraction, "0123456789") != "" {
		return 0
	}
	q, _ := strconv.ParseFloat(s, 64)
	if q > 1 {
		return 0
	}
	return q
}
