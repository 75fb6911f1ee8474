package strictjson_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/strictjson"
)

type (
	perm struct {
		Perm string `json:"perm"`
	}
	other struct {
		X string `json:"x"`
	}
	Nested struct {
		Data other `json:"data"`
	}
	Upper  struct{ PERM string }
	Upper2 struct{ PERM string }
	Via    struct{ Upper }
	Via2   struct{ Upper }
)

// An embedded struct that shadows a field lost the field's shape: then
// {"perm":"user","PERM":"admin"} was an admin's.
func TestShadowedFieldKeepsItsShape(t *testing.T) {
	type outerFirst struct {
		Data perm `json:"data"`
		Nested
	}
	type outerLast struct {
		Nested
		Data perm `json:"data"`
	}
	const both, right = `{"data":{"perm":"user","PERM":"admin"}}`, `{"data":{"perm":"user"}}`
	if v, err := read[outerFirst](both); !isCase(err) {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := read[outerLast](both); !isCase(err) {
		t.Errorf("the embedded one first: %+v, %v", v, err)
	}
	if v, err := read[outerFirst](right); err != nil || v.Data.Perm != "user" {
		t.Errorf("%+v, %v", v, err)
	}
}

// Two embedded fields of one name hide each other from encoding/json, which
// then takes the name for the field that it folds to.
func TestNameThatNoFieldHasIsNoExactOne(t *testing.T) {
	type tied struct {
		Upper
		Upper2
		Perm string `json:"perm"`
	}
	type twice struct { // one type, embedded twice
		Via
		Via2
		Perm string `json:"perm"`
	}
	type tagless struct {
		//lint:ignore SA5008 encoding/json ignores such a tag, and goes by the field's name
		Perm string `json:"p'"`
	}
	const both = `{"perm":"user","PERM":"admin"}`
	if v, err := read[tied](both); !isCase(err) {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := read[twice](both); !isCase(err) {
		t.Errorf("embedded twice: %+v, %v", v, err)
	}
	if v, err := read[tagless](`{"Perm":"user","PERM":"admin"}`); !isCase(err) {
		t.Errorf("a tag that is none: %+v, %v", v, err)
	}
}

// The names that pass are those that encoding/json writes, and what it would
// take for one of them does not, however structs are embedded.
func TestNamesAreThoseOfEncodingJSON(t *testing.T) {
	type (
		tagged struct { // it has the name
			Upper
			perm `json:"PERM"`
		}
		same struct { // the tagged one of two at one depth
			Upper
			Tagged
		}
		pointers struct {
			*Via
			Perm string `json:"perm"`
		}
		deep struct { // what a type holds that is embedded twice
			TwoIn
			TwoIn2
			UPPER string
		}
	)
	namesAreThoseOfEncodingJSON(t, tagged{})
	namesAreThoseOfEncodingJSON(t, same{})
	namesAreThoseOfEncodingJSON(t, pointers{Via: &Via{}})
	namesAreThoseOfEncodingJSON(t, deep{})
	namesAreThoseOfEncodingJSON(t, struct {
		Via
		Nested
		perm
		X int `json:"a b/c"`
	}{})
}

type (
	Tagged struct {
		Perm int `json:"PERM"`
	}
	TwoIn  struct{ Holder }
	TwoIn2 struct{ Holder }
	Holder struct {
		Upper
		Tied int
	}
)

func namesAreThoseOfEncodingJSON[C any](t *testing.T, c C) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(guard.Must(json.Marshal(c)), &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range members {
		for _, n := range []string{name, strings.ToUpper(name), strings.ToLower(name), strings.ToUpper(name[:1]) + name[1:]} {
			_, exact := members[n]
			data := `{` + string(guard.Must(json.Marshal(n))) + `:` + string(value) + `}`
			if _, err := read[C](data); exact && err != nil || !exact && !isCase(err) {
				t.Errorf("%T: %s: %v; the name is exact: %t", c, n, err, exact)
			}
		}
	}
}

func read[T any](data string) (v T, err error) {
	err = strictjson.Unmarshal([]byte(data), &v)
	return v, err
}

func isCase(err error) bool {
	e, ok := errors.AsType[strictjson.Error](err)
	return ok && e.Reason == strictjson.Case
}

func TestShape(t *testing.T) {
	sh := strictjson.ShapeOf(reflect.TypeFor[*perm]())
	if !sh.IsStruct() || !sh.HasField([]byte("perm")) || sh.HasField([]byte("PERM")) || !sh.Matches("PERM") || sh.Matches("other") {
		t.Error("the shape of a struct")
	}
	if more := sh.With("sub"); !more.HasField([]byte("sub")) || !more.HasField([]byte("perm")) || !more.Matches("SUB") || sh.HasField([]byte("sub")) {
		t.Error("a shape with more names")
	}
	for _, typ := range []reflect.Type{nil, reflect.TypeFor[map[string]any](), reflect.TypeFor[time.Time](), reflect.TypeFor[string]()} {
		sh := strictjson.ShapeOf(typ)
		if sh.IsStruct() || sh.HasField([]byte("perm")) || sh.Matches("perm") {
			t.Errorf("%v has names", typ)
		}
		if more := sh.With("sub"); !more.HasField([]byte("sub")) || !more.Matches("Sub") {
			t.Errorf("%v with a name", typ)
		}
	}
}

// StringField must return only fields that encoding/json sets to the text as it
// is.
func TestStringField(t *testing.T) {
	type named string
	type inner struct{ Deep string }
	type fields struct {
		unexported string
		inner
		Plain  string
		Tagged string      `json:"tag,omitempty"`
		Quoted string      `json:"quoted,omitempty,string"`
		Number json.Number `json:"number"`
		Named  named       `json:"named"`
		Hidden string      `json:"-"`
		Int    int
	}
	sh := strictjson.ShapeOf(reflect.TypeFor[fields]())
	for name, want := range map[string]string{
		"Plain": "Plain", "tag": "Tagged", "plain": "", "Tagged": "", "quoted": "", "number": "", "named": "", "Hidden": "", "-": "", "Int": "", "Deep": "", "unexported": "",
	} {
		i, ok := sh.StringField([]byte(name))
		if ok != (want != "") || ok && reflect.TypeFor[fields]().Field(i).Name != want {
			t.Errorf("%s: field %d, %t; want %q", name, i, ok, want)
		}
	}
	if _, ok := strictjson.ShapeOf(reflect.TypeFor[map[string]string]()).StringField([]byte("a")); ok {
		t.Error("a map has a string field")
	}
	_ = fields{unexported: ""}
}
