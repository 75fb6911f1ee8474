package refusal_test

import (
	"errors"
	"testing"

	"github.com/go-guard/guard/internal/refusal"
)

func TestInsufficientScope(t *testing.T) {
	const added = `error="insufficient_scope", scope="a b"`
	tests := []struct {
		name       string
		challenges []string
		needed     []string
		want       string
	}{
		{"none", nil, []string{"a", "b"}, "Bearer " + added},
		{"no scope to name", nil, nil, `Bearer error="insufficient_scope"`},
		{"bare", []string{"Bearer"}, []string{"a", "b"}, "Bearer " + added},
		{"with a realm", []string{`Bearer realm="x"`}, []string{"a", "b"}, `Bearer realm="x", ` + added},
		{"another scheme", []string{"ApiKey"}, []string{"a", "b"}, "ApiKey " + added},
		{"Bearer behind another", []string{"ApiKey", `bearer realm="x"`}, []string{"a", "b"}, `bearer realm="x", ` + added},
		{"one with an error already", []string{`Bearer error="invalid_token"`}, []string{"a", "b"}, "Bearer " + added},
		{"a URL with such words", []string{`Bearer realm="a \" error=", resource_metadata="https://x/?scope=1&error=2"`}, []string{"a", "b"}, `Bearer realm="a \" error=", resource_metadata="https://x/?scope=1&error=2", ` + added},
		{"one with a scope already", []string{`Bearer scope="c"`, "ApiKey"}, []string{"a", "b"}, "Bearer " + added},
		{"a scope among others", []string{`Bearer realm="x, scope=\"d\", y", scope="c e",resource_metadata="https://x/?a,scope=1"`}, []string{"a", "b"}, `Bearer realm="x, scope=\"d\", y", resource_metadata="https://x/?a,scope=1", ` + added},
		{"a scope in any case, unquoted", []string{`Bearer Scope=c , realm="x"`}, []string{"a", "b"}, `Bearer realm="x", ` + added},
		{"a scope, none to name", []string{`Bearer scope="c"`}, nil, `Bearer error="insufficient_scope"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := refusal.InsufficientScope("m", tt.challenges, tt.needed, errors.New("cause"))
			if e.Status != 403 || e.Code != "insufficient_scope" || len(e.Challenges) != 1 || e.Challenges[0] != tt.want {
				t.Errorf("%d, %s, %q; want %q", e.Status, e.Code, e.Challenges, tt.want)
			}
		})
	}
}
