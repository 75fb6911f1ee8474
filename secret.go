package guard

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret is key material in the options of a package. It exists so that options
// can be printed, logged and encoded as text or JSON, and show nothing of it. A
// []byte is assigned to it as it is: Pepper: []byte(os.Getenv("PEPPER")). Nil is none.
//
// In three places fmt calls no method, and prints the bytes: in an unexported field
// of your own struct; behind a pointer in a struct, map or list, under a verb that
// pointers do not have, such as %s; and under %p and %w, which go vet refuses. The
// types that are made with a Secret show it nowhere.
type Secret []byte

const secretShown = "(secret)" // not base64: decoded, it is no []byte

// Format prints nothing of the secret, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secretShown) }

// LogValue keeps the secret out of logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(secretShown) }

// MarshalText keeps the secret out of JSON and other encodings.
func (Secret) MarshalText() ([]byte, error) { return []byte(secretShown), nil }
