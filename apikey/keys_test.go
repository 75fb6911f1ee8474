package apikey_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/source"
)

func TestKeys(t *testing.T) {
	keys := guard.Must(apikey.New(byKey, nil))
	const invalid, internal = "Invalid API key", "The request could not be processed"
	tests := []struct {
		name    string
		headers []string
		want    int
		body    string
	}{
		{"none", nil, 401, e(401, "API key required")},
		{"empty", []string{"X-API-Key", ""}, 401, e(401, "API key required")},
		{"elsewhere", []string{"Authorization", "ApiKey key_12345", "Cookie", "X-API-Key=key_12345"}, 401, e(401, "API key required")},
		{"unknown", []string{"X-API-Key", "key_99999"}, 401, e(401, invalid)},
		{"in another case", []string{"X-API-Key", "KEY_12345"}, 401, e(401, invalid)},
		{"two in one", []string{"X-API-Key", "key_12345, key_67890"}, 401, e(401, invalid)},
		{"too long", []string{"X-API-Key", strings.Repeat("k", 1025)}, 401, e(401, invalid)},
		{"Alice", []string{"X-API-Key", "key_12345"}, 200, "Alice"},
		{"Bob, header in another case", []string{"x-api-key", "key_67890"}, 200, "Bob"},
		{"twice", []string{"X-API-Key", "key_12345", "X-API-Key", "key_12345"}, 400, e(400, "More than one credential was sent")},
		{"twice, once empty", []string{"X-API-Key", "", "X-API-Key", "key_12345"}, 400, e(400, "More than one credential was sent")},
		{"outage", []string{"X-API-Key", "outage"}, 503, e(503, "The service is unavailable. Try again later.")},
		{"bug", []string{"X-API-Key", "bug"}, 500, e(500, internal)},
		{"the lookup abstains", []string{"X-API-Key", "abstains"}, 500, e(500, internal)},
		{"the lookup returns a user it did not find", []string{"X-API-Key", "forgot"}, 401, e(401, invalid)},
		{"the lookup returns a typed nil", []string{"X-API-Key", "typednil"}, 500, e(500, internal)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, inner := serve(t, keys.Wrap, request(tt.headers...))
			if w.Code != tt.want || w.Body.String() != tt.body || (inner != nil) != (tt.want == 200) {
				t.Errorf("%d %s, reached %t; want %d %s", w.Code, w.Body, inner != nil, tt.want, tt.body)
			}
			challenge := ""
			if tt.want == 401 {
				challenge = "ApiKey"
			}
			if got := w.Header().Get("WWW-Authenticate"); got != challenge {
				t.Errorf("challenge %q, want %q", got, challenge)
			}
			if tt.want != 200 && w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the refusal may be cached")
			}
			if got := w.Header().Get("Vary"); got != "X-Api-Key" {
				t.Errorf("Vary %q", got)
			}
		})
	}
}

// TestKeysThatAreNoText: a lookup in a database would fail, and a client could cause 500.
func TestKeysThatAreNoText(t *testing.T) {
	lookup := func(_ context.Context, key string) (string, bool, error) {
		if !utf8.ValidString(key) || strings.ContainsAny(key, "\x00\n\x7f") {
			return "", false, errors.New("invalid byte sequence for encoding UTF8")
		}
		return key, true, nil
	}
	keys := guard.Must(apikey.New(lookup, &apikey.Options{Sources: []source.Source{source.Header("X-API-Key"), source.InsecureQuery("key")}}))
	for query, want := range map[string]int{
		"%C3%A9t%C3%A9+1": 200, "a%00": 401, "a%0A": 401, "%7F": 401, "%FF": 401, "%ED%A0%80": 401,
	} {
		r := request()
		r.URL.RawQuery = "key=" + query
		if w, _ := serve(t, keys.Wrap, r); w.Code != want {
			t.Errorf("%s: %d %s; want %d", query, w.Code, w.Body, want)
		}
	}
	if w, _ := serve(t, keys.Wrap, request("X-API-Key", "k\xff")); w.Code != 401 {
		t.Errorf("in a field: %d %s", w.Code, w.Body)
	}
}

func TestNewErrors(t *testing.T) {
	tests := []struct {
		name string
		opts *apikey.Options
		want []string
	}{
		{"realm", &apikey.Options{Realm: "a\nb"}, []string{"realm"}},
		{"sources", &apikey.Options{Sources: []source.Source{
			{}, source.Header(""), source.Header("Authorization"), source.Header("a b"), source.Authorization("Bear er"),
			source.Cookie("a;b"), source.InsecureQuery(""), source.Header("X"), source.Header("x"),
		}}, []string{"zero Source", `""`, "a source of its own", `"A b"|"a b"`, `"Bear er"`, `"a;b"`, "no name", "second one"}},
	}
	for _, tt := range tests {
		_, err := apikey.New(byKey, tt.opts)
		for _, want := range tt.want {
			if err == nil || !containsAny(err.Error(), want) {
				t.Errorf("%s: error %v does not mention %s", tt.name, err, want)
			}
		}
	}
	if _, err := apikey.New[user](nil, nil); err == nil {
		t.Error("a nil lookup is no error")
	}
}

func containsAny(s, alternatives string) bool {
	for a := range strings.SplitSeq(alternatives, "|") {
		if strings.Contains(s, a) {
			return true
		}
	}
	return false
}

// Options are copied: what the caller does to them later changes nothing.
func TestOptionsAreCopied(t *testing.T) {
	opts := &apikey.Options{Sources: []source.Source{source.Header("A")}}
	keys := guard.Must(apikey.New(byKey, opts))
	opts.Sources[0] = source.Header("B")
	if w, _ := serve(t, keys.Wrap, request("B", "key_12345")); w.Code != 401 {
		t.Errorf("status %d", w.Code)
	}
}
