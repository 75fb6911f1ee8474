package session

import (
	"encoding/json"
	"reflect"
	"strconv"
	"time"

	"github.com/go-guard/guard/internal/strictjson"
)

// A plan is how a D, or a part of it, is read without encoding/json, which would take
// most of the time of a request. Types without a plan are left to encoding/json.
type plan struct {
	read   func(d *decoder, s *strictjson.Scanner, v reflect.Value) // unless the value is null
	fields map[string]planned                                       // of a struct
}

type planned struct {
	index int
	*plan
}

// planOf returns the plan of a type, nil without one.
func planOf(t reflect.Type) *plan {
	switch p := reflect.PointerTo(t); {
	case t == reflect.TypeFor[time.Time]():
		return &plan{read: (*decoder).time}
	case p.Implements(reflect.TypeFor[json.Unmarshaler]()), p.Implements(textUnmarshaler), t == reflect.TypeFor[json.Number]():
		return nil
	}
	switch kind := t.Kind(); {
	case kind == reflect.Struct:
		return planOfStruct(t)
	case kind == reflect.String:
		return &plan{read: (*decoder).string}
	case kind == reflect.Bool:
		return &plan{read: (*decoder).bool}
	case reflect.Int <= kind && kind <= reflect.Float64:
		return &plan{read: (*decoder).number}
	}
	return nil
}

func planOfStruct(t reflect.Type) *plan {
	fields, ok := strictjson.Fields(t)
	if !ok {
		return nil
	}
	p := &plan{read: (*decoder).object, fields: map[string]planned{}}
	for name, f := range fields {
		of := planOf(f.Type)
		if of == nil {
			return nil
		}
		p.fields[name] = planned{f.Index[0], of}
	}
	return p
}

// A decoder reads one D by its plan. Manager keeps decoders for reuse.
type decoder struct {
	scanner strictjson.Scanner
	data    string
	text    []byte // of data
	v       reflect.Value
	plan    *plan
	unknown bool // whether data has a member that D does not declare
}

// decode reads data into v. ok is false where encoding/json is to read it, which may
// be an error; v may have been changed then.
func (d *decoder) decode(data string, p *plan, v reflect.Value) (ok bool) {
	d.data, d.text, d.unknown = data, append(d.text[:0], data...), false
	d.plan, d.v = p, v
	ok = d.scanner.Read(d.text, nil, d, strictjson.MaxMembers)
	d.data, d.v = "", reflect.Value{}
	return ok
}

// Member implements [strictjson.Visitor].
func (d *decoder) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	f, declared := d.plan.fields[string(m.Name)]
	switch {
	case !declared:
		d.unknown = true
		return false
	case s.Kind() == 'n':
		return false // null changes nothing, as encoding/json has it
	}
	plan, v := d.plan, d.v
	d.plan = f.plan
	f.read(d, s, v.Field(f.index))
	d.plan, d.v = plan, v
	return true
}

func (d *decoder) object(s *strictjson.Scanner, v reflect.Value) {
	d.v = v
	s.Object(nil, d)
}

// string sets v to a part of data where nothing in it is escaped.
func (d *decoder) string(s *strictjson.Scanner, v reflect.Value) {
	start := s.Offset() + 1
	text := s.Text()
	if end := s.Offset() - 1; end-start == len(text) {
		v.SetString(d.data[start:end])
		return
	}
	v.SetString(string(text))
}

func (d *decoder) bool(s *strictjson.Scanner, v reflect.Value) {
	kind := s.Kind()
	if kind != 't' && kind != 'f' {
		s.Reject()
		return
	}
	s.Skip(nil)
	v.SetBool(kind == 't')
}

func (d *decoder) number(s *strictjson.Scanner, v reflect.Value) {
	text, bits, err := s.Number(), v.Type().Bits(), error(nil)
	switch {
	case v.CanInt():
		var n int64
		n, err = strconv.ParseInt(string(text), 10, bits)
		v.SetInt(n)
	case v.CanUint():
		var n uint64
		n, err = strconv.ParseUint(string(text), 10, bits)
		v.SetUint(n)
	default:
		var n float64
		n, err = strconv.ParseFloat(string(text), bits)
		v.SetFloat(n)
	}
	if err != nil {
		s.Reject()
	}
}

func (d *decoder) time(s *strictjson.Scanner, v reflect.Value) {
	start := s.Offset()
	s.Text()
	if v.Addr().Interface().(*time.Time).UnmarshalJSON(s.Since(start)) != nil {
		s.Reject()
	}
}
