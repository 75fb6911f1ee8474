package interop_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/go-guard/guard"
)

// A mutant is the response of an authenticator, taken apart. It is put together again after a
// mutation, and a sign-in is signed again unless the mutation is of what was sent.
type mutant struct {
	create     bool
	id         []byte
	clientData []byte
	authData   []byte
	format     string         // of a registration
	statement  map[string]any // of a registration
	key        *ecdsa.PrivateKey
	userHandle []byte

	object    func([]byte) []byte // changes the encoded attestation object
	signature func([]byte) []byte // changes the signature
	edit      func(m, response map[string]any)
	text      func(string) string // changes the body
}

func unpadded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// body puts the response together.
func (m *mutant) body(t *testing.T) string {
	t.Helper()
	response := map[string]any{"clientDataJSON": unpadded(m.clientData)}
	if m.create {
		object, err := webauthncbor.Marshal(map[string]any{"fmt": m.format, "attStmt": m.statement, "authData": m.authData})
		if err != nil {
			t.Fatal(err)
		}
		if m.object != nil {
			object = m.object(object)
		}
		response["attestationObject"], response["transports"] = unpadded(object), []string{"internal"}
	} else {
		hash := sha256.Sum256(m.clientData)
		digest := sha256.Sum256(slices.Concat(m.authData, hash[:]))
		signature := guard.Must(ecdsa.SignASN1(rand.Reader, m.key, digest[:]))
		if m.signature != nil {
			signature = m.signature(signature)
		}
		response["authenticatorData"], response["signature"], response["userHandle"] = unpadded(m.authData), unpadded(signature), unpadded(m.userHandle)
	}
	all := map[string]any{
		"id": unpadded(m.id), "rawId": unpadded(m.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"authenticatorAttachment": "platform", "response": response,
	}
	if m.edit != nil {
		m.edit(all, response)
	}
	text := string(guard.Must(json.Marshal(all)))
	if m.text != nil {
		text = m.text(text)
	}
	return text
}

// taken takes a response apart.
func taken(t *testing.T, body []byte) *mutant {
	t.Helper()
	var r struct {
		ID       string
		Response struct{ ClientDataJSON, AttestationObject, AuthenticatorData, UserHandle string }
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	decode := func(s string) []byte { return guard.Must(base64.RawURLEncoding.DecodeString(s)) }
	m := &mutant{
		create: r.Response.AttestationObject != "", id: decode(r.ID), clientData: decode(r.Response.ClientDataJSON),
		authData: decode(r.Response.AuthenticatorData), userHandle: decode(r.Response.UserHandle),
	}
	if m.create {
		var object struct {
			Format    string         `cbor:"fmt"`
			Statement map[string]any `cbor:"attStmt"`
			AuthData  []byte         `cbor:"authData"`
		}
		if err := webauthncbor.Unmarshal(decode(r.Response.AttestationObject), &object); err != nil {
			t.Fatal(err)
		}
		m.format, m.statement, m.authData = object.Format, object.Statement, object.AuthData
	}
	return m
}
