package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/strictjson"
)

type document struct {
	Name   string            `json:"name"`
	List   []item            `json:"list"`
	Map    map[string]item   `json:"map"`
	Raw    json.RawMessage   `json:"raw"`
	Any    any               `json:"any"`
	Time   time.Time         `json:"time"`
	Hidden string            `json:"-"`
	Texts  map[string]string `json:"texts"`
	Self   *document         `json:"self"`
	Nested [1][]*item        `json:"nested"`
}

type item struct {
	Role string `json:"role"`
}

func TestUnmarshal(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	var many strings.Builder
	for i := range strictjson.MaxMembers {
		fmt.Fprintf(&many, `,"%d":0`, i)
	}
	tests := []struct {
		name, data string
		reason     strictjson.Reason
		offset     int
	}{
		{"an object", ` {"name":"a","list":[{"role":"b"}],"raw":{"x":[1,-2.5e3,true,false,null]}} `, 0, 0},
		{"empty", `{}`, 0, 0},
		{"unknown member", `{"other":{"NAME":1}}`, 0, 0},
		{"keys of a map", `{"texts":{"a":"","A":""}}`, 0, 0},
		{"any", `{"any":{"Name":"","name":""}}`, 0, 0},
		{"escapes", `{"\u006eame":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, 0, 0},
		{"a field that is not read", `{"Hidden":1,"hidden":2}`, 0, 0},
		{"32 deep", `{"any":` + deep(31) + `}`, 0, 0},

		{"nothing", ``, strictjson.Syntax, 0},
		{"an array", `[]`, strictjson.Syntax, 0},
		{"null", `null`, strictjson.Syntax, 0},
		{"cut off", `{"name":"a"`, strictjson.Syntax, 11},
		{"cut off in a string", `{"name":"a`, strictjson.Syntax, 10},
		{"cut off in an escape", `{"name":"\`, strictjson.Syntax, 10},
		{"cut off in a word", `{"any":tru`, strictjson.Syntax, 7},
		{"a trailing comma", `{"name":"a",}`, strictjson.Syntax, 12},
		{"a trailing comma in an array", `{"list":[{},]}`, strictjson.Syntax, 12},
		{"a leading zero", `{"any":01}`, strictjson.Syntax, 8},
		{"a sign alone", `{"any":-}`, strictjson.Syntax, 8},
		{"a number beyond float64", `{"any":1e999}`, strictjson.Syntax, 12},
		{"not UTF-8", "{\"name\":\"a\xff\"}", strictjson.Syntax, 9},
		{"not UTF-8 behind an escape", "{\"name\":\"\\n\xff\"}", strictjson.Syntax, 13},
		{"half a surrogate pair", `{"name":"\ud83d"}`, strictjson.Syntax, 15},
		{"a control character", "{\"name\":\"a\tb\"}", strictjson.Syntax, 10},
		{"two objects", `{} {}`, strictjson.Trailing, 3},
		{"a NUL behind", "{}\x00", strictjson.Trailing, 2},
		{"33 deep", `{"any":` + deep(32) + `}`, strictjson.Depth, 38},
		{"33 deep in raw text", `{"raw":` + deep(32) + `}`, strictjson.Depth, 38},
		{"too many members", `{"name":""` + many.String() + `}`, strictjson.Members, 10 + many.Len() - 8},
		{"a name twice", `{"name":"a","name":"b"}`, strictjson.Repeated, 12},
		{"a name twice, once escaped", `{"name":"a","\u006eame":"b"}`, strictjson.Repeated, 12},
		{"an unknown name twice", `{"x":1,"x":2}`, strictjson.Repeated, 7},
		{"a name twice in any", `{"any":[{"x":1,"x":2}]}`, strictjson.Repeated, 15},
		{"a name twice in raw text", `{"raw":{"x":1,"x":2}}`, strictjson.Repeated, 14},
		{"another case", `{"Name":"a"}`, strictjson.Case, 1},
		{"another case by folding", `{"liſt":[]}`, strictjson.Case, 1},
		{"another case in a list", `{"list":[{"role":""},{"ROLE":""}]}`, strictjson.Case, 22},
		{"another case in a map", `{"map":{"x":{"ROLE":""}}}`, strictjson.Case, 13},
		{"another case in an array of lists of pointers", `{"nested":[[{"ROLE":""}]]}`, strictjson.Case, 13},
		{"another case in its own type", `{"self":{"self":{"NAME":""}}}`, strictjson.Case, 17},
		{"another type", `{"name":1}`, strictjson.Type, 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := strictjson.Unmarshal([]byte(tt.data), new(document))
			if tt.reason == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if want := (strictjson.Error{Reason: tt.reason, Offset: tt.offset}); err != want {
				t.Errorf("error %#v; want %#v", err, want)
			}
		})
	}
}

func TestUnmarshalReadsLikeEncodingJSON(t *testing.T) {
	const data = `{"name":"a","list":[{"role":"b"}],"raw":{"x":1},"time":"2026-01-02T03:04:05Z"}`
	var got, want document
	if err := strictjson.Unmarshal([]byte(data), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(data), &want); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v; want %+v", got, want)
	}
}

func TestUnmarshalErrorsOfTheType(t *testing.T) {
	if err := strictjson.Unmarshal([]byte(`{"time":"yesterday"}`), new(document)); err == nil || errors.As(err, new(strictjson.Error)) {
		t.Errorf("error %v; want that of time.Time", err)
	}
	if err := strictjson.Unmarshal([]byte(`{}`), nil); err == nil {
		t.Error("Unmarshal into nil succeeded")
	}
}

func TestErrorText(t *testing.T) {
	for reason := strictjson.Syntax; reason <= strictjson.Rejected; reason++ {
		if s := (strictjson.Error{Reason: reason, Offset: 7}).Error(); !strings.HasPrefix(s, "strictjson: byte 7: ") {
			t.Errorf("reason %d: %q", reason, s)
		}
	}
	if s := (strictjson.Error{}).Error(); s != "strictjson: no error" {
		t.Errorf("the zero Error: %q", s)
	}
	data := []byte("{\"a\":1,\n\"b\":2,\n\"\\u0062\":3}")
	err, ok := errors.AsType[strictjson.Error](strictjson.Unmarshal(data, new(map[string]any)))
	if !ok || err.Name(data) != "b" || strictjson.Line(data, err.Offset) != 3 {
		t.Errorf("%#v: name %q, line %d; want b, 3", err, err.Name(data), strictjson.Line(data, err.Offset))
	}
	for offset, want := range map[int]int{-1: 1, 0: 1, 7: 1, 8: 2, 1000: 3} {
		if got := strictjson.Line(data, offset); got != want {
			t.Errorf("offset %d is in line %d; want %d", offset, got, want)
		}
	}
}

// One element that is not strict must not refuse the list.
func TestUnchecked(t *testing.T) {
	var set struct {
		Keys []strictjson.Unchecked `json:"keys"`
	}
	bad := []string{`{"role":"a","role":"b"}`, `{"ROLE":"a"}`, "{\"role\":\"\xff\"}", `{"role":"\ud83d"}`, `{"role":1}`, `1`, strings.Repeat("[", 40) + strings.Repeat("]", 40)}
	data := `{"keys":[ ` + strings.Join(bad, " , ") + ` , {"role":"good"} ]}`
	if err := strictjson.Unmarshal([]byte(data), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != len(bad)+1 {
		t.Fatalf("%d elements; want %d", len(set.Keys), len(bad)+1)
	}
	for i, text := range set.Keys {
		var it item
		err := strictjson.Unmarshal(text, &it)
		if i < len(bad) && (err == nil || string(text) != bad[i]) {
			t.Errorf("element %d: %q, %v; want %q and an error", i, text, err, bad[i])
		}
		if i == len(bad) && (err != nil || it.Role != "good") {
			t.Errorf("the good element: %+v, %v", it, err)
		}
	}
	for _, data := range []string{`{"keys":[{]}`, `{"keys":[{}`, `{"keys":[nope]}`, `{"keys":[],"keys":[]}`, `{"Keys":[]}`} {
		if err := strictjson.Unmarshal([]byte(data), &set); err == nil {
			t.Errorf("accepted %s", data)
		}
	}
}
