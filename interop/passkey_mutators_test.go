package interop_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
)

// A mutation changes a response; of is the ceremony that it is for, "" for both.
type mutation struct {
	name, of string
	apply    func(*mutant)
}

// clientMember changes a member of the client data, before it is signed; nil removes it.
func clientMember(name string, value any) func(*mutant) {
	return func(m *mutant) {
		var data map[string]any
		if err := json.Unmarshal(m.clientData, &data); err != nil {
			panic(err)
		}
		data[name] = value
		if value == nil {
			delete(data, name)
		}
		m.clientData, _ = json.Marshal(data)
	}
}

// inClient replaces a text in the client data.
func inClient(from, to string) func(*mutant) {
	return func(m *mutant) { m.clientData = bytes.Replace(m.clientData, []byte(from), []byte(to), 1) }
}

// edit changes members of the body: of the response if inner.
func edit(inner bool, name string, value any) func(*mutant) {
	return func(m *mutant) {
		m.edit = func(all, response map[string]any) {
			to := all
			if inner {
				to = response
			}
			to[name] = value
			if value == nil {
				delete(to, name)
			}
		}
	}
}

// spelled changes the text of base64 members.
func spelled(names string, change func(string) string) func(*mutant) {
	return func(m *mutant) {
		m.edit = func(all, response map[string]any) {
			for name := range strings.FieldsSeq(names) {
				for _, in := range []map[string]any{all, response} {
					if s, ok := in[name].(string); ok {
						in[name] = change(s)
					}
				}
			}
		}
	}
}

func toggled(bits byte) func(*mutant) { return func(m *mutant) { m.authData[32] ^= bits } }

func counter(n uint32) func(*mutant) {
	return func(m *mutant) { binary.BigEndian.PutUint32(m.authData[33:], n) }
}

func rpIDHash(f func([]byte)) func(*mutant) { return func(m *mutant) { f(m.authData[:32]) } }

// inKey changes the COSE key of a registration, which follows the ID.
func inKey(f func(key []byte) []byte) func(*mutant) {
	return func(m *mutant) {
		at := 37 + 16 + 2 + len(m.id)
		m.authData = append(bytes.Clone(m.authData[:at]), f(bytes.Clone(m.authData[at:]))...)
	}
}

// extension appends CBOR as extension data.
func extension(cbor ...byte) func(*mutant) {
	return func(m *mutant) {
		m.authData[32] |= 1 << 7
		m.authData = append(m.authData, cbor...)
	}
}

func whole(f func(string) string) func(*mutant) { return func(m *mutant) { m.text = f } }

// mutations are the systematic ones.
func mutations() (list []mutation) {
	add := func(of, name string, apply func(*mutant)) { list = append(list, mutation{name, of, apply}) }
	for bit := range 8 {
		add("", fmt.Sprintf("flag %d toggled", bit), toggled(1<<bit))
	}
	for _, bits := range []byte{1 << 3, 3 << 3, 1 | 1<<2, 1<<2 | 1<<3, 0xff, 1<<1 | 1<<5} {
		add("", fmt.Sprintf("flags %#x toggled", bits), toggled(bits))
	}
	for _, n := range []uint32{0, 1, 6, 7, 8, 9, 1 << 31, 1<<32 - 1} {
		add("", fmt.Sprintf("counter %d", n), counter(n))
	}
	for i := range 8 {
		add("", fmt.Sprintf("bit of rpIdHash %d", i), rpIDHash(func(b []byte) { b[i*4] ^= 1 << i }))
	}
	for n := 1; n <= 40; n += 3 {
		add("", fmt.Sprintf("authData shorter by %d", n), func(m *mutant) { m.authData = m.authData[:max(0, len(m.authData)-n)] })
		add("", fmt.Sprintf("authData longer by %d", n), func(m *mutant) { m.authData = append(m.authData, make([]byte, n)...) })
	}
	add("", "an empty map of extensions", extension(0xa0))
	add("", "an extension", extension(0xa1, 0x63, 'a', 'b', 'c', 0xf5))
	add("", "an extension of a number", extension(0xa1, 0x01, 0x02))
	add("", "extensions that are no map", extension(0x01))
	add("", "extensions that are cut", extension(0xa1, 0x63, 'a'))
	add("", "extensions without data", toggled(1<<7))
	add("", "two maps of extensions", extension(0xa0, 0xa0))
	list = append(list, clientMutations()...)
	list = append(list, bodyMutations()...)
	return append(list, registrationMutations()...)
}

func clientMutations() (list []mutation) {
	for _, member := range []struct {
		name   string
		values []any
	}{
		{"origin", []any{nil, "", "null", 1, true, "https://evil.example", passkeyOrigin + "/", passkeyOrigin + ":443", "http://app.example.com", "https://APP.example.com",
			"https://example.com", "https://app.example.com.evil.example", " " + passkeyOrigin, passkeyOrigin + "\x00", []any{passkeyOrigin}, map[string]any{}}},
		{"type", []any{nil, "", "webauthn.create", "webauthn.get", "Webauthn.get", "payment.get", 1, []any{"webauthn.get"}}},
		{"challenge", []any{nil, "", "AAAA", strings.Repeat("A", 43), 1, true, []any{}}},
		{"crossOrigin", []any{nil, true, false, 0, 1, "", "false", "true", []any{}}},
		{"topOrigin", []any{"", "https://evil.example", passkeyOrigin, 1, false, []any{}}},
		{"tokenBinding", []any{"x", 1, map[string]any{}, map[string]any{"status": "supported"}, map[string]any{"status": "present", "id": "x"},
			map[string]any{"status": "not-supported"}, map[string]any{"status": "notSupported"}, map[string]any{"status": "x"}}},
		{"androidPackageName", []any{"com.example"}},
		{"other_keys_can_be_added_here", []any{"do not compare clientDataJSON against a template", map[string]any{"a": []any{1, nil}}}},
	} {
		for _, value := range member.values {
			list = append(list, mutation{fmt.Sprintf("client data: %s %v", member.name, value), "", clientMember(member.name, value)})
		}
	}
	for _, change := range [][2]string{
		{`{`, ` {`}, {`{`, "\n\t{ "}, {`}`, "}\n"}, {`{`, "\ufeff{"}, {`}`, `,}`}, {`}`, `}}`}, {`{`, `[`}, {`"type"`, `"Type"`}, {`"origin"`, `"ORIGIN"`}, {`"challenge"`, `"Challenge"`},
		{`"type"`, `"t\u0079pe"`}, {`https:`, `\u0068ttps:`}, {`https://`, `https:\/\/`}, {`{`, `{"type":"x",`}, {`}`, `,"origin":"https://evil.example"}`}, {`}`, `,"challenge":"AAAA"}`},
		{`{`, `{"origin":"https://evil.example",`}, {`}`, `,"crossOrigin":true}`}, {`}`, `,"CrossOrigin":true}`}, {`}`, `,"topOrigin":null}`}, {`}`, `,"crossOrigin":null}`}, {`}`, `,"a":1e999}`}, {`}`, `,"a":"\ud800"}`},
		{`}`, ",\"a\":\"\xff\"}"}, {`}`, `,"a":01}`}, {`}`, `,"a":NaN}`}, {`}`, `,"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`}, {`}`, `,"__proto__":{"origin":"x"}}`}, {`}`, "}\x00"},
		{`}`, `,"a":"` + strings.Repeat("x", 4000) + `"}`}, {`false`, `False`}, {`:`, ` : `}, {`"`, `'`},
	} {
		list = append(list, mutation{fmt.Sprintf("client data: %.30q for %q", change[1], change[0]), "", inClient(change[0], change[1])})
	}
	for _, text := range []string{"", "null", "[]", "{}", "1", `"x"`, "\x00", "{"} {
		list = append(list, mutation{fmt.Sprintf("client data %q", text), "", func(m *mutant) { m.clientData = []byte(text) }})
	}
	return list
}

// bodyMutations are of what is sent, and not signed again.
func bodyMutations() (list []mutation) {
	add := func(name string, apply func(*mutant)) { list = append(list, mutation{name, "", apply}) }
	pad := func(s string) string { return s + strings.Repeat("=", -len(s)&3) }
	for name, change := range map[string]func(string) string{
		"padded": pad, "with a line end": func(s string) string { return s + "\n" }, "with a space": func(s string) string { return " " + s },
		"in the standard alphabet": func(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) },
		"in both alphabets": func(s string) string {
			return s[:len(s)/2] + strings.NewReplacer("-", "+", "_", "/").Replace(s[len(s)/2:])
		},
		"cut by one": func(s string) string { return s[:max(0, len(s)-1)] }, "cut by two": func(s string) string { return s[:max(0, len(s)-2)] },
		"with one more":      func(s string) string { return s + "A" },
		"in base64 twice":    func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"with a NUL":         func(s string) string { return s + "\x00" },
		"with unused bits":   unusedBits,
		"in another case":    strings.ToUpper,
		"with a bad letter":  func(s string) string { return s[:len(s)/2] + "!" + s[len(s)/2:] },
		"with a wide letter": func(s string) string { return "Ａ" + s },
		"empty":              func(string) string { return "" },
	} {
		for _, members := range []string{"id rawId", "id", "rawId", "clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"} {
			of := map[string]string{"attestationObject": "create", "authenticatorData": "get", "signature": "get", "userHandle": "get"}[members]
			list = append(list, mutation{members + " " + name, of, spelled(members, change)})
		}
	}
	for _, member := range []struct {
		inner  bool
		name   string
		values []any
	}{
		{false, "id", []any{nil, 1, true, []any{}, "AAAA"}}, {false, "rawId", []any{nil, 1, "AAAA"}}, {false, "type", []any{nil, "", "Public-Key", "password", 1, []any{"public-key"}}},
		{false, "response", []any{nil, 1, "x", []any{}, map[string]any{}}}, {false, "clientExtensionResults", []any{nil, 1, map[string]any{"credProps": map[string]any{"rk": false}}}},
		{false, "authenticatorAttachment", []any{nil, "cross-platform", "x", 1}}, {false, "Type", []any{"password"}}, {false, "ID", []any{"AAAA"}}, {false, "other", []any{1}},
		{true, "clientDataJSON", []any{nil, 1, []any{}}}, {true, "attestationObject", []any{nil, 1, ""}}, {true, "authenticatorData", []any{nil, 1}}, {true, "signature", []any{nil, 1}},
		{true, "userHandle", []any{nil, 1, "AAAA", ""}}, {true, "transports", []any{nil, []any{}, []any{"x", "usb"}, "usb", []any{1}}},
		{true, "publicKeyAlgorithm", []any{nil, -257, "x"}}, {true, "publicKey", []any{"AAAA"}}, {true, "ClientDataJSON", []any{"AAAA"}},
	} {
		for _, value := range member.values {
			add(fmt.Sprintf("member %s %v", member.name, value), edit(member.inner, member.name, value))
		}
	}
	for name, change := range map[string]func(string) string{
		"in a list": func(s string) string { return "[" + s + "]" }, "twice": func(s string) string { return s + s }, "cut": func(s string) string { return s[:len(s)-1] },
		"with spaces": func(s string) string { return " \n" + s + "\t\r\n " }, "with a byte order mark": func(s string) string { return "\ufeff" + s },
		"with a second id":       func(s string) string { return `{"id":"AAAA",` + s[1:] },
		"with a second response": func(s string) string { return `{"response":{},` + s[1:] }, "with a last type": func(s string) string { return s[:len(s)-1] + `,"type":"x"}` },
		"with an escaped name": func(s string) string { return strings.Replace(s, `"rawId"`, `"raw\u0049d"`, 1) }, "with a comma": func(s string) string { return s[:len(s)-1] + ",}" },
	} {
		add("body "+name, whole(change))
	}
	return list
}

// unusedBits sets a bit that the last letter of base64 does not use, where it has one.
func unusedBits(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(s)%4 == 0 || s == "" {
		return s
	}
	at := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + string(alphabet[at^1])
}

// randomMutation changes bits or bytes at random.
func randomMutation(r *mathrand.Rand) (name string, apply func(*mutant)) {
	at, bit := r.Uint32(), byte(1)<<r.IntN(8)
	flip := func(b []byte) []byte {
		if len(b) > 0 {
			b = bytes.Clone(b)
			b[int(at)%len(b)] ^= bit
		}
		return b
	}
	letter := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \"{}[]:,\\\x00é"[r.IntN(78):][:1]
	text := func(s string) string {
		i := int(at) % max(1, len(s))
		switch bit {
		case 1, 2, 4, 8:
			return s[:i] + letter + s[min(len(s), i+1):]
		case 16, 32:
			return s[:i] + s[min(len(s), i+1):]
		}
		return s[:i] + letter + s[i:]
	}
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("random bit of authData %d", at), func(m *mutant) { m.authData = flip(m.authData) }
	case 1:
		return fmt.Sprintf("random bit of the client data %d", at), func(m *mutant) { m.clientData = flip(m.clientData) }
	case 2:
		return fmt.Sprintf("object or signature: random bit %d", at), func(m *mutant) { m.signature, m.object = flip, flip }
	case 3:
		return fmt.Sprintf("random letter of the ID %d", at), spelled("id rawId", text)
	case 4:
		return fmt.Sprintf("random letter of base64 %d", at), spelled([]string{"clientDataJSON", "attestationObject authenticatorData", "signature", "userHandle"}[r.IntN(4)], text)
	}
	return fmt.Sprintf("random letter of the body %d", at), whole(text)
}
