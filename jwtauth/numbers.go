package jwtauth

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strings"
)

// changedNumber returns a number of the JSON text of a C that would be another one when
// it is read as a float64, which is what encoding/json reads numbers into where C has
// an any. A type with an UnmarshalJSON reads its numbers itself.
func changedNumber[C any](text []byte) (n json.Number, changed bool) {
	if !hasLongNumber(text) {
		return "", false
	}
	var c C
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&c) != nil {
		return "", false // the Issuer finds out that it cannot be read
	}
	return findChanged(reflect.ValueOf(&c).Elem())
}

// hasLongNumber reports whether text may have a number with as many digits as 2^53.
func hasLongNumber(text []byte) bool {
	digits := 0
	for _, b := range text {
		switch {
		case b >= '0' && b <= '9':
			if digits++; digits == 16 {
				return true
			}
		case b != '.':
			digits = 0
		}
	}
	return false
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// findChanged looks for a json.Number in an any of v, which encoding/json has set.
func findChanged(v reflect.Value) (n json.Number, changed bool) {
	if reflect.PointerTo(v.Type()).Implements(unmarshaler) {
		return "", false
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			break
		}
		if e := v.Elem(); e.Type() == reflect.TypeFor[json.Number]() {
			n = json.Number(e.String())
			return n, isChanged(n)
		}
		return findChanged(v.Elem())
	case reflect.Pointer:
		if !v.IsNil() {
			return findChanged(v.Elem())
		}
	case reflect.Map:
		for _, e := range v.Seq2() {
			if n, changed = findChanged(e); changed {
				return n, true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if n, changed = findChanged(v.Index(i)); changed {
				return n, true
			}
		}
	case reflect.Struct:
		for _, f := range v.Fields() {
			if n, changed = findChanged(f); changed {
				return n, true
			}
		}
	}
	return "", false
}

// isChanged reports whether n is another number as a float64. Below 2^53 fractions are
// rounded, as always; from there on floats are whole numbers. One with an exponent is
// what encoding/json writes for a float64.
func isChanged(n json.Number) bool {
	f, err := n.Float64()
	if err != nil || math.Abs(f) < 1<<53 {
		return err != nil
	}
	if exact, ok := new(big.Rat).SetString(n.String()); ok && exact.Cmp(new(big.Rat).SetFloat64(f)) == 0 {
		return false
	}
	written, err := json.Marshal(f)
	return err != nil || !strings.Contains(n.String(), "e") || string(written) != n.String()
}
