package jwtauth

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// number returns the literal of a number (RFC 8259, section 6). One beyond
// float64 is none (RFC 7493, section 2.2): decoders differ about it.
func (s *scanner) number() []byte {
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
	if s.err != nil {
		return nil
	}
	lit := s.data[start:s.pos]
	if large || len(lit) > 300 {
		if _, err := strconv.ParseFloat(string(lit), 64); err != nil {
			s.fail(errJSON)
			return nil
		}
	}
	return lit
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

func (s *scanner) digits() {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		s.fail(errJSON)
	}
}

// string returns what the string at the cursor means. It is part of the data
// where nothing in it is escaped.
func (s *scanner) string() []byte {
	s.pos++ // the quote
	start := s.pos
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return s.data[start:i]
		case c < ' ':
			s.fail(errJSON)
			return nil
		case c == '\\':
			s.pos = i
			return s.escaped(append([]byte(nil), s.data[start:i]...))
		}
	}
	s.fail(errJSON)
	return nil
}

// text is the value at the cursor, which must be a string.
func (s *scanner) text() []byte {
	if !s.at('"') {
		s.fail(errKind)
		return nil
	}
	return s.string()
}

// escaped is the rest of a string, from its first escape on.
func (s *scanner) escaped(out []byte) []byte {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		s.pos++
		switch {
		case c == '"':
			return out
		case c < ' ':
			s.fail(errJSON)
			return nil
		case c != '\\':
			out = append(out, c)
		default:
			r := s.escape()
			if s.err != nil {
				return nil
			}
			out = utf8.AppendRune(out, r)
		}
	}
	s.fail(errJSON)
	return nil
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape is the character of an escape, behind its backslash. Half a surrogate
// pair is none (RFC 7493, section 2.1).
func (s *scanner) escape() rune {
	if s.pos >= len(s.data) {
		s.fail(errJSON)
		return 0
	}
	c := s.data[s.pos]
	s.pos++
	if c != 'u' {
		r, ok := escapes[c]
		if !ok {
			s.fail(errJSON)
		}
		return r
	}
	r := s.hex()
	if !utf16.IsSurrogate(r) {
		return r
	}
	if !s.at('\\') || s.pos+1 >= len(s.data) || s.data[s.pos+1] != 'u' {
		s.fail(errJSON)
		return 0
	}
	s.pos += 2
	if r = utf16.DecodeRune(r, s.hex()); r == utf8.RuneError {
		s.fail(errJSON)
	}
	return r
}

// hex is the number of four hexadecimal digits.
func (s *scanner) hex() (r rune) {
	if len(s.data)-s.pos < 4 {
		s.fail(errJSON)
		return 0
	}
	for _, c := range s.data[s.pos : s.pos+4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			s.fail(errJSON)
			return 0
		}
	}
	s.pos += 4
	return r
}
