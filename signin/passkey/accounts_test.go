package passkey_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestSubjectOfBytes: the registration was refused as one of another account.
func TestSubjectOfBytes(t *testing.T) {
	a := newApp(t, passkey.Options{})
	c := a.registered(passkey.Account{Subject: "\xff\x00\ufffd<", Name: "alice@example.com"})
	if out := a.login(a.got()); c.Subject != "\xff\x00\ufffd<" || out.status != 200 || out.credential.Subject != c.Subject {
		t.Errorf("%q, %+v", c.Subject, out)
	}
}

// TestOthersCredential: neither the credential nor the user handle of another account.
func TestOthersCredential(t *testing.T) {
	a := newApp(t, passkey.Options{})
	one := a.registered(alice)
	a.device = passkeytest.NewAuthenticator(origin)
	two := a.registered(passkey.Account{Subject: "2", Name: "bob@example.com"})

	a.device.Tamper = func(s *passkeytest.Statement) { s.ID, _ = base64.RawURLEncoding.DecodeString(one.ID) }
	a.refused(a.login(a.got()), 401, "passkey_invalid", "user handle")
	a.device.Tamper = func(s *passkeytest.Statement) {
		s.ID, _ = base64.RawURLEncoding.DecodeString(one.ID)
		s.UserHandle, _ = base64.RawURLEncoding.DecodeString(one.UserHandle)
	}
	a.refused(a.login(a.got()), 401, "passkey_invalid", "signature")
	if a.last().Subject != "1" {
		t.Errorf("decision %+v", a.last())
	}
	a.device.Tamper = func(s *passkeytest.Statement) { s.UserHandle, _ = base64.RawURLEncoding.DecodeString(one.UserHandle) }
	a.refused(a.login(a.got()), 401, "passkey_invalid", "user handle")

	// A registration of an ID that another account has, and one that another account began.
	a.device = passkeytest.NewAuthenticator(origin)
	a.device.Tamper = func(s *passkeytest.Statement) { s.ID, _ = base64.RawURLEncoding.DecodeString(one.ID) }
	a.refused(a.register("2", a.created(passkey.Account{Subject: "2", Name: "bob"})), 401, "passkey_invalid", "registered already")
	a.device = passkeytest.NewAuthenticator(origin)
	a.refused(a.register("2", a.created(alice)), 401, "passkey_invalid", "for another account")
	for _, c := range []*passkey.Credential{one, two} {
		if stored, found, _ := a.store.Load(t.Context(), c.ID); !found || stored.Subject != c.Subject || stored.PublicKey != c.PublicKey {
			t.Errorf("%+v changed to %+v", c, stored)
		}
	}
}

// TestUnknownCredential has a code of its own, which the page signals to the browser.
func TestUnknownCredential(t *testing.T) {
	a := newApp(t, passkey.Options{})
	c := a.registered(alice)
	if err := a.Remove(t.Context(), "1", c.ID); err != nil {
		t.Fatal(err)
	}
	a.refused(a.login(a.got()), 401, "passkey_unknown", "not registered")
}

// TestBodies: what is no response of a browser is 400, and too large a name 422.
func TestBodies(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	for _, body := range []string{
		"", "null", "[]", `"text"`, "{", "{}x", `{"id":1}`, `{"id":"a","id":"b"}`, `{"ID":"a"}`, `{"response":[]}`, `{"response":{"signature":1}}`,
		`{"id":"` + strings.Repeat("a", 64<<10) + `"}`, "{\"id\":\"\xff\"}", `{"name":1}`,
	} {
		a.refused(a.login(body), 400, "invalid_request", "body")
		a.refused(a.register("1", body), 400, "invalid_request", "body")
	}
	a.device = passkeytest.NewAuthenticator(origin)
	body := a.created(alice)
	for _, name := range []string{strings.Repeat("n", 65), "a\nb", " ", "a\u2028b"} {
		a.refused(a.register("1", edited(t, body, member("name", name))), 422, "name_invalid", "name")
	}
	if out := a.register("1", edited(t, body, member("name", "Blue key ☎"))); out.status != 200 || out.credential.Name != "Blue key ☎" {
		t.Errorf("%d %+v", out.status, out.credential)
	}
}

// TestUnaskedMembers: members that a newer browser or an extension adds refuse no one.
func TestUnaskedMembers(t *testing.T) {
	a := newApp(t, passkey.Options{})
	extra := func(m, response map[string]any) {
		m["clientExtensionResults"] = map[string]any{"credProps": map[string]any{"rk": true}, "appid": "x", "new": 1}
		m["new"], response["new"], response["publicKey"], m["authenticatorAttachment"] = 1, []int{1}, nil, nil
		response["transports"] = []string{"internal", "internal", "cable", "a,b", "UPPER", strings.Repeat("x", 17), ""}
	}
	a.device.Tamper = client("new_keys_may_be_added_here", "do not compare")
	out := a.register("1", edited(t, a.created(alice), extra))
	if out.status != 200 || fmt.Sprint(out.credential.Transports) != "[internal cable]" {
		t.Fatalf("Register: %d %s %+v", out.status, a.last().Reason, out.credential)
	}
	if out := a.login(edited(t, a.got(), func(m, _ map[string]any) { m["clientExtensionResults"] = map[string]any{"appid": "x"} })); out.status != 200 {
		t.Errorf("Login: %d %s", out.status, a.last().Reason)
	}
}

// TestOtherKeys: Ed25519 and RSA keys are accepted.
func TestOtherKeys(t *testing.T) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []map[int]any{{1: 1, 3: -8, -1: 6, -2: []byte(public)}, rsa(2048, 1, 0, 1), rsa(4096, 3)} {
		a := newApp(t, passkey.Options{})
		a.device.Tamper = cose(key)
		if out := a.register("1", a.created(alice)); out.status != 200 {
			t.Errorf("%v: %s", key[3], a.last().Reason)
		}
		a.device.Tamper = nil // its signature is of another key
		a.refused(a.login(a.got()), 401, "passkey_invalid", "signature")
	}
}
