package passkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// A hostile response is tampered with before it is signed, or edited after.
type hostile struct {
	name   string
	tamper func(*passkeytest.Statement)
	edit   func(m, response map[string]any)
	reason string
}

func client(name string, value any) func(*passkeytest.Statement) {
	return func(s *passkeytest.Statement) { s.ClientData[name] = value }
}

func member(name string, value any) func(m, response map[string]any) {
	return func(m, _ map[string]any) { m[name] = value }
}

func inner(name string, value any) func(m, response map[string]any) {
	return func(_, response map[string]any) { response[name] = value }
}

func text(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// both are refused at a registration and at a sign-in.
var both = []hostile{
	{"another origin", client("origin", "https://evil.example"), nil, "origin"},
	{"an origin within the ID that is not listed", client("origin", "https://old.example.com"), nil, "origin"},
	{"the origin with a path", client("origin", origin+"/"), nil, "origin"},
	{"the origin with a user", client("origin", "https://evil@app.example.com"), nil, "origin"},
	{"the origin with a port", client("origin", origin+":444"), nil, "origin"},
	{"the origin with its default port", client("origin", origin+":443"), nil, "origin"},
	{"the origin in upper case", client("origin", "https://APP.example.com"), nil, "origin"},
	{"the origin over plain http", client("origin", "http://app.example.com"), nil, "origin"},
	{"an empty origin", client("origin", ""), nil, "origin"},
	{"the origin null", client("origin", "null"), nil, "origin"},
	{"an origin of another type", client("origin", 1), nil, "client data"},
	{"in a frame of another origin", client("crossOrigin", true), nil, "frame"},
	{"with a top origin", client("topOrigin", "https://evil.example"), nil, "frame"},
	{"with the own top origin", client("topOrigin", origin), nil, "frame"},
	{"crossOrigin as a text", client("crossOrigin", "false"), nil, "client data"},
	{"an unknown type", client("type", "payment.get"), nil, "another ceremony"},
	{"no type", client("type", ""), nil, "another ceremony"},
	{"another challenge", client("challenge", text(strings.Repeat("c", 32))), nil, "no cookie of this challenge"},
	{"a short challenge", client("challenge", text("c")), nil, "challenge is none"},
	{"an empty challenge", client("challenge", ""), nil, "challenge is none"},
	{"a padded challenge", func(s *passkeytest.Statement) { s.ClientData["challenge"] = s.ClientData["challenge"].(string) + "=" }, nil, "challenge is none"},
	{"a challenge with the id of the pending one", func(s *passkeytest.Statement) {
		b, _ := base64.RawURLEncoding.DecodeString(s.ClientData["challenge"].(string))
		b[31] ^= 1
		s.ClientData["challenge"] = base64.RawURLEncoding.EncodeToString(b)
	}, nil, "challenge is none"},
	{"a member in another case", client("Origin", "https://evil.example"), nil, "client data"},
	{"a member twice", nil, inner("clientDataJSON", text(`{"type":"webauthn.get","type":"webauthn.create"}`)), "client data"},
	{"client data that is none", nil, inner("clientDataJSON", text("[]")), "client data"},
	{"no client data", nil, inner("clientDataJSON", ""), "client data"},
	{"client data in padded base64", nil, inner("clientDataJSON", "e30="), "client data"},
	{"client data with a byte order mark", nil, inner("clientDataJSON", text("\ufeff{}")), "client data"},
	{"another relying party", func(s *passkeytest.Statement) { s.RPID = "evil.example" }, nil, "another relying party"},
	{"a subdomain as relying party", func(s *passkeytest.Statement) { s.RPID = "app.example.com" }, nil, "another relying party"},
	{"no user verification", func(s *passkeytest.Statement) { s.Flags &^= passkeytest.UserVerified }, nil, "verify the user"},
	{"no user presence", func(s *passkeytest.Statement) { s.Flags &^= passkeytest.UserPresent }, nil, "user presence"},
	{"backed up without eligibility", func(s *passkeytest.Statement) { s.Flags |= passkeytest.BackedUp }, nil, "backup state"},
	{"another type of credential", nil, member("type", "password"), "type"},
	{"no type of credential", nil, member("type", ""), "type"},
	{"no id", nil, member("id", ""), "ID"},
	{"no rawId", nil, member("rawId", ""), "ID"},
	{"another rawId", nil, member("rawId", text("another")), "ID"},
	{"an id in padded base64", nil, func(m, _ map[string]any) { m["id"], m["rawId"] = "YQ==", "YQ==" }, "ID"},
	{"an id with a line end", nil, func(m, _ map[string]any) { m["id"], m["rawId"] = "YQ\n", "YQ\n" }, "ID"},
	{"an id that is too long", nil, func(m, _ map[string]any) {
		m["id"], m["rawId"] = text(strings.Repeat("i", 1024)), text(strings.Repeat("i", 1024))
	}, "ID"},
}

func (h *hostile) apply(t *testing.T, a *app, body func() string) string {
	t.Helper()
	a.device.Tamper = h.tamper
	text := body()
	a.device.Tamper = nil
	if h.edit != nil {
		text = edited(t, text, h.edit)
	}
	return text
}

func cose(key map[int]any) func(*passkeytest.Statement) {
	return func(s *passkeytest.Statement) { s.PublicKey = key }
}

// rsa returns a COSE key with a modulus of the given bits.
func rsa(bits uint, exponent ...byte) map[int]any {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return map[int]any{1: 3, 3: -257, -1: n.SetBit(n, 0, 1).Bytes(), -2: exponent}
}

func TestHostileRegistrations(t *testing.T) {
	point := elliptic.P256().Params()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	q, _ := p384.PublicKey.Bytes()
	offEd25519 := make([]byte, 32)
	offEd25519[0] = 2 // y = 2 has no x
	tests := append([]hostile{
		{"of a sign-in", client("type", "webauthn.get"), nil, "another ceremony"},
		{"a key off its curve", cose(map[int]any{1: 2, 3: -7, -1: 1, -2: point.Gx.Bytes(), -3: point.Gx.Bytes()}), nil, "public key"},
		{"a point of zeros", cose(map[int]any{1: 2, 3: -7, -1: 1, -2: make([]byte, 32), -3: make([]byte, 32)}), nil, "public key"},
		{"a short coordinate", cose(map[int]any{1: 2, 3: -7, -1: 1, -2: point.Gx.Bytes()[1:], -3: point.Gy.Bytes()}), nil, "public key"},
		{"ES256 with the curve P-384", cose(map[int]any{1: 2, 3: -7, -1: 2, -2: q[1:49], -3: q[49:]}), nil, "public key"},
		{"ES384, which is not asked for", cose(map[int]any{1: 2, 3: -35, -1: 2, -2: q[1:49], -3: q[49:]}), nil, "public key"},
		{"a key without a curve", cose(map[int]any{1: 2, 3: -7, -2: point.Gx.Bytes(), -3: point.Gy.Bytes()}), nil, "public key"},
		{"ES256 with an OKP key", cose(map[int]any{1: 1, 3: -7, -1: 6, -2: make([]byte, 32)}), nil, "public key"},
		{"an unknown key type", cose(map[int]any{1: 9, 3: -7}), nil, "public key"},
		{"a symmetric key", cose(map[int]any{1: 4, 3: 5, -1: make([]byte, 32)}), nil, "public key"},
		{"an empty key", cose(map[int]any{}), nil, "public key"},
		{"Ed25519 off its curve", cose(map[int]any{1: 1, 3: -8, -1: 6, -2: offEd25519}), nil, "public key"},
		{"Ed25519 with y = p", cose(map[int]any{1: 1, 3: -8, -1: 6, -2: append(append([]byte{0xed}, repeat(0xff, 30)...), 0x7f)}), nil, "public key"},
		{"Ed25519 of 31 bytes", cose(map[int]any{1: 1, 3: -8, -1: 6, -2: make([]byte, 31)}), nil, "public key"},
		{"RSA of 1024 bits", cose(rsa(1024, 1, 0, 1)), nil, "public key"},
		{"RSA of 2047 bits", cose(rsa(2047, 1, 0, 1)), nil, "public key"},
		{"RSA of 4097 bits", cose(rsa(4097, 1, 0, 1)), nil, "public key"},
		{"RSA of 8192 bits", cose(rsa(8192, 1, 0, 1)), nil, "public key"},
		{"RSA with the exponent 1", cose(rsa(2048, 1)), nil, "public key"},
		{"RSA with an even exponent", cose(rsa(2048, 1, 0, 0)), nil, "public key"},
		{"RSA with SHA-1", cose(func() map[int]any { k := rsa(2048, 1, 0, 1); k[3] = -65535; return k }()), nil, "public key"},
		{"a key with 40 KB of members", func(s *passkeytest.Statement) { s.PublicKey[-70000] = make([]byte, 40<<10) }, nil, "public key"},
		{"without the key", func(s *passkeytest.Statement) { s.Flags &^= 1 << 6 }, nil, "attestation"},
		{"an extension flag without extensions", func(s *passkeytest.Statement) { s.Flags |= 1 << 7 }, nil, "attestation"},
		{"an unknown attestation", func(s *passkeytest.Statement) { s.Format = "unknown" }, nil, "attestation"},
		{"none with a statement", func(s *passkeytest.Statement) { s.Attestation["sig"] = []byte("s") }, nil, "attestation"},
		{"none without a statement", func(s *passkeytest.Statement) { s.Attestation = nil }, nil, "attestation"},
		{"packed without a statement", func(s *passkeytest.Statement) { s.Format = "packed" }, nil, "attestation"},
		{"packed with a signature of nothing", func(s *passkeytest.Statement) {
			s.Format, s.Attestation = "packed", map[string]any{"alg": -7, "sig": make([]byte, 70)}
		}, nil, "attestation"},
		{"an id other than the attested one", nil, func(m, _ map[string]any) { m["id"], m["rawId"] = text("another"), text("another") }, "attestation"},
		{"no attestation object", nil, inner("attestationObject", ""), "attestation"},
		{"an attestation object that is no CBOR", nil, inner("attestationObject", text("\xff\xff")), "attestation"},
		{"an attestation object in padded base64", nil, inner("attestationObject", "oA=="), "attestation"},
		{"an attestation object nested deep", nil, inner("attestationObject", text(strings.Repeat("\x81", 10000))), "attestation"},
	}, both...)
	t.Logf("%d responses", len(tests))
	for _, h := range tests {
		t.Run(h.name, func(t *testing.T) {
			a := newApp(t, passkey.Options{})
			a.refused(a.register("1", h.apply(t, a, func() string { return a.created(alice) })), 401, "passkey_invalid", h.reason)
			if d := a.last(); d.Action != "register" || d.Subject != "1" || d.Outcome != guard.Refused || len(a.decisions) != 1 {
				t.Errorf("decisions %+v", a.decisions)
			}
			if l, err := a.List(t.Context(), "1"); err != nil || len(l) > 0 {
				t.Errorf("it was stored: %v, %v", l, err)
			}
		})
	}
}

func TestHostileLogins(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := append([]hostile{
		{"of a registration", client("type", "webauthn.create"), nil, "another ceremony"},
		{"another key", func(s *passkeytest.Statement) { s.PrivateKey = other }, nil, "signature"},
		{"a signature of more", func(s *passkeytest.Statement) { s.SignedSuffix = []byte("more") }, nil, "signature"},
		{"no signature", nil, inner("signature", ""), "signature"},
		{"a signature of zeros", nil, inner("signature", text("\x30\x06\x02\x01\x00\x02\x01\x00")), "signature"},
		{"a signature that is no DER", nil, inner("signature", text(strings.Repeat("s", 64))), "signature"},
		{"a signature with bytes behind", nil, func(_, r map[string]any) {
			b, _ := base64.RawURLEncoding.DecodeString(r["signature"].(string))
			r["signature"] = base64.RawURLEncoding.EncodeToString(append(b, 0))
		}, "signature"},
		{"a signature in padded base64", nil, inner("signature", "MA=="), "signature"},
		{"no user handle", func(s *passkeytest.Statement) { s.UserHandle = nil }, nil, "user handle"},
		{"an empty user handle", nil, inner("userHandle", ""), "user handle"},
		{"another user handle", func(s *passkeytest.Statement) { s.UserHandle = []byte(strings.Repeat("h", 32)) }, nil, "user handle"},
		{"the subject as user handle", func(s *passkeytest.Statement) { s.UserHandle = []byte("1") }, nil, "user handle"},
		{"no authenticator data", nil, inner("authenticatorData", ""), "authenticator data"},
		{"36 bytes of authenticator data", nil, inner("authenticatorData", text(strings.Repeat("a", 36))), "authenticator data"},
		{"authenticator data with bytes behind", nil, func(_, r map[string]any) { r["authenticatorData"] = r["authenticatorData"].(string) + "AAAA" }, "authenticator data"},
		{"authenticator data of another flag", nil, func(_, r map[string]any) {
			b, _ := base64.RawURLEncoding.DecodeString(r["authenticatorData"].(string))
			b[32] |= 1 << 3
			r["authenticatorData"] = base64.RawURLEncoding.EncodeToString(b)
		}, "signature"},
		{"authenticator data of another counter", nil, func(_, r map[string]any) {
			b, _ := base64.RawURLEncoding.DecodeString(r["authenticatorData"].(string))
			b[36]++
			r["authenticatorData"] = base64.RawURLEncoding.EncodeToString(b)
		}, "signature"},
		{"a key flag without a key", func(s *passkeytest.Statement) { s.Flags |= 1 << 6 }, nil, "authenticator data"},
		{"an extension flag without extensions", func(s *passkeytest.Statement) { s.Flags |= 1 << 7 }, nil, "authenticator data"},
		{"client data that was not signed", nil, func(_, r map[string]any) {
			b, _ := base64.RawURLEncoding.DecodeString(r["clientDataJSON"].(string))
			r["clientDataJSON"] = text(" " + string(b))
		}, "signature"},
	}, both...)
	t.Logf("%d responses", len(tests))
	for _, h := range tests {
		t.Run(h.name, func(t *testing.T) {
			a := newApp(t, passkey.Options{})
			c := a.registered(alice)
			a.decisions = nil
			a.refused(a.login(h.apply(t, a, a.got)), 401, "passkey_invalid", h.reason)
			if d := a.last(); d.Action != "" || d.Outcome != guard.Refused || len(a.decisions) != 1 {
				t.Errorf("decisions %+v", a.decisions)
			}
			if stored, found, err := a.store.Load(t.Context(), c.ID); err != nil || !found || !stored.LastUsed.IsZero() {
				t.Errorf("it changed the credential: %+v, %t, %v", stored, found, err)
			}
		})
	}
}

func repeat(b byte, n int) []byte { return []byte(strings.Repeat(string([]byte{b}), n)) }
