package field

import (
	"net/url"
	"strings"
)

// maxParameters is net/url's bound of the parameters of a query, here also where
// semicolons separate them.
const maxParameters = 10_000

func hasTooMany(rawQuery string) bool {
	return strings.Count(rawQuery, "&")+strings.Count(rawQuery, ";") >= maxParameters
}

// Query returns the value of one parameter of a raw query, empty if there is none. It
// is Unclear where net/url and other readers may differ about this parameter: because
// of more than 10,000 parameters, of a semicolon, or of a bad escape in its value or in
// a name. A bad escape or a semicolon elsewhere is another parameter's. Query allocates
// nothing but the value.
func Query(rawQuery, name string) (value string, s State) {
	if hasTooMany(rawQuery) {
		return "", Unclear
	}
	for part := range strings.SplitSeq(rawQuery, "&") {
		switch names(part, name) {
		case Unclear:
			return "", Unclear
		case Present:
			if s != Absent {
				return "", Repeated
			}
			_, escaped, _ := strings.Cut(part, "=")
			var err error
			if value, err = url.QueryUnescape(escaped); err != nil {
				return "", Unclear
			}
			s = Present
		}
	}
	return value, s
}

// WithoutQuery removes what names a parameter, or may do so, from a raw query, and
// leaves the rest as it was sent. Of more than 10,000 parameters, of which net/url reads
// none, it leaves none.
func WithoutQuery(rawQuery, name string) (rest string, removed bool) {
	if hasTooMany(rawQuery) {
		return "", true
	}
	for part := range strings.SplitSeq(rawQuery, "&") {
		removed = removed || names(part, name) != Absent
	}
	if !removed {
		return rawQuery, false
	}
	var b strings.Builder
	b.Grow(len(rawQuery))
	for part := range strings.SplitSeq(rawQuery, "&") {
		if names(part, name) == Absent {
			b.WriteString(part)
			b.WriteByte('&')
		}
	}
	return strings.TrimSuffix(b.String(), "&"), true
}

// names returns whether a part of a query between two ampersands is the parameter
// called name: Present or Absent, or Unclear where readers may differ. Some take a
// semicolon for an ampersand; net/url ignores a part that has one.
func names(part, name string) State {
	if !strings.Contains(part, ";") {
		escaped, _, _ := strings.Cut(part, "=")
		return unescapes(escaped, name)
	}
	for sub := range strings.SplitSeq(part, ";") {
		if escaped, _, _ := strings.Cut(sub, "="); unescapes(escaped, name) != Absent {
			return Unclear
		}
	}
	return Absent
}

// unescapes compares like url.QueryUnescape(escaped) == name, without an allocation. It
// is Unclear for a bad escape.
func unescapes(escaped, name string) State {
	if strings.IndexByte(escaped, '%') < 0 && strings.IndexByte(escaped, '+') < 0 {
		if escaped == name {
			return Present
		}
		return Absent
	}
	same := true
	for ; escaped != ""; escaped = escaped[1:] {
		c := escaped[0]
		switch c {
		case '+':
			c = ' '
		case '%':
			if len(escaped) < 3 || !isHex(escaped[1]) || !isHex(escaped[2]) {
				return Unclear
			}
			c = unhex(escaped[1])<<4 | unhex(escaped[2])
			escaped = escaped[2:]
		}
		if same = same && name != "" && name[0] == c; same {
			name = name[1:]
		}
	}
	if same && name == "" {
		return Present
	}
	return Absent
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
