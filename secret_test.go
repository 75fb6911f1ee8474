package guard_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/go-guard/guard"
)

// Package internal/testing/leak has every place and verb.
func TestSecret(t *testing.T) {
	type options struct {
		Key  guard.Secret
		Keys []guard.Secret
	}
	bytes := []byte("hunter2")
	o := options{Key: bytes, Keys: []guard.Secret{bytes, []byte("hunter2")}}
	var logged, filled strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("m", "secret", o.Key, "options", o)
	if err := template.Must(template.New("").Parse("{{.Key}} {{.Keys}}")).Execute(&filled, o); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"fmt":  fmt.Sprint(o.Key, o, &o),
		"%#v":  fmt.Sprintf("%#v %#v", o.Key, o),
		"JSON": string(guard.Must(json.Marshal(o))),
		"XML":  string(guard.Must(xml.Marshal(o))),
		"slog": logged.String(), "a template": filled.String(),
	} {
		if n := strings.Count(text, "(secret)"); n < 3 || strings.Contains(text, "hunter2") || strings.Contains(text, "104") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if v := slog.AnyValue(o.Key).Resolve(); v.Kind() != slog.KindString || v.String() != "(secret)" {
		t.Errorf("a handler of slog sees %v", v)
	}
	// What was printed does not return as a key.
	if err := json.Unmarshal(guard.Must(json.Marshal(o)), &o); err == nil {
		t.Errorf("decoded %q", []byte(o.Key))
	}
}
