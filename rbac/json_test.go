package rbac_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/go-guard/guard/rbac"
)

const goodJSON = `{
	"roles": {
		"admin":     {"grants": ["*"], "inherits": ["moderator"]},
		"moderator": {
			"grants": [
				"users:read"
			]
		},
		"user":      {"grants": ["posts:*"], "denies": ["posts:write"]},
		"guest":     {}
	}
}
`

func TestParseJSON(t *testing.T) {
	want := rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{
		"admin":     {Grants: []perm{"*"}, Inherits: []string{"moderator"}},
		"moderator": {Grants: []perm{usersRead}},
		"user":      {Grants: []perm{"posts:*"}, Denies: []perm{postsWrite}},
		"guest":     {},
	}}
	got, err := rbac.ParseJSON([]byte(goodJSON), permissions)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseJSON = %+v, %v; want %+v", got, err, want)
	}
	if _, err := rbac.New(got, rolesOf, nil); err != nil {
		t.Errorf("New of the parsed Spec: %v", err)
	}
}

func TestParseJSONErrors(t *testing.T) {
	tests := []struct{ file, want string }{
		{``, "line 1: the file ends too early"},
		{`{`, "line 1: the file ends too early"},
		{"{\"roles\":\n{\"a\": {}", "line 2: the file ends too early"},
		{`null`, "line 1: got null; want an object"},
		{`[]`, "line 1: got an array; want an object"},
		{`{}`, `the file has no "roles"`},
		{"{\n\"rôles\": {}}", `line 2: unknown name "rôles"`},
		{"{\n\"Roles\": {}}", `line 2: unknown name "Roles"`},
		{`{"roles": {"a": {"grants": []}}} {}`, "line 1: unexpected data after the object"},
		{"{\"roles\": {\"a\": {}\n}}\n]", "line 3: unexpected data after the object"},
		{"{\"roles\": {\n\"a\": {},\n\"a\": {}}}", `line 3: repeated name "a"`},
		{"{\"roles\": {\"a\": {}},\n\"roles\": {\"b\": {}}}", `line 2: repeated name "roles"`},
		{"{\"roles\": {\"a\": {\"grants\": [],\n\"grants\": []}}}", `line 2: repeated name "grants"`},
		{"{\"roles\": {\"a\": {\"grant\": []}}}", `line 1: unknown name "grant"`},
		{"{\"roles\": {\"a\":\n\"x\"}}", "line 2: got a string; want an object"},
		{"{\"roles\": {\"a\": {\"grants\":\n7}}}", "line 2: got a number; want an array"},
		{"{\"roles\": {\"a\": {\"grants\": [\n{}]}}}", "line 2: got an object; want a string"},
		{"{\"roles\": {\"a\": {\"inherits\": [true]}}}", "line 1: got a boolean; want a string"},
		{"{\"roles\":\n\n{\"a\" {}}}", "line 3: invalid character"},
		{`{"roles": {"a": {"grants": ["users:read",]}}}`, "line 1: invalid character"},
		{`{"roles": {"a": {"grants": [,"users:read"]}}}`, "line 1: invalid character"},
		{`{"roles": {"a": {"grants": ["users:read",,"users:read"]}}}`, "line 1: invalid character"},
		{`{"roles": {"a": {"grants": [,]}}}`, "line 1: invalid character"},
		{"{\"roles\": {\"a\": {\"grants\": [\n\"users:read\",\n\"users:raed\"]}}}", `line 3: role "a": unknown permission "users:raed"`},
		{"{\"roles\": {\"a\": {\"grants\": [\n\"users:read\",\n\"use*\"]}}}", `line 3: role "a": wildcard "use*"`},
		{"{\"roles\": {\"a\": {},\n\"b\": {\"inherits\": [\"a\",\n\"c\"]}}}", `line 3: role "b" inherits the unknown role "c"`},
		{"{\"roles\": {\n\"a\": {\"inherits\": [\"b\"]},\n\"b\": {\"inherits\": [\"a\"]}}}", `line 2: roles inherit each other: "a" > "b" > "a"`},
		{"{\"roles\": {\n\"a b \": {}}}", `line 2: role "a b "`},
		{"{\"roles\": {\"a\": {\"grants\": [\"*\"], \"denies\": [\n\"users:raed\"]}}}", `line 2: role "a": unknown permission "users:raed"`},
	}
	for _, tt := range tests {
		s, err := rbac.ParseJSON([]byte(tt.file), permissions)
		if err == nil || !strings.Contains(err.Error(), tt.want) || s.Roles != nil {
			t.Errorf("%q: %v; want %s", tt.file, err, tt.want)
		}
	}
	// Every unknown name is reported at once.
	_, err := rbac.ParseJSON([]byte("{\"roles\": {\"a\": {\"grants\": [\"x\",\n\"y\"]}}}"), permissions)
	if err == nil || !strings.Contains(err.Error(), "line 1: ") || !strings.Contains(err.Error(), "line 2: ") {
		t.Errorf("ParseJSON = %v; want both mistakes", err)
	}
	if _, err := rbac.ParseJSON([]byte(goodJSON), []perm{"a b"}); err == nil {
		t.Error("ParseJSON accepted an invalid permission")
	}
}

// A tenant without roles of its own has a file, too.
func TestParseJSONWithoutRoles(t *testing.T) {
	none, err := rbac.ParseJSON([]byte(`{"roles": {}}`), permissions)
	if err != nil || none.Roles == nil || len(none.Roles) != 0 {
		t.Fatalf("ParseJSON = %+v, %v; want an empty Spec", none, err)
	}
	p := withRoles(t, roles{"lead": {Grants: []perm{usersRead}}})
	if err := p.SwapIn(t.Context(), "a", none); err != nil {
		t.Errorf("SwapIn: %v", err)
	}
	if err := p.Swap(t.Context(), none); err == nil || !strings.Contains(err.Error(), "has no roles") {
		t.Errorf("Swap: %v", err)
	}
}

// FuzzParseJSON checks that New accepts what ParseJSON accepts.
func FuzzParseJSON(f *testing.F) {
	f.Add(goodJSON)
	f.Add(`{"roles":{"a":{"grants":["*"],"inherits":["a"]}}}`)
	f.Fuzz(func(t *testing.T, file string) {
		s, err := rbac.ParseJSON([]byte(file), permissions)
		if err != nil || len(s.Roles) == 0 {
			return
		}
		if _, err := rbac.New(s, rolesOf, nil); err != nil {
			t.Errorf("%q: %v", file, err)
		}
	})
}
