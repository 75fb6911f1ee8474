package strictjson

import (
	"bytes"
	"encoding/json"
)

// A Scanner reads one JSON object. It allocates only for names and strings with
// escapes, and for objects of more than a dozen members. The zero value is ready;
// Read starts anew.
type Scanner struct {
	data  []byte
	pos   int
	depth int
	left  int // how many members may follow
	err   Error
}

// Read reads data, which must be one object of the given shape with at most
// maxMembers members at all depths, and whitespace around it. A nil shape has no
// fields, a nil visitor visits nothing. See Err where Read returns false.
func (s *Scanner) Read(data []byte, shape *Shape, v Visitor, maxMembers int) bool {
	*s = Scanner{data: data, left: maxMembers}
	if s.space() == '{' {
		s.Object(shape, v)
	} else {
		s.fail(Syntax)
	}
	if s.err.Reason == 0 && (s.space() != 0 || s.pos < len(s.data)) {
		s.fail(Trailing)
	}
	return s.err.Reason == 0
}

// Err returns the first mistake, the zero Error without one.
func (s *Scanner) Err() Error { return s.err }

// Reject ends the scan: a visitor refuses the data.
func (s *Scanner) Reject() { s.fail(Rejected) }

// Offset returns the cursor.
func (s *Scanner) Offset() int { return s.pos }

// Since returns the text from offset to the cursor, such as a member's from
// Member.Offset once its value is read. It is empty after a mistake.
func (s *Scanner) Since(offset int) []byte {
	if s.err.Reason != 0 {
		return nil
	}
	return s.data[offset:s.pos:s.pos]
}

// Kind returns what the value at the cursor is by its first byte: one of { [ " t
// f n, 0 for any number, and -1 for none of these.
func (s *Scanner) Kind() rune {
	if s.pos >= len(s.data) {
		return -1
	}
	switch c := s.data[s.pos]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return rune(c)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0'
	}
	return -1
}

// Object reads the value at the cursor, which must be an object.
func (s *Scanner) Object(shape *Shape, v Visitor) {
	if !s.enter('{', '}') {
		return
	}
	var seen nameSet
	for s.err.Reason == 0 {
		m := Member{Offset: s.pos}
		if s.Kind() != '"' {
			s.fail(Syntax)
			return
		}
		m.Name = s.Text()
		if s.left--; s.left < 0 {
			s.failAt(Members, m.Offset)
		}
		if s.err.Reason == 0 && !seen.add(m.Name) {
			s.failAt(Repeated, m.Offset)
		}
		var ok bool
		if m.Shape, ok = shape.member(m.Name); !ok {
			s.failAt(Case, m.Offset)
		}
		if s.space() != ':' {
			s.fail(Syntax)
			return
		}
		s.pos++
		s.space()
		if v == nil || !v.Member(s, m) {
			s.Skip(m.Shape)
		}
		if s.next('}') {
			return
		}
	}
}

// Array reads the value at the cursor, which must be an array. element reads one
// element by one call of Text, Number, Object, Array or Skip; a nil one skips
// all.
func (s *Scanner) Array(shape *Shape, element func(*Shape)) {
	if !s.enter('[', ']') {
		return
	}
	for s.err.Reason == 0 {
		if start := s.pos; element == nil {
			s.Skip(shape.Element())
		} else if element(shape.Element()); s.pos == start {
			s.fail(Syntax) // no element was read
		}
		if s.next(']') {
			return
		}
	}
}

// Skip reads the value at the cursor, of any type.
func (s *Scanner) Skip(shape *Shape) {
	if shape != nil && shape.unchecked {
		s.skipUnchecked()
		return
	}
	switch s.Kind() {
	case '{':
		s.Object(shape, nil)
	case '[':
		s.Array(shape, nil)
	case '"':
		s.Text()
	case '0':
		s.Number()
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		s.fail(Syntax)
	}
}

// skipUnchecked leaves the value to encoding/json.
func (s *Scanner) skipUnchecked() {
	var text json.RawMessage
	d := json.NewDecoder(bytes.NewReader(s.data[s.pos:]))
	if d.Decode(&text) != nil {
		s.fail(Syntax)
		return
	}
	s.pos += int(d.InputOffset())
}

// expect fails unless a value of this kind is at the cursor.
func (s *Scanner) expect(kind rune) bool {
	switch {
	case s.Kind() == kind:
		return true
	case s.pos == len(s.data):
		s.fail(Syntax)
	default:
		s.fail(Type)
	}
	return false
}

// enter moves behind the opening bracket at the cursor. It returns false where
// nothing is to be read: for an empty value, and after a mistake.
func (s *Scanner) enter(open rune, end byte) bool {
	if !s.expect(open) {
		return false
	}
	if s.depth == MaxDepth {
		s.fail(Depth)
		return false
	}
	s.pos++
	if s.space() == end {
		s.pos++
		return false
	}
	s.depth++
	return true
}

// next moves behind the comma that follows an element, or the closing bracket. It
// reports the latter.
func (s *Scanner) next(end byte) bool {
	switch s.space() {
	case ',':
		s.pos++
		s.space()
	case end:
		s.pos++
		s.depth--
		return true
	default:
		s.fail(Syntax)
	}
	return false
}

// fail records the first mistake and ends the scan.
func (s *Scanner) fail(r Reason) { s.failAt(r, s.pos) }

func (s *Scanner) failAt(r Reason, offset int) {
	if s.err.Reason == 0 {
		s.err = Error{r, offset}
	}
	s.pos = len(s.data)
}

// space skips whitespace and returns the byte that follows, 0 at the end.
func (s *Scanner) space() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}
