package credential_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/credential"
	"github.com/go-guard/guard/internal/field"
)

// TestQuery: the value of the parameter, and the query that remains.
func TestQuery(t *testing.T) {
	s := sources(t, credential.InsecureQuery("a key"))
	for _, tt := range []struct {
		query, text string
		state       field.State
		rest        string
	}{
		{"", "", field.Absent, ""},
		{"b=1", "", field.Absent, "b=1"},
		{"a+key=v", "v", field.Present, ""},
		{"b=1&a%20key=v%2B+&c;d", "v+ ", field.Present, "b=1&c;d"},
		{"a+key=", "", field.Absent, ""},
		{"a+key", "", field.Absent, ""},
		{"a+key=v&a+key=v", "", field.Repeated, ""},
		{"a+key=&a%20key=", "", field.Repeated, ""},
		{"b=%zz&a+key=v", "v", field.Present, "b=%zz"},
		{"a+key=%zz&b", "", field.Unclear, "b"}, // net/url drops it
		{"a+key=v;w", "", field.Unclear, ""},    // net/url drops it
		{"b;a%20key=v", "", field.Unclear, ""},
		{"c&b=1;a+key", "", field.Unclear, "c"},
		{"%zz=1&a+key=v", "", field.Unclear, ""},
		{"b%&c", "", field.Unclear, "c"},
		{"b&a+key%2=v&c", "", field.Unclear, "b&c"},
		{"a+key=" + strings.Repeat("&", 9_999), "", field.Absent, strings.Repeat("&", 9_998)},
		{"a+key=v" + strings.Repeat("&b", 9_999), "v", field.Present, "b" + strings.Repeat("&b", 9_998)},
		{"a+key=v" + strings.Repeat("&b", 10_000), "", field.Unclear, ""}, // net/url reads none
		{"a+key=v" + strings.Repeat(";b", 10_000), "", field.Unclear, ""},
		{"A+key=v", "", field.Absent, "A+key=v"},
		{"a+key=" + strings.Repeat("v", limit+1), strings.Repeat("v", limit+1), field.Malformed, ""},
	} {
		r := request("GET", "/p")
		r.URL.RawQuery, r.RequestURI = tt.query, strings.TrimSuffix("/p?"+tt.query, "?")
		if got := s.Find(r, ""); got.State != tt.state || got.Text != tt.text {
			t.Errorf("%q: %q, %d; want %q, %d", tt.query, got.Text, got.State, tt.text, tt.state)
		}
		inner := r.WithContext(t.Context())
		s.Strip()(inner)
		if want := strings.TrimSuffix("/p?"+tt.rest, "?"); inner.URL.RawQuery != tt.rest || inner.RequestURI != want {
			t.Errorf("%q: %q and %q remain", tt.query, inner.URL.RawQuery, inner.RequestURI)
		}
		if r.URL.RawQuery != tt.query {
			t.Errorf("%q: the outer request has %q", tt.query, r.URL.RawQuery)
		}
	}
}

// FuzzQuery: net/url reads the same value wherever it reads one, none where there is
// none, and none of what remains. What a reader takes for the parameter that splits at
// semicolons is not ignored.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{"", "key=a", "k%65y=a&b", "key=a&key=b", "key", "key=%", "key=a;b", "%=1&key=+", "key==a", "b;key=a", "b=;&c;d", "key=%zz", "key&key=%"} {
		f.Add(q)
	}
	s := sources(f, credential.InsecureQuery("key"))
	f.Fuzz(func(t *testing.T, query string) {
		r := request("GET", "/")
		r.URL.RawQuery = query
		c := s.Find(r, "")
		values, err := url.ParseQuery(query)
		list := values["key"]
		switch {
		case err != nil && (c.State == field.Unclear || c.State == field.Repeated): // refused, whichever is found first
		case len(list) > 1 != (c.State == field.Repeated), c.State == field.Unclear:
			t.Errorf("%q: state %d of %q", query, c.State, list)
		case len(list) == 1 && list[0] != c.Text, len(list) == 0 && c.State != field.Absent:
			t.Errorf("%q: %q, want %q", query, c.Text, list)
		}
		lenient, _ := url.ParseQuery(strings.ReplaceAll(query, ";", "&"))
		if lenient.Get("key") != "" && c.State == field.Absent {
			t.Errorf("%q: none, and another reader finds %q", query, lenient["key"])
		}
		s.Strip()(r)
		if rest, _ := url.ParseQuery(strings.ReplaceAll(r.URL.RawQuery, ";", "&")); rest.Has("key") {
			t.Errorf("%q: %q remains", query, r.URL.RawQuery)
		}
	})
}
