package passkey_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestCeremonies registers a passkey and signs in with it.
func TestCeremonies(t *testing.T) {
	a := newApp(t, passkey.Options{})
	c := a.registered(alice)
	if c.Subject != "1" || c.Name != "Passkey" || c.Factor() != "hwk" || c.SignCount != 0 || !c.LastUsed.IsZero() || !c.Created.Equal(a.clock.Now()) ||
		c.AAGUID != "00000000-0000-0000-0000-000000000000" || !reflect.DeepEqual(c.Transports, []string{"internal"}) {
		t.Errorf("registered %+v", c)
	}
	if d := a.last(); d.Action != "register" || d.Outcome != guard.Allowed || d.Subject != "1" || d.Package != "passkey" {
		t.Errorf("decision %+v", d)
	}
	a.clock.Advance(time.Hour)
	out := a.login(a.got())
	if out.status != 200 || !out.reached || out.credential.Subject != "1" || !out.credential.LastUsed.Equal(a.clock.Now()) {
		t.Fatalf("Login: %d %s %+v", out.status, a.last().Reason, out.credential)
	}
	if d := a.last(); d.Action != "" || d.Outcome != guard.Allowed || d.Subject != "1" {
		t.Errorf("decision %+v", d)
	}
	stored, found, err := a.store.Load(t.Context(), c.ID)
	if err != nil || !found || !reflect.DeepEqual(stored, *out.credential) {
		t.Errorf("stored %+v, %t, %v", stored, found, err)
	}
	if len(a.browser) != 0 {
		t.Errorf("cookies are left: %v", a.browser)
	}
	if n := len(a.decisions); n != 2 {
		t.Errorf("%d decisions: %+v", n, a.decisions)
	}
}

// TestOptions: the members that a browser reads, and no more of the account.
func TestOptions(t *testing.T) {
	a := newApp(t, passkey.Options{Name: "Acme"})
	c := a.registered(alice)
	out := a.registerOptions(passkey.Account{Subject: "1", Name: strings.Repeat("é", 40), DisplayName: "Alice"})
	var o map[string]any
	if err := json.Unmarshal([]byte(out.body), &o); err != nil {
		t.Fatal(err)
	}
	handle, challenge := o["user"].(map[string]any)["id"].(string), o["challenge"].(string)
	delete(o, "challenge")
	want := map[string]any{
		"rp": map[string]any{"id": rpID, "name": "Acme"}, "user": map[string]any{"id": handle, "name": strings.Repeat("é", 32), "displayName": "Alice"},
		"pubKeyCredParams": []any{
			map[string]any{"type": "public-key", "alg": -8.0}, map[string]any{"type": "public-key", "alg": -7.0}, map[string]any{"type": "public-key", "alg": -257.0},
		},
		"timeout":                300000.0,
		"excludeCredentials":     []any{map[string]any{"type": "public-key", "id": c.ID, "transports": []any{"internal"}}},
		"authenticatorSelection": map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
		"attestation":            "none",
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("options %v\nwant    %v", o, want)
	}
	if b, err := base64.RawURLEncoding.DecodeString(handle); err != nil || len(b) != 32 || handle != c.UserHandle {
		t.Errorf("user handle %q, registered %q", handle, c.UserHandle)
	}
	if b, err := base64.RawURLEncoding.DecodeString(challenge); err != nil || len(b) != 32 {
		t.Errorf("challenge %q", challenge)
	}
	if out.header.Get("Cache-Control") != "no-store" || out.header.Get("Content-Type") != "application/json" {
		t.Errorf("header %v", out.header)
	}
	line := out.header.Get("Set-Cookie")
	for _, attribute := range []string{"__Host-passkey-", "; Path=/", "; Max-Age=300", "; HttpOnly", "; Secure", "; SameSite=Strict"} {
		if !strings.Contains(line, attribute) {
			t.Errorf("cookie %q lacks %q", line, attribute)
		}
	}
	if strings.Contains(line, challenge) {
		t.Error("the cookie shows the challenge")
	}

	out = a.loginOptions()
	o = nil
	if err := json.Unmarshal([]byte(out.body), &o); err != nil {
		t.Fatal(err)
	}
	delete(o, "challenge")
	if want := (map[string]any{"timeout": 300000.0, "rpId": rpID, "allowCredentials": []any{}, "userVerification": "required"}); !reflect.DeepEqual(o, want) {
		t.Errorf("login options %v", o)
	}
}

// TestConditionalCreate: no presence and no verification at the registration, both at the
// sign-in.
func TestConditionalCreate(t *testing.T) {
	a := newApp(t, passkey.Options{})
	account := alice
	account.Conditional = true
	if out := a.registerOptions(account); !strings.Contains(out.body, `"userVerification":"preferred"`) {
		t.Errorf("options %s", out.body)
	}
	a.device.Flags = 0
	a.registered(account)
	a.refused(a.login(a.got()), 401, "passkey_invalid", "user presence")
	a.device.Flags = passkeytest.UserPresent | passkeytest.UserVerified
	if out := a.login(a.got()); out.status != 200 {
		t.Errorf("Login: %d", out.status)
	}
}

// TestBackupFlags: they may change in any direction, as go-webauthn#335 and its followers
// ask for, and no one is locked out. A state without eligibility is refused.
func TestBackupFlags(t *testing.T) {
	const up, be, bs = passkeytest.UserPresent | passkeytest.UserVerified, passkeytest.BackupEligible, passkeytest.BackedUp
	for _, first := range []byte{up, up | be, up | be | bs} {
		a := newApp(t, passkey.Options{})
		a.device.Flags = first
		a.registered(alice)
		for _, flags := range []byte{up, up | be, up | be | bs, up, up | be | bs, up | be} {
			a.device.Flags = flags
			out := a.login(a.got())
			if out.status != 200 {
				t.Fatalf("registered with %08b, %08b: %d %s", first, flags, out.status, a.last().Reason)
			}
			want := "hwk"
			if flags&be != 0 {
				want = "swk"
			}
			if c := out.credential; c.BackupEligible != (flags&be != 0) || c.BackedUp != (flags&bs != 0) || c.Factor() != want {
				t.Errorf("%08b: %+v, %s", flags, c, c.Factor())
			}
		}
		a.device.Flags = up | bs
		a.refused(a.login(a.got()), 401, "passkey_invalid", "backup state without")
		a.refused(a.register("1", func() string {
			a.device = passkeytest.NewAuthenticator(origin)
			a.device.Flags = up | bs
			return a.created(alice)
		}()),
			401, "passkey_invalid", "backup state without")
	}
}

// TestCounter: one that is not greater refuses the one sign-in, and is not stored.
func TestCounter(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.device.SignCount = 10
	id := a.registered(alice).ID
	at := func(count uint32) result {
		a.device.Tamper = func(s *passkeytest.Statement) { s.SignCount = count }
		return a.login(a.got())
	}
	for _, step := range []struct {
		count uint32
		ok    bool
	}{{10, false}, {11, true}, {11, false}, {5, false}, {0, false}, {12, true}, {1<<32 - 1, true}, {0, false}, {1, false}} {
		before, _, _ := a.store.Load(t.Context(), id)
		out := at(step.count)
		if step.ok {
			if out.status != 200 || out.credential.SignCount != step.count {
				t.Errorf("%d: %d %+v", step.count, out.status, out.credential)
			}
			continue
		}
		a.refused(out, 401, "passkey_invalid", "signature counter")
		if d := a.last(); !errors.Is(d.Err, passkey.ErrCounter) || d.Subject != "1" || d.Outcome != guard.Refused {
			t.Errorf("decision %+v", d)
		}
		if after, found, _ := a.store.Load(t.Context(), id); !found || !reflect.DeepEqual(before, after) {
			t.Errorf("%d changed the credential: %+v", step.count, after)
		}
	}
}

// TestTwoAuthenticators: an account's passkeys are independent, and share its user handle.
func TestTwoAuthenticators(t *testing.T) {
	a := newApp(t, passkey.Options{})
	first := a.registered(alice)
	if _, err := a.device.Create([]byte(a.registerOptions(alice).body)); !errors.Is(err, passkeytest.ErrExcluded) {
		t.Errorf("the same device again: %v", err)
	}
	one := a.device
	a.device = passkeytest.NewAuthenticator(origin)
	second := a.registered(alice)
	if first.UserHandle != second.UserHandle || first.ID == second.ID {
		t.Errorf("%+v and %+v", first, second)
	}
	for _, device := range []*passkeytest.Authenticator{one, a.device} {
		a.device = device
		if out := a.login(a.got()); out.status != 200 || out.credential.Subject != "1" {
			t.Errorf("Login: %d", out.status)
		}
	}
}

// TestVerify: for an account that is known, a passkey of another one is refused.
func TestVerify(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	if out := a.verify("1", a.got()); out.status != 200 || out.credential.Subject != "1" {
		t.Errorf("Verify: %d", out.status)
	}
	body := a.got()
	a.refused(a.verify("2", body), 401, "passkey_invalid", "of another account")
	if d := a.last(); d.Subject != "2" {
		t.Errorf("decision %+v", d)
	}
	if out := a.login(body); out.status != 200 {
		t.Errorf("the refusal used the challenge up: %d", out.status)
	}
	if out := a.verify("", a.got()); out.status != 500 || a.last().Outcome != guard.Failed {
		t.Errorf("without a subject: %d", out.status)
	}
}
