package main_test

import (
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// TestPasskeyRefusals: what a browser, an authenticator or a thief may state that is wrong. None
// of it signs in, registers, or removes a passkey.
func TestPasskeyRefusals(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, device, _ := withPasskey(t, p, alice)
	carol := newPerson()
	row{status: 200}.check(t, carol.do(t, p, call{do: "POST /totp/login", body: credentials("carol@example.com", "secret")}))
	type statement = passkeytest.Statement
	both := map[string]func(s *statement){
		"another origin":               func(s *statement) { s.ClientData["origin"] = "https://evil.example" },
		"another port":                 func(s *statement) { s.ClientData["origin"] = "http://localhost:1" },
		"the address of the server":    func(s *statement) { s.ClientData["origin"] = p.url },
		"a frame of another origin":    func(s *statement) { s.ClientData["crossOrigin"] = true },
		"another rpId":                 func(s *statement) { s.RPID = "evil.example" },
		"no user verification":         func(s *statement) { s.Flags &^= passkeytest.UserVerified },
		"no user presence":             func(s *statement) { s.Flags &^= passkeytest.UserPresent },
		"a backup without eligibility": func(s *statement) { s.Flags |= passkeytest.BackedUp },
		"another challenge":            func(s *statement) { s.ClientData["challenge"] = strings.Repeat("A", 43) },
		"the type of something else":   func(s *statement) { s.ClientData["type"] = "payment.get" },
		"no ID":                        func(s *statement) { s.ID = nil },
	}
	register := map[string]func(s *statement){
		"a key off its curve":         func(s *statement) { s.PublicKey[-2] = make([]byte, 32) },
		"the key of no algorithm":     func(s *statement) { s.PublicKey[3] = -999 },
		"a key of 1024 bits RSA":      func(s *statement) { s.PublicKey = rsaKey(1024) },
		"an attestation of no form":   func(s *statement) { s.Format = "x" },
		"an attestation with a lie":   func(s *statement) { s.Attestation["x"] = 1 },
		"the credential of no person": func(s *statement) { s.Flags = 0 },
	}
	login := map[string]func(s *statement){
		"a signature of something else": func(s *statement) { s.SignedSuffix = []byte("x") },
		"a user handle of another":      func(s *statement) { s.UserHandle = []byte(strings.Repeat("x", 32)) },
		"no user handle":                func(s *statement) { s.UserHandle = nil },
		"a credential that no one has":  func(s *statement) { s.ID = []byte("unknown") },
	}
	for name, tamper := range both {
		login[name], register[name] = tamper, tamper
	}
	for name, tamper := range login {
		t.Run("login, "+name, func(t *testing.T) {
			device.Tamper = tamper
			defer func() { device.Tamper = nil }()
			v := newPerson()
			row{status: 401, body: badPasskey, header: []string{"Cache-Control: no-store"}}.check(t, v.do(t, p, passkeyCall("login", v.asserted(t, p, device))))
			row{call: call{do: "no session"}, status: 401, body: noSession}.check(t, v.do(t, p, sessionProfile()))
		})
	}
	for name, tamper := range register {
		t.Run("register, "+name, func(t *testing.T) {
			fresh := passkeytest.NewAuthenticator(p.site())
			fresh.Tamper = tamper
			row{status: 401, body: badPasskey}.check(t, carol.do(t, p, passkeyCall("register", carol.created(t, p, fresh))))
		})
	}
	row{call: call{do: "none is registered"}, status: 200, body: `~"credentials":\[\]}$`}.check(t, carol.do(t, p, call{do: "GET /passkey/credentials"}))
	byPasskey(t, p, device)
}

// rsaKey is the COSE key of a modulus of bits.
func rsaKey(bits uint) map[int]any {
	n := new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1)
	return map[int]any{1: 3, 3: -257, -1: n.Bytes(), -2: []byte{1, 0, 1}}
}

// TestPasskeyChallenges: a challenge is good once, in the browser that asked, for its
// ceremony and person. Several may be pending.
func TestPasskeyChallenges(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, device, _ := withPasskey(t, p, alice)
	_, theirs, first := withPasskey(t, p, bob)

	v := newPerson()
	response := v.asserted(t, p, device)
	before := v.copy()
	row{status: 200, body: loggedIn}.check(t, v.do(t, p, passkeyCall("login", response)))
	row{call: call{do: "replayed"}, status: 401, body: badPasskey}.check(t, v.do(t, p, passkeyCall("login", response)))
	row{call: call{do: "replayed with the cookie"}, status: 401, body: badPasskey}.check(t, before.do(t, p, passkeyCall("login", response)))
	row{call: call{do: "signed in"}, status: 200}.check(t, v.do(t, p, sessionProfile()))

	mine, yours := newPerson(), newPerson()
	response = mine.asserted(t, p, device)
	yours.options(t, p, "login")
	row{call: call{do: "another browser"}, status: 401, body: badPasskey}.check(t, yours.do(t, p, passkeyCall("login", response)))
	row{call: call{do: "no cookie"}, status: 401, body: badPasskey}.check(t, newPerson().do(t, p, passkeyCall("login", response)))
	row{call: call{do: "the browser that asked"}, status: 200, body: loggedIn}.check(t, mine.do(t, p, passkeyCall("login", response)))

	tabs := newPerson()
	responses := []string{tabs.asserted(t, p, device), tabs.asserted(t, p, device), tabs.asserted(t, p, device)}
	for _, i := range []int{1, 0, 2} {
		row{call: call{do: "a pending one"}, status: 200, body: loggedIn}.check(t, tabs.do(t, p, passkeyCall("login", responses[i])))
	}
	oldest := tabs.asserted(t, p, device)
	for range 24 { // eight are pending; those of one millisecond are equally old
		tabs.options(t, p, "login")
	}
	row{call: call{do: "the oldest of many"}, status: 401, body: badPasskey}.check(t, tabs.do(t, p, passkeyCall("login", oldest)))

	h := halfByPassword(t, p, "/totp/login", alice)
	row{call: call{do: "another's passkey as second factor"}, status: 401, body: badPasskey}.check(t, h.do(t, p, passkeyCall("login", h.asserted(t, p, theirs))))
	row{call: call{do: "no session"}, status: 401, body: noSession}.check(t, h.do(t, p, sessionProfile()))
	row{call: call{do: "then the right one"}, status: 200, body: loggedIn}.check(t, h.do(t, p, passkeyCall("login", h.asserted(t, p, device))))

	// A registration is finished by the person who began it.
	fresh := passkeytest.NewAuthenticator(p.site())
	begun := h.created(t, p, fresh)
	swapped := byPasskey(t, p, theirs)
	for name, value := range h.cookies { // of the same browser
		if strings.HasPrefix(name, "passkey-") {
			swapped.cookies[name] = value
		}
	}
	row{call: call{do: "a registration of another account"}, status: 401, body: badPasskey}.check(t, swapped.do(t, p, passkeyCall("register", begun)))
	anonymous := h.copy()
	delete(anonymous.cookies, "session")
	row{call: call{do: "signed out meanwhile"}, status: 401, body: notRecent}.check(t, anonymous.do(t, p, passkeyCall("register", begun)))
	row{call: call{do: "as a login"}, status: 401, body: badPasskey}.check(t, h.do(t, p, passkeyCall("login", begun)))
	row{call: call{do: "by its own person"}, status: 200}.check(t, h.do(t, p, passkeyCall("register", begun)))
	row{call: call{do: "again"}, status: 401, body: badPasskey}.check(t, h.do(t, p, passkeyCall("register", begun)))

	theft := passkeytest.NewAuthenticator(p.site())
	theft.Tamper = func(s *passkeytest.Statement) { s.ID = decodedID(first.ID) }
	row{call: call{do: "the ID of another account's"}, status: 401, body: badPasskey}.check(t, h.do(t, p, passkeyCall("register", h.created(t, p, theft))))
	row{call: call{do: "it is theirs"}, status: 200, body: `{"user":{"id":"2","email":"bob@example.com","role":"user"}}`}.check(t, byPasskey(t, p, theirs).do(t, p, sessionProfile()))
}

func decodedID(id string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		panic(err)
	}
	return b
}

// TestPasskeyCounter: a counter that is not greater is refused, mailed and not stored. Without
// counters, 0 after 0 is right.
func TestPasskeyCounter(t *testing.T) {
	t.Parallel()
	p := start(t)
	v, device := newPerson(), passkeytest.NewAuthenticator(p.site())
	device.SignCount = 5
	row{status: 200}.check(t, v.do(t, p, call{do: "POST /totp/login", body: bob}))
	v.register(t, p, device, "")
	byPasskey(t, p, device) // 6
	for name, count := range map[string]uint32{"the same": 6, "less": 1, "none": 0} {
		copied := newPerson()
		device.Tamper = func(s *passkeytest.Statement) { s.SignCount = count }
		row{call: call{do: name}, status: 401, body: badPasskey}.check(t, copied.do(t, p, passkeyCall("login", copied.asserted(t, p, device))))
		row{call: call{do: "no session"}, status: 401}.check(t, copied.do(t, p, sessionProfile()))
	}
	device.Tamper, device.SignCount = nil, 6
	byPasskey(t, p, device) // 7 is greater than 6, which stayed
	const warning = "A sign-in with one of your passkeys was refused: the passkey may have been copied. If you know of no copy, remove it."
	if n := count(p.mails(t, "bob@example.com", 4), warning); n != 3 {
		t.Errorf("%d mails about a copy: %s", n, p.logs())
	}
	_, plain, _ := withPasskey(t, p, alice)
	for _, flags := range []byte{0, passkeytest.BackupEligible, passkeytest.BackupEligible | passkeytest.BackedUp, 0} { // may change
		plain.Flags = passkeytest.UserPresent | passkeytest.UserVerified | flags
		row{call: call{do: "toggled flags"}, status: 200, body: transferred}.check(t, byPasskey(t, p, plain).do(t, p, call{do: "POST /stepup/transfer"}))
	}
}

// TestPasskeyRace: of 64 logins and 64 registrations with one response, one is accepted.
func TestPasskeyRace(t *testing.T) {
	t.Parallel()
	p := start(t)
	_, device, _ := withPasskey(t, p, alice)
	v := newPerson()
	response := v.asserted(t, p, device)
	oneOf64(t, func(int) answer { return v.copy().do(t, p, passkeyCall("login", response)) }, 401)
	v = byPasskey(t, p, device)
	response = v.created(t, p, passkeytest.NewAuthenticator(p.site()))
	oneOf64(t, func(int) answer { return v.copy().do(t, p, passkeyCall("register", response)) }, 401)
}

// TestPasskeyFirstRace: of registrations at a time that each add the first factor, none leaves
// the session of another, and no passkey is there that its own session did not survive.
func TestPasskeyFirstRace(t *testing.T) {
	t.Parallel()
	p := start(t)
	people, responses := make([]*person, 8), make([]string, 8)
	for i := range people {
		people[i] = newPerson()
		row{status: 200}.check(t, people[i].do(t, p, call{do: "POST /session/login", body: carol}))
		responses[i] = people[i].created(t, p, passkeytest.NewAuthenticator(p.site()))
	}
	var wg sync.WaitGroup
	for i, v := range people {
		wg.Go(func() {
			if a := v.do(t, p, passkeyCall("register", responses[i])); a.status != 200 && a.status != 401 {
				t.Error(a)
			}
		})
	}
	wg.Wait()
	alive := 0
	for _, v := range people {
		if v.do(t, p, sessionProfile()).status == 200 {
			alive++
		}
	}
	if alive > 1 {
		t.Errorf("%d sessions without a factor are alive", alive)
	}
	halfByPassword(t, p, "/session/login", carol)
}
