package rbac_test

import (
	"encoding/json"
	"errors"
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
		"user":      {"grants": ["posts:*"]},
		"guest":     {}
	}
}
`

const goodCSV = "\ufeffrole,grants,inherits\r\n" + `# what people may do
admin,*,moderator

moderator,users:read,
"user", posts:* ,
guest,,
`

func TestParse(t *testing.T) {
	want := rbac.Spec[perm]{Permissions: permissions, Roles: map[string]rbac.Role[perm]{
		"admin":     {Grants: []perm{"*"}, Inherits: []string{"moderator"}},
		"moderator": {Grants: []perm{usersRead}},
		"user":      {Grants: []perm{"posts:*"}},
		"guest":     {},
	}}
	check := func(name string, got rbac.Spec[perm], err error) {
		t.Helper()
		for n, r := range got.Roles {
			if len(r.Grants) == 0 {
				r.Grants = nil
			}
			if len(r.Inherits) == 0 {
				r.Inherits = nil
			}
			got.Roles[n] = r
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	s, err := rbac.ParseJSON([]byte(goodJSON), permissions)
	check("JSON", s, err)
	s, err = rbac.ParseCSV([]byte(goodCSV), permissions)
	check("CSV", s, err)
	s, err = rbac.Parse([]byte(goodJSON), json.Unmarshal, permissions)
	check("JSON as another format", s, err)
	old := func(_ []byte, v any) error { // as gopkg.in/yaml.v2 answers
		*v.(*map[string]any) = map[string]any{"roles": map[any]any{
			"admin":     map[any]any{"grants": []any{"*"}, "inherits": []any{"moderator"}},
			"moderator": map[any]any{"grants": []any{"users:read"}},
			"user":      map[any]any{"grants": []any{"posts:*"}},
			"guest":     nil,
		}}
		return nil
	}
	s, err = rbac.Parse(nil, old, permissions)
	check("maps of any", s, err)
	if _, err := rbac.New(s, rolesOf, nil); err != nil {
		t.Error(err)
	}
}

func TestParseJSONErrors(t *testing.T) {
	tests := []struct{ file, want string }{
		{``, "line 1: the file ends too early"},
		{`{`, "line 1: the file ends too early"},
		{"{\"roles\":\n{\"a\": {}", "line 2: the file ends too early"},
		{`null`, "line 1: found null; want an object"},
		{`[]`, "line 1: found an array; want an object"},
		{`{}`, "without roles"},
		{`{"roles": {}}`, "without roles"},
		{"{\n\"rôles\": {}}", `line 2: unknown name "rôles"`},
		{"{\n\"Roles\": {}}", `line 2: unknown name "Roles"`},
		{`{"roles": {"a": {"grants": []}}} {}`, "line 1: there is something behind the object"},
		{"{\"roles\": {\"a\": {}\n}}\n]", "line 3: there is something behind the object"},
		{"{\"roles\": {\n\"a\": {},\n\"a\": {}}}", `line 3: "a" is there twice`},
		{"{\"roles\": {\"a\": {}},\n\"roles\": {\"b\": {}}}", `line 2: "roles" is there twice`},
		{"{\"roles\": {\"a\": {\"grants\": [],\n\"grants\": []}}}", `line 2: "grants" is there twice`},
		{"{\"roles\": {\"a\": {\"grant\": []}}}", `line 1: unknown name "grant"`},
		{"{\"roles\": {\"a\":\n\"x\"}}", "line 2: found a string; want an object"},
		{"{\"roles\": {\"a\": {\"grants\":\n7}}}", "line 2: found a number; want an array"},
		{"{\"roles\": {\"a\": {\"grants\": [\n{}]}}}", "line 2: found an object; want a string"},
		{"{\"roles\": {\"a\": {\"inherits\": [true]}}}", "line 1: found a boolean; want a string"},
		{"{\"roles\":\n\n{\"a\" {}}}", "line 3: invalid character"},
		{"{\"roles\": {\"a\": {\"grants\": [\n\"users:read\",\n\"users:raed\"]}}}", `line 3: role "a": unknown permission "users:raed"`},
		{"{\"roles\": {\"a\": {\"grants\": [\n\"users:read\",\n\"use*\"]}}}", `line 3: role "a": wildcard "use*"`},
		{"{\"roles\": {\"a\": {},\n\"b\": {\"inherits\": [\"a\",\n\"c\"]}}}", `line 3: role "b" inherits the unknown role "c"`},
		{"{\"roles\": {\n\"a\": {\"inherits\": [\"b\"]},\n\"b\": {\"inherits\": [\"a\"]}}}", "line 2: roles inherit each other: a > b > a"},
		{"{\"roles\": {\n\"a b\": {}}}", `line 2: role "a b"`},
	}
	for _, tt := range tests {
		s, err := rbac.ParseJSON([]byte(tt.file), permissions)
		if err == nil || !strings.Contains(err.Error(), tt.want) || s.Roles != nil {
			t.Errorf("%q: %v; want %s", tt.file, err, tt.want)
		}
	}
	// All mistakes in names are told at once.
	_, err := rbac.ParseJSON([]byte("{\"roles\": {\"a\": {\"grants\": [\"x\",\n\"y\"]}}}"), permissions)
	if err == nil || !strings.Contains(err.Error(), "line 1: ") || !strings.Contains(err.Error(), "line 2: ") {
		t.Errorf("%v", err)
	}
	if _, err := rbac.ParseJSON([]byte(goodJSON), []perm{"a b"}); err == nil {
		t.Error("a wrong declaration is no error")
	}
}

func TestParseCSVErrors(t *testing.T) {
	const head = "role,grants,inherits\n"
	for file, want := range map[string]string{
		"":                                       "no header",
		"admin,*,\n":                             "line 1: header",
		head:                                     "without roles",
		head + "admin,*\n":                       "line 2",
		head + "admin,\"*,\n":                    "line 2",
		head + "admin,*,\n# again\n\nadmin,*,\n": `line 5: role "admin" is there twice`,
		head + "admin,users:read\tusers:raed,\n": `line 2: role "admin": unknown permission "users:raed"`,
		head + "a,,\nb,,a c\n":                   `line 3: role "b" inherits the unknown role "c"`,
		head + "a,,b\nb,,a\n":                    "line 2: roles inherit each other",
		head + ",,\n":                            "line 2: a role without a name",
		head + "\"a\n\",users:read,\nb,users:x,\n": `line 4: role "b": unknown permission "users:x"`,
	} {
		if s, err := rbac.ParseCSV([]byte(file), permissions); err == nil || !strings.Contains(err.Error(), want) || s.Roles != nil {
			t.Errorf("%q: %v; want %s", file, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const file = "roles:\n  admin:\n    grants: [users:read, users:raed]\n    inherits:\n    - usr\n  user: {grants: [posts:x]}\n"
	answers := func(v map[string]any) func([]byte, any) error {
		return func(_ []byte, p any) error { *p.(*map[string]any) = v; return nil }
	}
	object := func(name string, v any) map[string]any { return map[string]any{name: v} }
	for _, tt := range []struct {
		doc  map[string]any
		want []string
	}{
		{nil, []string{"without roles"}},
		{object("roles", 7), []string{"roles is no object"}},
		{object("roles", map[any]any{1: object("grants", []any{"*"}), "1": object("grants", nil)}), []string{"roles has the name 1, which is no string"}},
		{object("rolls", nil), []string{`unknown name "rolls"`}},
		{object("roles", object("admin", "x")), []string{`role "admin" is no object`}},
		{object("roles", object("admin", object("grant", nil))), []string{`role "admin" has the unknown name "grant"`}},
		{object("roles", object("admin", object("grants", "users:read"))), []string{`line 2: grants of role "admin" is no list`}},
		{object("roles", object("admin", object("inherits", []any{1}))), []string{`line 2: inherits of role "admin" holds 1`}},
		{object("roles", map[string]any{
			"admin": map[string]any{"grants": []any{"users:read", "users:raed"}, "inherits": []any{"usr"}},
			"user":  object("grants", []any{"posts:x"}),
		}), []string{`line 3: role "admin": unknown permission "users:raed"`, `line 5: role "admin" inherits the unknown role "usr"`, `line 6: role "user"`}},
	} {
		_, err := rbac.Parse([]byte(file), answers(tt.doc), permissions)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v; want %s", tt.doc, err, want)
			}
		}
	}
	failed := errors.New("yaml: line 7: no")
	if _, err := rbac.Parse(nil, func([]byte, any) error { return failed }, permissions); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	if _, err := rbac.Parse[perm](nil, nil, permissions); err == nil {
		t.Error("a nil unmarshal is no error")
	}
}

// What a parser accepts, New accepts; nothing panics.
func FuzzParse(f *testing.F) {
	f.Add(goodJSON)
	f.Add(goodCSV)
	f.Add(`{"roles":{"a":{"grants":["*"],"inherits":["a"]}}}`)
	f.Add("role,grants,inherits\na,*,\n")
	f.Fuzz(func(t *testing.T, file string) {
		for _, parse := range []func([]byte) (rbac.Spec[perm], error){
			func(b []byte) (rbac.Spec[perm], error) { return rbac.ParseJSON(b, permissions) },
			func(b []byte) (rbac.Spec[perm], error) { return rbac.ParseCSV(b, permissions) },
			func(b []byte) (rbac.Spec[perm], error) { return rbac.Parse(b, json.Unmarshal, permissions) },
		} {
			s, err := parse([]byte(file))
			if err != nil {
				continue
			}
			if _, err := rbac.New(s, rolesOf, nil); err != nil {
				t.Errorf("%q: %v", file, err)
			}
		}
	})
}
