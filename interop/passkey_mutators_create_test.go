package interop_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

func registrationMutations() (list []mutation) {
	add := func(name string, apply func(*mutant)) { list = append(list, mutation{name, "create", apply}) }
	replaced := func(from, to []byte) func(*mutant) {
		return inKey(func(key []byte) []byte { return bytes.Replace(key, from, to, 1) })
	}
	// The key is {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
	add("key of another type", replaced([]byte{0x01, 0x02}, []byte{0x01, 0x01}))
	add("key of an unknown type", replaced([]byte{0x01, 0x02}, []byte{0x01, 0x05}))
	add("key for EdDSA", replaced([]byte{0x03, 0x26}, []byte{0x03, 0x27}))
	add("key for ES384", replaced([]byte{0x03, 0x26}, []byte{0x03, 0x38, 0x22}))
	add("key for RS256", replaced([]byte{0x03, 0x26}, []byte{0x03, 0x39, 0x01, 0x00}))
	add("key for RS1", replaced([]byte{0x03, 0x26}, []byte{0x03, 0x39, 0xff, 0xfe}))
	add("key for ES256 in long form", replaced([]byte{0x03, 0x26}, []byte{0x03, 0x38, 0x06}))
	add("key on P-384", replaced([]byte{0x20, 0x01}, []byte{0x20, 0x02}))
	add("key without its type", replaced([]byte{0xa5, 0x01, 0x02}, []byte{0xa4}))
	add("key with a member more", inKey(func(key []byte) []byte { return append(append([]byte{0xa6}, key[1:]...), 0x24, 0x01) }))
	add("key with a member twice", inKey(func(key []byte) []byte { return append(append([]byte{0xa6}, key[1:]...), 0x03, 0x26) }))
	add("key that is no map", inKey(func([]byte) []byte { return []byte{0x01} }))
	add("key that is absent", inKey(func([]byte) []byte { return nil }))
	add("key that is an empty map", inKey(func([]byte) []byte { return []byte{0xa0} }))
	add("key of indefinite length", inKey(func(key []byte) []byte { return append(append([]byte{0xbf}, key[1:]...), 0xff) }))
	for bit := range 16 {
		add(fmt.Sprintf("bit %d of x and y", bit), inKey(func(key []byte) []byte { key[len(key)-1-bit*4] ^= 1 << (bit % 8); return key }))
	}
	add("a key of zeros", inKey(func(key []byte) []byte {
		clear(key[len(key)-32:])
		clear(key[len(key)-67 : len(key)-35])
		return key
	}))
	for _, n := range []uint16{0, 1, 25, 27, 1023, 1024, 65535} {
		add(fmt.Sprintf("length of the ID %d", n), func(m *mutant) { binary.BigEndian.PutUint16(m.authData[53:], n) })
	}
	for i := range 8 {
		add(fmt.Sprintf("byte %d of the attested ID", i), func(m *mutant) { m.authData[55+i*3] ^= 1 << i })
		add(fmt.Sprintf("byte %d of the AAGUID", i), func(m *mutant) { m.authData[37+i*2] ^= 0x55 })
	}
	for _, format := range []string{"", "None", "packed", "fido-u2f", "tpm", "apple", "android-key", "android-safetynet", "compound", "x"} {
		add("format "+format, func(m *mutant) { m.format = format })
	}
	for name, statement := range map[string]map[string]any{
		"one": {"a": 1}, "sig": {"sig": []byte{1}, "alg": -7}, "x5c": {"x5c": []any{[]byte{1}}, "sig": []byte{1}, "alg": -7}, "absent": nil,
	} {
		for _, format := range []string{"none", "packed"} {
			add("statement "+name+" of "+format, func(m *mutant) { m.format, m.statement = format, statement })
		}
	}
	for name, change := range map[string]func([]byte) []byte{
		"longer": func(b []byte) []byte { return append(b, 0) }, "shorter": func(b []byte) []byte { return b[:len(b)-1] }, "twice": func(b []byte) []byte { return append(b, b...) },
		"empty": func([]byte) []byte { return nil }, "an empty map": func([]byte) []byte { return []byte{0xa0} }, "tagged": func(b []byte) []byte { return append([]byte{0xd9, 0xd9, 0xf7}, b...) },
		"a list":               func(b []byte) []byte { return append([]byte{0x81}, b...) },
		"of indefinite length": func(b []byte) []byte { return append(append([]byte{0xbf}, b[1:]...), 0xff) },
		"with a member more":   func(b []byte) []byte { return append(append([]byte{0xa4}, b[1:]...), 0x61, 'a', 0x01) },
		"with fmt twice": func(b []byte) []byte {
			return append(append([]byte{0xa4}, b[1:]...), 0x63, 'f', 'm', 't', 0x64, 'n', 'o', 'n', 'e')
		},
		"with attstmt":  func(b []byte) []byte { return bytes.Replace(b, []byte("attStmt"), []byte("attstmt"), 1) },
		"with authdata": func(b []byte) []byte { return bytes.Replace(b, []byte("authData"), []byte("authdata"), 1) },
		"with FMT":      func(b []byte) []byte { return bytes.Replace(b, []byte("fmt"), []byte("FMT"), 1) },
	} {
		add("object "+name, func(m *mutant) { m.object = change })
	}
	return list
}
