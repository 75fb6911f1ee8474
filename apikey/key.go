package apikey

import (
	"log/slog"

	"github.com/go-guard/guard/internal/secret"
)

// A Key is a key that was just issued. It prints as its id without the secret,
// in logs and JSON too. Only Reveal returns the secret.
type Key struct {
	secret secret.Value[string] // the whole key
	shown  string
}

// Reveal returns the whole key, to be shown to its subject once.
func (k Key) Reveal() string { return k.secret.Reveal() }

// String returns the key without its secret, such as "ak_live_3fVnkP0sQ1xY_…ab3K".
func (k Key) String() string { return k.shown }

// GoString is String, for %#v.
func (k Key) GoString() string { return k.shown }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.shown) }

// MarshalText keeps the secret out of JSON and other encodings.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.shown), nil }

func (k Key) last4() string {
	whole := k.Reveal()
	return whole[len(whole)-4:]
}
