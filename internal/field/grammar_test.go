package field_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/field"
)

// TestGrammar compares the tables with the plain definitions of the RFCs.
func TestGrammar(t *testing.T) {
	for c := range 256 {
		s := string([]byte{byte(c)})
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if got, want := field.IsToken(s), alnum || strings.Contains("!#$%&'*+-.^_`|~", s); got != want {
			t.Errorf("token %q: %t", s, got)
		}
		if got, want := field.IsScope(s), c == 0x21 || 0x23 <= c && c <= 0x5b || 0x5d <= c && c <= 0x7e; got != want {
			t.Errorf("scope %q: %t", s, got)
		}
	}
	if field.IsToken("") || field.IsScope("") || field.IsToken("a b") || field.IsScope("a b") {
		t.Error("empty or with a space")
	}
	if got := field.Scopes(" a  b\tc "); !slices.Equal(got, []string{"a", "b\tc"}) {
		t.Errorf("scopes %q", got)
	}
}
