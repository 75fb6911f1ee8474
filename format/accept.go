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

// accepts returns the weight that the request's Accept gives to a media range
// that it names, 0 where it does not (RFC 9110, section 12.5.1).
func accepts(r *http.Request, mediaType string) float64 {
	best := 0.0
	for _, line := range r.Header["Accept"] {
		for member := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(member, ";")
			if !strings.EqualFold(strings.TrimSpace(name), mediaType) {
				continue
			}
			q := 1.0
			for p := range strings.SplitSeq(params, ";") {
				if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, "q") {
					parsed, err := strconv.ParseFloat(v, 64)
					if err != nil || !(parsed >= 0 && parsed <= 1) { // NaN, too
						parsed = 0
					}
					q = parsed
				}
			}
			best = max(best, q)
		}
	}
	return best
}
