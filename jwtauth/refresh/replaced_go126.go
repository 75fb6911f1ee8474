//go:build !go1.27

package refresh

import "bytes"

// replaced reports whether encoding/json wrote U+FFFD in place of invalid bytes of login:
// before Go 1.27 it is escaped there, and a U+FFFD that was in login is not.
func replaced(_ map[string]any, text []byte) bool {
	return bytes.Contains(bytes.ReplaceAll(text, []byte(`\\`), nil), []byte(`\ufffd`))
}
