package session_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

type themeV1 struct {
	Color string `json:"color"`
}

type dataV1 struct {
	Email  string             `json:"email"`
	Role   string             `json:"role,omitempty"`
	Theme  themeV1            `json:"theme"`
	Places map[string]themeV1 `json:"places,omitempty"`
	List   []themeV1          `json:"list,omitempty"`
	Any    any                `json:"any,omitempty"`
	Next   *themeV1           `json:"next,omitempty"`
}

type themeV2 struct {
	Color string `json:"color"`
	Dark  bool   `json:"dark"`
}

type dataV2 struct {
	Email  string             `json:"email"`
	Role   string             `json:"role,omitempty"`
	Theme  themeV2            `json:"theme"`
	Places map[string]themeV2 `json:"places,omitempty"`
	List   []themeV2          `json:"list,omitempty"`
	Any    any                `json:"any,omitempty"`
	Next   *themeV2           `json:"next,omitempty"`
	Cart   []string           `json:"cart"`
	ROLE   string             // which encoding/json would take for version 1's role
}

// TestTwoVersions: while version 2 of a program was rolled out, an update of version 1
// dropped the fields that version 2 had added.
func TestTwoVersions(t *testing.T) {
	store := newMemory(t, nil)
	v1 := guard.Must(session.New[dataV1](&session.Options{Store: store}))
	v2 := guard.Must(session.New[dataV2](&session.Options{Store: store}))
	w := recorder()
	dark := themeV2{"blue", true}
	if _, err := v2.Create(w, request("POST"), "alice", dataV2{
		Email: "alice@example.com", Role: "user", Theme: dark, ROLE: "admin", Cart: []string{"book"}, List: []themeV2{dark},
		Places: map[string]themeV2{"home": dark, "work": dark}, Any: map[string]any{"a": 1.0}, Next: &dark,
	}); err != nil {
		t.Fatal(err)
	}
	read := func() *http.Request { return request("GET", with(cookieOf(t, w))) }
	s, err := v1.Authenticate(read())
	if err != nil {
		t.Fatal(err)
	}
	if d := s.Data(); d.Role != "user" || d.Theme.Color != "blue" || len(d.Places) != 2 {
		t.Fatalf("version 1 reads %+v", d)
	}
	s, err = v1.Update(t.Context(), s, func(d *dataV1) error {
		d.Email, d.Role, d.Theme.Color = "a@b", "", "red"
		delete(d.Places, "work")
		d.Places["car"] = themeV1{"red"}
		d.List = append(d.List, themeV1{"red"})
		d.Any = map[string]any{"b": 2.0}
		d.Next = nil
		return nil
	})
	if err != nil || s.Data().Email != "a@b" || s.Data().Role != "" {
		t.Fatal(s, err)
	}
	got, err := v2.Authenticate(read())
	if err != nil {
		t.Fatal(err)
	}
	want := dataV2{
		Email: "a@b", Theme: themeV2{"red", true}, ROLE: "admin", Cart: []string{"book"}, List: []themeV2{{"blue", false}, {"red", false}},
		Places: map[string]themeV2{"home": dark, "car": {"red", false}}, Any: map[string]any{"b": 2.0},
	}
	if d := got.Data(); !reflect.DeepEqual(d, want) {
		t.Errorf("version 2 reads\n%+v, want\n%+v", d, want)
	}
	// The members that version 1 does not declare count, too.
	small := guard.Must(session.New[struct{}](&session.Options{Store: store, MaxData: 50}))
	list, err := small.List(t.Context(), "alice")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	_, err = small.Update(t.Context(), list[0], func(*struct{}) error { return nil })
	refused(t, err, 500, "")
}

func TestUnknownMembers(t *testing.T) {
	type inner struct{ A, B int }
	type outer struct {
		In    inner
		Tag   string `json:"tag,omitempty"`
		Skip  string `json:"-"`
		Map   map[string]inner
		Deep  map[string][]map[string]inner
		Whole reflectless
		When  time.Time
	}
	c := session.NewCodec[outer]()
	for _, tt := range []struct{ name, old, next, want string }{
		{"none", `{"In":{"A":1}}`, `{"In":{"A":2}}`, `{"In":{"A":2}}`},
		{"at the top", `{"x":[1,{"y":2}]}`, `{"tag":"a"}`, `{"tag":"a","x":[1,{"y":2}]}`},
		{"declared and omitted", `{"tag":"a"}`, `{}`, `{}`},
		{"in another case", `{"TAG":"a","in":1}`, `{}`, `{"TAG":"a","in":1}`},
		{"not of the JSON", `{"Skip":"a","-":"b"}`, `{}`, `{"-":"b","Skip":"a"}`},
		{"nested", `{"In":{"A":1,"C":3}}`, `{"In":{"A":2,"B":2}}`, `{"In":{"A":2,"B":2,"C":3}}`},
		{"nested, of another type", `{"In":[1]}`, `{"In":{"A":2}}`, `{"In":{"A":2}}`},
		{"nested, removed", `{"In":{"C":3}}`, `{"In":null}`, `{"In":null}`},
		{"a map's", `{"Map":{"a":{"C":1},"b":{"C":1}}}`, `{"Map":{"a":{"A":1},"c":{}}}`, `{"Map":{"a":{"A":1,"C":1},"c":{}}}`},
		{"a list's", `{"Deep":{"a":[{"b":{"C":1}}]}}`, `{"Deep":{"a":[{"b":{"A":1}}]}}`, `{"Deep":{"a":[{"b":{"A":1}}]}}`},
		{"of a type that writes itself", `{"Whole":{"C":1}}`, `{"Whole":{"A":1}}`, `{"Whole":{"A":1}}`},
		{"null before", `null`, `{}`, `{}`},
	} {
		if got := c.WithUnknown(tt.old, tt.next); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// reflectless writes other names than those of its fields.
type reflectless struct{ A int }

func (reflectless) MarshalJSON() ([]byte, error) { return []byte(`{"z":1}`), nil }

// FuzzUnknownMembers: what D declares is that of next, and every other member of a
// struct is that of old where next has none.
func FuzzUnknownMembers(f *testing.F) {
	type inner struct{ B int }
	type outer struct {
		A int
		M map[string]inner
	}
	for _, s := range []string{`{"x":1}`, `{"M":{"k":{"B":1,"x":2}}}`, `{"a":1,"A":2}`, `[]`, `{"M":[],"m":{}}`} {
		f.Add(s, 1, "k", 2)
		f.Add(s, 0, "", 0)
	}
	c := session.NewCodec[outer]()
	f.Fuzz(func(t *testing.T, old string, a int, key string, b int) {
		next, err := json.Marshal(outer{a, map[string]inner{key: {b}}})
		if err != nil || !json.Valid([]byte(old)) {
			return
		}
		merged := c.WithUnknown(old, string(next))
		got, err := c.ByJSON(merged)
		want, _ := c.ByJSON(string(next))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s over %s: %s decodes as %+v, %v", next, old, merged, got, err)
		}
		var before, after map[string]any
		if json.Unmarshal([]byte(old), &before) != nil || json.Unmarshal([]byte(merged), &after) != nil {
			return
		}
		delete(before, "A")
		delete(before, "M")
		for _, name := range slices.Collect(maps.Keys(before)) {
			if !reflect.DeepEqual(before[name], after[name]) {
				t.Errorf("%s over %s: %s lost %q", next, old, merged, name)
			}
		}
	})
}
