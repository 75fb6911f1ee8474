package main_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

const passkeyNext = `{"next":"passkey"}`

var badPasskey = e(401, "Invalid passkey")

// site is the origin of PUBLIC_URL: by default of the name localhost.
func (p *process) site() string { return strings.Replace(p.url, "127.0.0.1", "localhost", 1) }

// options are those of a ceremony: "login" or "register".
func (v *person) options(t *testing.T, p *process, ceremony string) []byte {
	t.Helper()
	a := v.do(t, p, call{do: "POST /passkey/" + ceremony + "/options"})
	row{call: call{do: ceremony + " options"}, status: 200, body: `~"challenge":"[\w-]{43}"`, header: []string{"Cache-Control: no-store", "Set-Cookie: ~^passkey-[0-9a-f]{24}=.*; HttpOnly; SameSite=Strict"}}.check(t, a)
	return []byte(a.body)
}

// created is the response of an authenticator to new options of a registration.
func (v *person) created(t *testing.T, p *process, device *passkeytest.Authenticator) string {
	t.Helper()
	credential, err := device.Create(v.options(t, p, "register"))
	if err != nil {
		t.Fatal(err)
	}
	return string(credential)
}

// asserted is the response of an authenticator to new options of a login.
func (v *person) asserted(t *testing.T, p *process, device *passkeytest.Authenticator) string {
	t.Helper()
	credential, err := device.Get(v.options(t, p, "login"))
	if err != nil {
		t.Fatal(err)
	}
	return string(credential)
}

func passkeyCall(ceremony, body string) call {
	return call{do: "POST /passkey/" + ceremony, body: body}
}

// A registered is what POST /passkey/register answers.
type registered struct {
	ID       string
	Name     string
	Recovery []string `json:"recovery_codes"`
}

// register adds a passkey of a device to the account of a person who signed in recently.
func (v *person) register(t *testing.T, p *process, device *passkeytest.Authenticator, name string) (r registered) {
	t.Helper()
	body := v.created(t, p, device)
	if name != "" {
		b, _ := json.Marshal(name)
		body = `{"name":` + string(b) + `,` + body[1:]
	}
	a := v.do(t, p, passkeyCall("register", body))
	row{call: call{do: "register"}, status: 200, header: []string{"Cache-Control: no-store"}}.check(t, a)
	if err := json.Unmarshal([]byte(a.body), &r); err != nil || r.ID == "" {
		t.Fatalf("%v: %v", err, a)
	}
	return r
}

// withPasskey adds a passkey to the account of body's login, and returns its device and the
// person who added it.
func withPasskey(t *testing.T, p *process, body string) (v *person, device *passkeytest.Authenticator, first registered) {
	t.Helper()
	v, device = newPerson(), passkeytest.NewAuthenticator(p.site())
	row{status: 200, body: loggedIn}.check(t, v.do(t, p, call{do: "POST /totp/login", body: body}))
	first = v.register(t, p, device, "")
	if len(first.Recovery) != 10 {
		t.Errorf("%d recovery codes", len(first.Recovery))
	}
	return v, device, first
}

// byPasskey signs in, and returns the person.
func byPasskey(t *testing.T, p *process, device *passkeytest.Authenticator) *person {
	t.Helper()
	v := newPerson()
	row{call: call{do: "by passkey"}, status: 200, body: loggedIn, header: []string{"Set-Cookie: ~session="}}.check(t, v.do(t, p, passkeyCall("login", v.asserted(t, p, device))))
	return v
}

// halfByPassword signs in by the password of an account that has passkeys alone.
func halfByPassword(t *testing.T, p *process, path, body string) *person {
	t.Helper()
	v := newPerson()
	row{call: call{do: path}, status: 200, body: passkeyNext, header: []string{"Set-Cookie: ~^session="}}.check(t, v.do(t, p, call{do: "POST " + path, body: body}))
	return v
}
