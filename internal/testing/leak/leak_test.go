package leak_test

import (
	"fmt"
	"testing"

	"github.com/go-guard/guard/internal/testing/leak"
)

type box struct{ v any }

type field struct {
	n int
	p *box
}

// quiet has methods that hide its secret, which do not help in an unexported field.
type quiet struct{ s string }

func (quiet) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "quiet") }

func TestFind(t *testing.T) {
	secret := leak.Secret("x", 32)
	other := "another secret"
	for name, tt := range map[string]struct {
		i    leak.Instance
		want bool
	}{
		"nothing":                {leak.Instance{Value: box{"public"}}, false},
		"a text":                 {leak.Instance{Value: box{string(secret)}}, true},
		"bytes":                  {leak.Instance{Value: box{secret}}, true},
		"an array":               {leak.Instance{Value: box{[32]byte(secret)}}, true},
		"behind a pointer":       {leak.Instance{Value: field{1, &box{secret}}}, true}, // %s prints *p
		"behind two pointers":    {leak.Instance{Value: field{1, &box{&box{secret}}}}, false},
		"in a function":          {leak.Instance{Value: box{func() []byte { return secret }}}, false},
		"a JSON member":          {leak.Instance{Value: &struct{ P **string }{new(new(string(secret)))}}, true},
		"behind a method":        {leak.Instance{Value: quiet{string(secret)}}, true},
		"behind a method, known": {leak.Instance{Value: quiet{string(secret)}, Exposed: "a test"}, false},
		"a field with a method":  {leak.Instance{Value: struct{ F quiet }{quiet{string(secret)}}}, true},
		"the same, known":        {leak.Instance{Value: struct{ F quiet }{quiet{string(secret)}}, Exposed: "a test"}, false},
		"a field without one":    {leak.Instance{Value: struct{ f quiet }{quiet{string(secret)}}, Exposed: "a test"}, true},
		"behind a field, known":  {leak.Instance{Value: struct{ F *quiet }{&quiet{string(secret)}}, Exposed: "a test"}, false},
		"another secret":         {leak.Instance{Value: box{other}, Secrets: []string{other}}, true},
		"random bytes":           {leak.Instance{Value: box{make([]byte, 16)}}, true},
		"a digest":               {leak.Instance{Value: box{make([]byte, 16)}, Digests: true}, false},
		"a few bytes":            {leak.Instance{Value: box{make([]byte, 15)}}, false},
	} {
		if leaks := leak.Find(tt.i); (len(leaks) > 0) != tt.want {
			t.Errorf("%s: %d leaks, want any %t: %.500q", name, len(leaks), tt.want, leaks)
		}
	}
}
