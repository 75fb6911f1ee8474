package field_test

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/field"
)

// FuzzRawCookies compares with a plain twin that splits the field.
func FuzzRawCookies(f *testing.F) {
	for _, line := range []string{
		"", "tok=a", "a=tok=b; tok=c", "tok", "tok;tok = b ", " tok=a ; TOK=b;xtok=c;tokx=d; tok=e=f", "toktok=a;tok tok=b", ";tok=;\ttok\t=\tc",
		"tok\ntok=a", "to;k=a", "tok x=1; x tok=1", "\"tok=a", "x;tok=a",
	} {
		f.Add(line, line)
	}
	f.Fuzz(func(t *testing.T, line, next string) {
		h := http.Header{"Cookie": {line, next}}
		var want []string
		for _, part := range slices.Concat(strings.Split(line, ";"), strings.Split(next, ";")) {
			name, value, _ := strings.Cut(textproto.TrimString(part), "=")
			if textproto.TrimString(name) == "tok" {
				want = append(want, value)
			}
		}
		if got := slices.Collect(field.RawCookies(h, "tok")); !slices.Equal(got, want) {
			t.Errorf("%q, %q: %q, want %q", line, next, got, want)
		}
	})
}
