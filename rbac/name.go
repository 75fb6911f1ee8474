package rbac

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-guard/guard/internal/field"
)

// permissionError allows what fits into messages and, as a scope-token, into a
// challenge (RFC 6749, section 3.3). An asterisk would be a wildcard.
func permissionError(name string) error {
	if name == "" {
		return fmt.Errorf("a permission has an empty name")
	}
	if !field.IsScope(name) || strings.Contains(name, "*") {
		return fmt.Errorf("permission %s: a name is printable ASCII without spaces, quotes, backslashes and asterisks", quoted(name))
	}
	return nil
}

const maxNameBytes = 256

// nameError allows what people call a role or a tenant in any language, and refuses
// what they cannot see. Names are compared byte by byte: a name with an invisible character
// would be another one that looks the same.
func nameError(kind, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a %s has an empty name", kind)
	case len(name) > maxNameBytes:
		return fmt.Errorf("%s %s: a name has at most %d bytes", kind, quoted(name), maxNameBytes)
	case !utf8.ValidString(name):
		return fmt.Errorf("%s %s: a name is valid UTF-8", kind, quoted(name))
	case name[0] == ' ' || name[len(name)-1] == ' ' || strings.Contains(name, "  "):
		return fmt.Errorf("%s %s: a name neither begins nor ends with a space, nor has two in a row", kind, quoted(name))
	}
	before := ' '
	for i, r := range name {
		if !isVisible(r) && !(isJoiner(r) && isJoined(before) && isJoined(runeAt(name, i+utf8.RuneLen(r)))) {
			return fmt.Errorf("%s %s: a name has printable characters, and no spaces but ASCII's; got %U", kind, quoted(name), r)
		}
		before = r
	}
	return nil
}

// isVisible reports whether r is a printable character: Unicode's letters, marks,
// numbers, punctuation and symbols but those with no glyph, and the ASCII space.
func isVisible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) && !strings.ContainsRune(blanks, r)
}

// blanks are letters, marks and symbols that Unicode does not class as spaces and fonts
// show as one: of Braille, music, Khitan and hieroglyphs.
const blanks = "\u2800\U0001d159\U00016fe4\U00013441\U00013442"

// isJoiner reports whether r is one of the invisible characters that Persian and
// the scripts of India and Sri Lanka write inside of words (RFC 5892, appendix A.1
// and A.2).
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// isJoined reports whether r is of a script that joins its letters.
func isJoined(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M) && !unicode.In(r, unicode.Common, unicode.Inherited, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}

// runeAt returns the character at byte i of s, a space at its end.
func runeAt(s string, i int) rune {
	for _, r := range s[i:] {
		return r
	}
	return ' '
}
