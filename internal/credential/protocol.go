package credential

import (
	"iter"
	"maps"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/go-guard/guard/internal/field"
)

// readProtocol returns the element behind name in the list of protocols that a
// browser offers when it opens a WebSocket (RFC 6455, section 4.1). In other
// requests the field means nothing. A name without an element behind it, as
// stripProtocol leaves it, is a protocol; elements are unique there, and so two are
// Repeated.
func readProtocol(r *http.Request, name string) (text string, state field.State) {
	if len(r.Header[protocolField]) == 0 || !field.OpensWebSocket(r) {
		return "", field.Absent
	}
	if tooManyProtocols(r.Header) {
		return "", field.Unclear
	}
	previous, named := "", false
	for element := range protocols(r.Header) {
		switch {
		case element == name && named:
			return "", field.Repeated
		case element == name:
			named = true
		case previous == name:
			text, state = element, field.Present
		}
		previous = element
	}
	if state == field.Present && !field.IsToken(text) { // RFC 6455, section 11.3.4
		state = field.Malformed
	}
	return text, state
}

// maxProtocols bounds the elements of the field, also empty ones.
const maxProtocols = 100

func tooManyProtocols(h http.Header) bool {
	n := 0
	for _, line := range h[protocolField] {
		n += 1 + strings.Count(line, ",")
	}
	return n > maxProtocols
}

// protocols yields the elements of all lines of the field. Empty ones do not count
// (RFC 9110, section 5.6.1.2).
func protocols(h http.Header) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range h[protocolField] {
			for element := range strings.SplitSeq(line, ",") {
				if element = textproto.TrimString(element); element != "" && !yield(element) {
					return
				}
			}
		}
	}
}

// stripProtocol removes the element behind name from the field of r, or a field that has
// too many elements. r shares its header with the request it was copied from. The name
// remains: a server selects it, and would send a token back. It is the last element, so
// that a second guard of the same name finds nothing behind it.
func stripProtocol(r *http.Request, name string) {
	if len(r.Header[protocolField]) == 0 || !field.OpensWebSocket(r) {
		return
	}
	if tooManyProtocols(r.Header) {
		r.Header = maps.Clone(r.Header)
		delete(r.Header, protocolField)
		return
	}
	size, removed, previous := len(name), false, ""
	for element := range protocols(r.Header) {
		size += len(element) + len(", ")
		removed = removed || element != name && previous == name
		previous = element
	}
	if !removed {
		return
	}
	var rest strings.Builder
	rest.Grow(size)
	previous = ""
	for element := range protocols(r.Header) {
		if element != name && previous != name {
			rest.WriteString(element)
			rest.WriteString(", ")
		}
		previous = element
	}
	rest.WriteString(name)
	r.Header = maps.Clone(r.Header)
	r.Header[protocolField] = []string{rest.String()}
}
