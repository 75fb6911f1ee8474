package strictjson

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Number reads the value at the cursor, which must be a number, and returns its
// text (RFC 8259, section 6). Numbers beyond float64 are refused (RFC 7493,
// section 2.2), since decoders differ about them.
func (s *Scanner) Number() []byte {
	if !s.expect('0') {
		return nil
	}
	start, large := s.pos, false
	if s.at('-') {
		s.pos++
	}
	if s.at('0') {
		s.pos++
	} else {
		s.digits()
	}
	if s.at('.') {
		s.pos++
		s.digits()
	}
	if s.at('e') || s.at('E') {
		s.pos++
		large = true
		if s.at('+') || s.at('-') {
			s.pos++
		}
		s.digits()
	}
	if s.err.Reason != 0 {
		return nil
	}
	lit := s.data[start:s.pos]
	if large || len(lit) > 300 {
		if _, err := strconv.ParseFloat(string(lit), 64); err != nil {
			s.fail(Syntax)
			return nil
		}
	}
	return lit
}

func (s *Scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

func (s *Scanner) digits() {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		s.fail(Syntax)
	}
}

// Text reads the value at the cursor, which must be a string, and returns its
// content. It is part of the data where nothing in it is escaped.
func (s *Scanner) Text() []byte {
	if !s.expect('"') {
		return nil
	}
	s.pos++
	start, ascii := s.pos, true
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			text := s.data[start:i:i]
			if !ascii && !utf8.Valid(text) {
				s.fail(Syntax)
				return nil
			}
			s.pos = i + 1
			return text
		case c < ' ':
			s.pos = i
			s.fail(Syntax)
			return nil
		case c == '\\':
			s.pos = i
			return s.escaped(bytes.Clone(s.data[start:i]))
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.pos = len(s.data)
	s.fail(Syntax)
	return nil
}

// escaped returns out with the rest of a string, which begins with an escape.
func (s *Scanner) escaped(out []byte) []byte {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		s.pos++
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				s.fail(Syntax)
				return nil
			}
			return out
		case c < ' ':
			s.fail(Syntax)
			return nil
		case c != '\\':
			out = append(out, c)
		default:
			r := s.escape()
			if s.err.Reason != 0 {
				return nil
			}
			out = utf8.AppendRune(out, r)
		}
	}
	s.fail(Syntax)
	return nil
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape returns the character of an escape whose backslash is read. Half a
// surrogate pair is refused (RFC 7493, section 2.1).
func (s *Scanner) escape() rune {
	if s.pos >= len(s.data) {
		s.fail(Syntax)
		return 0
	}
	c := s.data[s.pos]
	s.pos++
	if c != 'u' {
		r, ok := escapes[c]
		if !ok {
			s.fail(Syntax)
		}
		return r
	}
	r := s.hex()
	if !utf16.IsSurrogate(r) {
		return r
	}
	if !s.at('\\') || s.pos+1 >= len(s.data) || s.data[s.pos+1] != 'u' {
		s.fail(Syntax)
		return 0
	}
	s.pos += 2
	if r = utf16.DecodeRune(r, s.hex()); r == utf8.RuneError {
		s.fail(Syntax)
	}
	return r
}

// hex returns the number of four hexadecimal digits.
func (s *Scanner) hex() (r rune) {
	if len(s.data)-s.pos < 4 {
		s.fail(Syntax)
		return 0
	}
	for _, c := range s.data[s.pos : s.pos+4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			s.fail(Syntax)
			return 0
		}
	}
	s.pos += 4
	return r
}

// word reads one of the three literal names.
func (s *Scanner) word(name string) {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(name)) {
		s.fail(Syntax)
		return
	}
	s.pos += len(name)
}
