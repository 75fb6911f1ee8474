package totp_test

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/totp"
)

const unsealed = "totp: the record of the account does not open: it is changed, of another account, or sealed with a key that is neither the key nor in OldKeys"

// record returns the record of an account.
func (a *app) record(subject string) string {
	a.t.Helper()
	text, _, err := a.store.Load(ctx, subject)
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

// put makes text the record of an account.
func (a *app) put(subject, text string) {
	a.t.Helper()
	if !guard.Must(a.store.Swap(ctx, subject, a.record(subject), text)) {
		a.t.Fatal("not swapped")
	}
}

// TestRecord: a record shows neither the secret nor recovery codes, and opens for its
// account alone. One that does not open is a failure of ours, and never a refusal.
func TestRecord(t *testing.T) {
	harness.CaptureLog(t)
	a := newApp(t, totp.Options{})
	p, recovery := a.enrolled("1")
	a.enrolled("2")
	text := a.record("1")
	plain, _ := base64.RawURLEncoding.DecodeString(text)
	secret, _ := base32.StdEncoding.DecodeString(p.secret)
	if strings.Contains(text, p.secret) || bytes.Contains(plain, secret) || strings.Contains(text, recovery[0]) || len(text) > 700 {
		t.Errorf("the record %s", text)
	}
	for name, changed := range map[string]string{
		"another account's": a.record("2"), "changed": text[:9] + string(text[9]^1) + text[10:], "cut": text[:100], "no record": "x",
		"a space": text + " ", "a newline": text + "\n", "a megabyte": strings.Repeat("A", 1<<20),
	} {
		a.put("1", changed)
		got := a.verify("1", p.code(0))
		a.want(got, 500, unsealed)
		a.want(a.verify("1", recovery[0]), 500, unsealed)
		a.want(a.confirm("1", p.code(0)), 500, unsealed)
		if _, err := a.Status(ctx, "1"); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := a.Enroll(ctx, "1", "alice"); err == nil || a.record("1") != changed {
			t.Errorf("%s: Enroll replaces it: %v", name, err)
		}
		if got.body != `{"error":"Internal Server Error","message":"The request could not be processed"}` {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	a.put("1", text)
	a.want(a.verify("1", p.code(0)), 200, "") // none of these counted, or spent it
}

// TestRotation: what an old key sealed opens, and a right code or Reseal seals it anew.
func TestRotation(t *testing.T) {
	a := newApp(t, totp.Options{})
	p, recovery := a.enrolled("1")
	a.enrolled("2")
	newer, old := guard.Secret(strings.Repeat("n", 32)), a.Factors
	with := func(key guard.Secret, oldKeys ...guard.Secret) *totp.Factors {
		return guard.Must(totp.New("Acme", key, a.store, clientip.Direct(), &totp.Options{Now: a.clock.Now, OldKeys: oldKeys}))
	}
	both, newOnly := with(newer, guard.Secret(strings.Repeat("o", 32)), key), with(newer)
	a.Factors = newOnly
	a.want(a.verify("1", p.code(0)), 500, unsealed)
	a.Factors = both
	a.want(a.verify("1", p.wrong()), 401, wrong)
	a.Factors = old
	a.want(a.verify("1", p.code(-1)), 200, "") // a wrong code resealed nothing
	a.Factors = both
	a.want(a.verify("1", p.code(0)), 200, "")
	before := a.record("1")
	a.Factors = newOnly
	a.want(a.verify("1", p.code(1)), 200, "")
	if a.record("1") != before {
		t.Error("a record of the key is sealed again")
	}
	a.want(a.verify("1", recovery[0]), 200, "")
	a.Factors = both
	for i, want := range []bool{true, false} {
		if got, err := a.Reseal(ctx, "2"); got != want || err != nil {
			t.Errorf("Reseal %d: %t, %v", i+1, got, err)
		}
	}
	if got, err := newOnly.Reseal(ctx, "2"); got || err != nil {
		t.Errorf("Reseal of what is sealed: %t, %v", got, err)
	}
	if got, err := both.Reseal(ctx, "nobody"); got || err != nil {
		t.Errorf("Reseal of none: %t, %v", got, err)
	}
	if _, err := old.Reseal(ctx, "2"); err == nil {
		t.Error("Reseal of a record that does not open")
	}
}

// FuzzParseRecord: what parses is what marshals.
func FuzzParseRecord(f *testing.F) {
	whole := totp.NewFactorRecord(time.Unix(1e9, 0))
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{1, 0, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, err := totp.ParseRecord(b); err == nil && !bytes.Equal(again, b) {
			t.Errorf("%x is %x", b, again)
		}
	})
}
