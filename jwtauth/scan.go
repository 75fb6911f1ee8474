package jwtauth

import "unicode/utf8"

// A scanner reads one JSON object strictly, where encoding/json is lenient: it
// takes a member that stands twice, takes names of another case, and replaces
// broken Unicode. It allocates only for names and strings with escapes.
type scanner struct {
	data []byte
	pos  int
	name int // where the outermost object's member at hand begins
	left int // how many members may follow
	err  *reason
}

// members is told the members of the outermost object. It reads the value of
// those it knows, and reports whether it did.
type members interface {
	member(s *scanner, name []byte, child *shape) bool
}

// maxDepth bounds the recursion.
const maxDepth = 32

// read reads data, which must be one object of the given shape and at most that
// many members, with nothing but whitespace around it.
func (s *scanner) read(data []byte, sh *shape, m members, most int) *reason {
	*s = scanner{data: data, left: most}
	if !utf8.Valid(data) || s.space() != '{' {
		return errJSON
	}
	s.object(sh, m, 1)
	if s.err == nil && (s.space() != 0 || s.pos < len(s.data)) {
		s.fail(errJSON)
	}
	return s.err
}

// fail keeps the first reason, and ends the scan: what follows is not read.
func (s *scanner) fail(r *reason) {
	if s.err == nil {
		s.err = r
	}
	s.pos = len(s.data)
}

// space skips whitespace and returns the byte behind it, 0 at the end.
func (s *scanner) space() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) object(sh *shape, m members, depth int) {
	if depth > maxDepth {
		s.fail(errJSON)
		return
	}
	var seen names
	s.pos++ // the brace
	if s.space() == '}' {
		s.pos++
		return
	}
	for s.err == nil {
		if s.space() != '"' {
			s.fail(errJSON)
			return
		}
		if m != nil {
			s.name = s.pos
		}
		name := s.string()
		if s.left--; s.left < 0 {
			s.fail(errMembers)
		}
		if s.err == nil && !seen.add(name) {
			s.fail(errDuplicate)
		}
		child, ok := sh.member(name)
		if !ok {
			s.fail(errCase)
		}
		if s.space() != ':' {
			s.fail(errJSON)
			return
		}
		s.pos++
		s.space()
		if m == nil || !m.member(s, name, child) {
			s.value(child, depth+1)
		}
		switch s.space() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return
		default:
			s.fail(errJSON)
		}
	}
}

func (s *scanner) array(sh *shape, depth int) {
	if depth > maxDepth {
		s.fail(errJSON)
		return
	}
	s.pos++ // the bracket
	if s.space() == ']' {
		s.pos++
		return
	}
	for s.err == nil {
		s.space()
		s.value(sh.element(), depth+1)
		switch s.space() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return
		default:
			s.fail(errJSON)
		}
	}
}

// value skips one value.
func (s *scanner) value(sh *shape, depth int) {
	if s.pos >= len(s.data) {
		s.fail(errJSON)
		return
	}
	switch c := s.data[s.pos]; {
	case c == '{':
		s.object(sh, nil, depth)
	case c == '[':
		s.array(sh, depth)
	case c == '"':
		s.string()
	case c == '-' || '0' <= c && c <= '9':
		s.number()
	default:
		for _, word := range [...]string{"true", "false", "null"} {
			if len(s.data)-s.pos >= len(word) && string(s.data[s.pos:s.pos+len(word)]) == word {
				s.pos += len(word)
				return
			}
		}
		s.fail(errJSON)
	}
}

// names are the names of one object's members.
type names struct {
	few  [12][]byte
	n    int
	more map[string]bool
}

// add reports whether name is new.
func (n *names) add(name []byte) bool {
	if n.n < len(n.few) {
		for _, have := range n.few[:n.n] {
			if string(have) == string(name) {
				return false
			}
		}
		n.few[n.n] = name
		n.n++
		return true
	}
	if n.more == nil {
		n.more = make(map[string]bool, 2*len(n.few))
		for _, have := range n.few {
			n.more[string(have)] = true
		}
	}
	if n.more[string(name)] {
		return false
	}
	n.more[string(name)] = true
	return true
}
