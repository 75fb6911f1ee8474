package interop_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

// A verdict is what one implementation says of a response: "" for accepted, else why not.
type verdict struct {
	mutation, ours, theirs string
	line                   map[string]any
}

// reason returns why a response is refused.
func reason(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*guard.Error](err); ok && e.Err != nil && e.Status < 500 {
		return e.Err.Error()
	}
	return "not a refusal: " + err.Error()
}

// mutate sends one mutant of a new account to the package.
func (p passkeyProcesses) mutate(t *testing.T, name string, create bool, apply func(*mutant)) verdict {
	t.Helper()
	subject, device := rand.Text(), passkeytest.NewAuthenticator(passkeyOrigin)
	device.SignCount = 7
	var key *ecdsa.PrivateKey
	device.Tamper = func(s *passkeytest.Statement) { key = s.PrivateKey }
	party := p.parties[0]
	e := p.creation(t, subject)
	line := map[string]any{"ceremony": "create", "origin": passkeyOrigin, "rpID": passkeyID}
	if create {
		answer := e.answer(t, device.Create)
		m := taken(t, answer.body)
		apply(m)
		answer.body = []byte(m.body(t))
		_, err := party.Register(httptest.NewRecorder(), answer.request(), subject)
		line["body"], line["challenge"] = string(answer.body), challengeOf(t, e.body)
		return verdict{mutation: name, ours: reason(err), line: line}
	}
	c, err := party.Register(httptest.NewRecorder(), e.answer(t, device.Create).request(), subject)
	if err != nil {
		t.Fatal(err)
	}
	e = begin(t, party.LoginOptions)
	answer := e.answer(t, device.Get)
	m := taken(t, answer.body)
	m.key = key
	apply(m)
	answer.body = []byte(m.body(t))
	_, err = party.Login(httptest.NewRecorder(), answer.request())
	line["ceremony"], line["id"], line["publicKey"], line["counter"] = "get", c.ID, c.PublicKey, c.SignCount
	line["body"], line["challenge"] = string(answer.body), challengeOf(t, e.body)
	return verdict{mutation: name, ours: reason(err), line: line}
}

func challengeOf(t *testing.T, options []byte) string {
	t.Helper()
	var o struct{ Challenge string }
	if err := json.Unmarshal(options, &o); err != nil || o.Challenge == "" {
		t.Fatal(err, string(options))
	}
	return o.Challenge
}

// TestPasskeyMutations: this package and @simplewebauthn/server agree on 1,000 mutated
// responses, but for the differences that are listed with their reason.
func TestPasskeyMutations(t *testing.T) {
	needNode(t)
	p := passkeyProcesses{}
	memory := guard.Must(passkey.NewMemory(nil))
	p.parties[0] = guard.Must(passkey.New(passkeyID, []string{passkeyOrigin}, guard.Secret(strings.Repeat("k", 32)), memory, nil))

	var all []verdict
	var lines bytes.Buffer
	add := func(name string, create bool, apply func(*mutant)) {
		v := p.mutate(t, fmt.Sprintf("%s (create %t)", name, create), create, apply)
		all = append(all, v)
		lines.Write(append(guard.Must(json.Marshal(v.line)), '\n'))
	}
	for _, create := range []bool{true, false} {
		add("unchanged", create, func(*mutant) {})
	}
	const want = 2 + 1000
	for _, m := range mutations() {
		for _, create := range []bool{true, false} {
			if m.of != "" && (m.of == "create") != create {
				continue
			}
			add(m.name, create, m.apply)
		}
	}
	t.Log(len(all)-2, "systematic mutations")
	r := mathrand.New(mathrand.NewPCG(21, 1))
	for i := 0; len(all) < want; i++ {
		name, apply := randomMutation(r)
		add(name, i%2 == 0, apply)
	}
	theirVerdicts(t, &lines, all)
	compare(t, all)
}

// theirVerdicts runs passkey.mjs.
func theirVerdicts(t *testing.T, lines *bytes.Buffer, all []verdict) {
	t.Helper()
	cmd := exec.Command("node", "passkey.mjs")
	cmd.Dir, cmd.Stdin = nodeDir, lines
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &problems)
	}
	answers := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(answers) != len(all) {
		t.Fatalf("%d answers to %d responses\n%s", len(answers), len(all), &problems)
	}
	for i, answer := range answers {
		if err := json.Unmarshal([]byte(answer), &all[i].theirs); err != nil {
			t.Fatal(err, answer)
		}
	}
}

// compare fails for disagreements that are not listed, and for rows of the list that nothing needs.
func compare(t *testing.T, all []verdict) {
	t.Helper()
	accepted, refused, used := 0, 0, map[int]int{}
	for i, v := range all {
		if strings.HasPrefix(v.ours, "not a refusal") || i < 2 && v.ours != "" {
			t.Errorf("%s: %s", v.mutation, v.ours)
		}
		if (v.ours == "") == (v.theirs == "") {
			if v.ours == "" {
				accepted++
			} else {
				refused++
			}
			continue
		}
		row := slices.IndexFunc(differences, func(d difference) bool { return d.is(v) })
		if row < 0 {
			t.Errorf("%s:\n\tours: %q\n\ttheirs: %q\n\t%s", v.mutation, v.ours, v.theirs, v.line["body"])
			continue
		}
		used[row]++
	}
	for row, d := range differences {
		if used[row] == 0 {
			t.Errorf("no response needs the difference: %s", d.why)
		}
		t.Logf("%3d %s", used[row], d.why)
	}
	t.Logf("both accept %d and refuse %d of %d", accepted, refused, len(all))
	if accepted < 50 || refused < 500 {
		t.Errorf("both accept %d and refuse %d: the mutations are too much alike", accepted, refused)
	}
}

// A difference is why one accepts what the other refuses.
type difference struct {
	mutation, ours, theirs string // what the texts begin with or contain; "" of ours or theirs is accepted
	why                    string
}

func (d difference) is(v verdict) bool {
	same := func(part, text string) bool { return (part == "") == (text == "") && strings.Contains(text, part) }
	return strings.HasPrefix(v.mutation, d.mutation) && same(d.ours, v.ours) && same(d.theirs, v.theirs)
}

// In the rows after the first four, this package refuses what they accept. No authenticator and no
// browser makes such a response.
var differences = []difference{
	{"client data: tokenBinding map[status:notSupported]", "the signature is not", "", "Level 3 has no tokenBinding; go-webauthn knows Level 1's \"not-supported\", they \"notSupported\" at a sign-in"},
	{"client data: tokenBinding map[status:not-supported]", "", "Unexpected tokenBinding status not-supported", "the same"},
	{"key for ES256 in long form", "", "Length not supported or not well formed", "an algorithm in CBOR that is not canonical: the key is the same"},
	{"object ", "", "undefined", "go-webauthn reads the names in the attestation object in any case: nothing in it but the key is used"},
	{"", "the body is not one strict JSON object", "", "they take the last of two members, and ignore the types of those that they do not read"},
	{"", "the client data is not one strict JSON object", "", "they read client data as JSON.parse does: two members of a name, a crossOrigin or topOrigin of another type, no UTF-8; and base64 as below"},
	{"", "the credential's ID is malformed", "", "at a registration, they read base64 with padding, of both alphabets and with unused bits, and do not compare id with the attested one"},
	{"", "the attestation object is malformed", "", "they do not compare id with the attested one, ignore what follows the attestation object, take a byte string that is cut, and read base64 as above"},
	{"", "the authenticator data is malformed", "", "they take an extension whose name is no text, and read base64 as above"},
	{"", "the signature is not that of the credential", "", "they read base64 as above"},
	{"", "the public key is malformed", "", "they do not look at the public key before the first sign-in: WebAuthn, section 7.1, leaves it open; here it would lock its owner out"},
	{"", "the page was in a frame of another origin", "", "they look at crossOrigin and topOrigin at a sign-in alone, and accept crossOrigin without a topOrigin"},
	{"", "the user handle is missing or of another account", "", "they leave section 7.2, step 6, to the application"},
}
