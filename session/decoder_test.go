package session_test

import (
	"crypto/rand"
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/session"
)

type role string

// planned has all that is read without encoding/json.
type planned struct {
	Name   string
	Role   role `json:"role,omitempty"`
	On     bool `json:",omitzero"`
	Tiny   int8
	Big    int64
	Small  uint8
	Large  uint64
	Float  float32
	Double float64
	When   time.Time
	In     struct {
		Name string `json:"ſ"` // folds to s
		Deep struct{ N int }
	}
	hidden int
	Skip   string `json:"-"`
}

var plans = []string{
	``, `{}`, `null`, `[]`, ` { "Name" : "a" } `, `{"Name":"a","Name":"b"}`, `{"name":"a"}`, `{"NAME":"a","Name":"b"}`, `{"Role":"admin"}`, `{"ROLE":"x","role":"y"}`,
	`{"Name":null,"On":null,"Tiny":null,"Float":null,"When":null,"In":null}`, `{"Name":1}`, `{"On":1}`, `{"On":"true"}`, `{"On":true}`, `{"On":false}`, `{"On":tru}`,
	`{"Tiny":127}`, `{"Tiny":128}`, `{"Tiny":-129}`, `{"Tiny":-0}`, `{"Tiny":1.0}`, `{"Tiny":1e1}`, `{"Tiny":01}`, `{"Small":256}`, `{"Small":-0}`, `{"Small":-1}`,
	`{"Big":9223372036854775807,"Large":18446744073709551615}`, `{"Big":9223372036854775808}`, `{"Float":3.4e38}`, `{"Float":3.5e38}`, `{"Double":1e308}`, `{"Double":1e309}`, `{"Double":-0.0}`,
	`{"When":"2026-11-24T12:00:00Z"}`, `{"When":"2026-11-24T12:00:00.5+01:00"}`, `{"When":"2026-11-24"}`, `{"When":1}`, `{"When":"\u0032026-11-24T12:00:00Z"}`, `{"When":""}`,
	`{"In":{"ſ":"a","s":"b","S":"c","Deep":{"N":1,"n":2}}}`, `{"In":[]}`, `{"In":{}}{}`, `{"In":{"Deep":{"N":"1"}}}`, `{"hidden":1,"Skip":"a","-":"b"}`,
	`{"Name":"\u003ca\ud83d\ude00\n\""}`, `{"Name":"\ud83d"}`, "{\"Name\":\"\xff\"}", "{\"Name\":\"\xc3\xa9\"}", `{"\u004eame":"a"}`, `{"Name":""}`, `{"x":{"Name":"a","Name":"b"}}`, `{"x":1e999}`,
}

// FuzzDecode compares the decoder with encoding/json, which is given only the names
// that are declared.
func FuzzDecode(f *testing.F) {
	for _, s := range plans {
		f.Add(s)
	}
	c := session.NewCodec[planned]()
	f.Fuzz(func(t *testing.T, text string) {
		got, unknown, ok := c.ByPlan(text)
		want, err := c.ByJSON(text)
		if err != nil && want != (planned{}) {
			t.Errorf("%q: an error and %+v", text, want)
		}
		if got.hidden != 0 || got.Skip != "" {
			t.Errorf("%q sets what is not of its JSON: %+v", text, got)
		}
		if ok && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("%q: %+v, encoding/json reads %+v, %v", text, got, want, err)
		}
		if !ok || unknown {
			return
		}
		// Without unknown names, encoding/json reads the whole text as well.
		var plain planned
		if err := json.Unmarshal([]byte(text), &plain); err != nil || !reflect.DeepEqual(got, plain) {
			t.Errorf("%q: %+v, encoding/json reads %+v, %v", text, got, plain, err)
		}
	})
}

// FuzzDecodeWritten: all that encoding/json writes is read without it.
func FuzzDecodeWritten(f *testing.F) {
	f.Add("a", "admin", true, int8(-1), int64(1), uint8(2), uint64(3), float32(0.5), 1e300, int64(1e9), "<\u2028\xff")
	f.Add("", "", false, int8(0), int64(math.MinInt64), uint8(255), uint64(math.MaxUint64), float32(-1), 5e-324, int64(0), "\"\\")
	c := session.NewCodec[planned]()
	f.Fuzz(func(t *testing.T, name, r string, on bool, tiny int8, big int64, small uint8, large uint64, f32 float32, f64 float64, when int64, inner string) {
		d := planned{Name: name, Role: role(r), On: on, Tiny: tiny, Big: big, Small: small, Large: large, Float: f32, Double: f64, When: time.Unix(when%1e10, 0).UTC()}
		d.In.Name = inner
		text, err := json.Marshal(d)
		if err != nil {
			return
		}
		var want planned
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got, unknown, ok := c.ByPlan(string(text))
		if !reflect.DeepEqual(got, want) || unknown || !ok {
			t.Errorf("%s: %+v, unknown %t, %t", text, got, unknown, ok)
		}
	})
}

// Types without a plan are read by encoding/json, in exact case as well.
func TestDecodeExactly(t *testing.T) {
	type in struct{ A int }
	type embedding struct {
		in
		M map[string]in
		L []in
		P *in
		T string `json:",string"`
	}
	c := session.NewCodec[embedding]()
	const text = `{"a":1,"A":2,"M":{"x":{"A":1,"a":2},"X":{"a":3}},"L":[{"a":1},{"A":4}],"p":{"A":1},"P":{"a":9,"A":5},"T":"\"q\"","t":"1"}`
	got, err := c.ByJSON(text)
	want := embedding{in: in{2}, M: map[string]in{"x": {1}, "X": {}}, L: []in{{}, {4}}, P: &in{5}, T: "q"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, _, ok := c.ByPlan(text); ok {
		t.Error("it has a plan")
	}
	deep := `{"P":` + strings.Repeat(`{"x":`, 50) + `1` + strings.Repeat(`}`, 50) + `}` // more than strictjson reads
	if got, err := c.ByJSON(deep); err != nil || got.P == nil {
		t.Errorf("%+v, %v", got, err)
	}
	for name, planned := range map[string]bool{
		"pointer": planOf[struct{ P *int }](), "slice": planOf[struct{ L []int }](), "map": planOf[map[string]int](), "any": planOf[struct{ A any }](),
		"json.Number": planOf[struct{ N json.Number }](), "option": planOf[struct {
			N int `json:",string"`
		}](), "embedded": planOf[struct{ in }](), "own": planOf[struct{ S selfMade }](),
	} {
		if planned {
			t.Errorf("%s has a plan", name)
		}
	}
}

type selfMade struct{ N int }

func (s *selfMade) UnmarshalText(b []byte) error { s.N = len(b); return nil }

func planOf[D any]() bool {
	_, _, ok := session.NewCodec[D]().ByPlan("{}")
	return ok
}

// A session that the cache of a Manager does not have costs the session, and what its
// data's strings do not share with the record.
func TestBudgetOfADecode(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	m := manager(t, nil)
	h := m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	first, second := twoInOneSlot(t, m)
	w := harness.NewDiscard()
	get := func() {
		clear(w.Fields)
		h.ServeHTTP(w, first)
		clear(w.Fields)
		h.ServeHTTP(w, second)
	}
	if allocs := testing.AllocsPerRun(1000, get) / 2; allocs != 4 {
		t.Errorf("%v allocs for a session, want 4: 2 of the step, the session and its secret.Value", allocs)
	}
}

// twoInOneSlot returns requests of two sessions that push each other out of the cache.
func twoInOneSlot(t *testing.T, m *profiles) (first, second *http.Request) {
	slots := map[int]*http.Request{}
	for range 4097 {
		_, c := create(t, m, rand.Text())
		key, _ := session.KeyOf(c.Value)
		slot, r := (int(key[30])<<8|int(key[31]))%4096, request("GET", with(c))
		if slots[slot] != nil {
			return slots[slot], r
		}
		slots[slot] = r
	}
	t.Fatal("no two sessions share a slot")
	return nil, nil
}

// BenchmarkDecode compares the two ways to read the data of a session.
func BenchmarkDecode(b *testing.B) {
	const text = `{"email":"alice@example.com","role":"admin"}`
	type profile struct {
		Email string `json:"email"`
		Role  string `json:"role"`
	}
	c := session.NewCodec[profile]()
	b.Run("plan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Unmarshal(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.ByJSON(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
