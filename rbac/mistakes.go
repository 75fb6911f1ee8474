package rbac

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// mistakes collects what is wrong with a Spec. A file must not decide how long
// the error is, so only the first maxMistakes are in it.
type mistakes struct {
	list []error
	more bool
}

const maxMistakes = 20

func (m *mistakes) add(format string, args ...any) {
	if m.full() {
		m.more = true
		return
	}
	m.list = append(m.list, fmt.Errorf("rbac: "+format, args...))
}

// full reports whether further mistakes are not listed.
func (m *mistakes) full() bool { return len(m.list) == maxMistakes }

func (m *mistakes) err() error {
	if m.more {
		return fmt.Errorf("%w\nrbac: there are more mistakes; these are the first %d", errors.Join(m.list...), maxMistakes)
	}
	return errors.Join(m.list...)
}

// quoted quotes text of any length for an error.
func quoted[S ~string](text S) string {
	const most = 100
	if len(text) <= most {
		return fmt.Sprintf("%q", text)
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%q…", text[:cut])
}
