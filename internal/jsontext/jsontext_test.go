package jsontext_test

import (
	"encoding/json"
	"testing"

	"github.com/go-guard/guard/internal/jsontext"
)

// FuzzAppendString compares with encoding/json.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "abc-_.123", `"`, `\`, "<&>", "\x00", "\x1f", " ", "~", "\x7f", "é", "\xff", "\u2028", "a\xc3", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, _ := json.Marshal(s)
		if got := jsontext.AppendString([]byte("x"), s); string(got) != "x"+string(want) {
			t.Errorf("%q: %s, want x%s", s, got, want)
		}
	})
}
