package strictjson

import "bytes"

// PeekText returns the text of the member called name of the object in data, and
// reads nothing else: data may be no JSON, and the member may be repeated. It is
// for choosing who reads data strictly. ok is false without such a member, where its
// name has an escape, or where its value is not a string of at most len(buf) bytes.
// buf holds a text that has escapes: PeekText allocates nothing.
func PeekText(data []byte, name string, buf []byte) (text []byte, ok bool) {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			start := i + 1
			if i = endOfText(data, start); i < 0 {
				return nil, false
			}
			if depth != 1 || string(data[start:i]) != name {
				continue
			}
			s := Scanner{data: data, pos: i + 1}
			if s.space() == ':' { // else it is a value
				s.pos++
				s.space()
				return s.peek(buf)
			}
		}
	}
	return nil, false
}

// endOfText returns where the quote is that ends a string which begins at start, or
// -1.
func endOfText(data []byte, start int) int {
	for i := start; i < len(data); i++ {
		switch data[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return -1
}

// peek is Text for at most len(buf) bytes.
func (s *Scanner) peek(buf []byte) (text []byte, ok bool) {
	if s.Kind() != '"' {
		return nil, false
	}
	start := s.pos + 1
	end := endOfText(s.data, start)
	if end < 0 || end-start > len(buf) {
		return nil, false
	}
	if text = s.data[start:end:end]; bytes.IndexByte(text, '\\') < 0 {
		return text, true
	}
	s.data, s.pos = s.data[:end+1], start
	text = s.escaped(buf[:0])
	return text, s.err.Reason == 0
}
