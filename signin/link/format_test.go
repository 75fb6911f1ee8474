package link_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/go-guard/guard/signin/link"
)

// macOf is the MAC of parts under a key for a scope, as a plain twin computes it.
func macOf(t *testing.T, scope string, parts ...[]byte) []byte {
	t.Helper()
	derived, err := hkdf.Key(sha256.New, key('k'), nil, "guard signin/link: "+scope, 32)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, derived)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// TestFormat: links and codes that were sent work after an update of this package.
func TestFormat(t *testing.T) {
	c, a := newClock(), newAccounts()
	const scope = "reset link " + base + "?token="
	state := sha256.Sum256([]byte("hash-1"))
	signed := append(binary.BigEndian.AppendUint64(nil, uint64(c.now.UnixMilli()+3600_000)), '1')
	outer, inner := macOf(t, scope, []byte{0}, signed), macOf(t, scope, []byte{1}, state[:], signed)
	want := base64.RawURLEncoding.EncodeToString(append(append(signed, outer[:16]...), inner[:16]...))
	if got := issue(t, newLinks(t, a, c), "1"); got != want {
		t.Errorf("token %s, want %s", got, want)
	}
	for digits := 6; digits <= 10; digits++ {
		slot := binary.BigEndian.AppendUint64(nil, uint64(c.now.UnixMilli()/300_000))
		n := binary.BigEndian.Uint64(macOf(t, "confirm code", []byte{2}, slot, state[:], []byte("1")))
		text := fmt.Sprintf("%020d", n)
		if got := issueCode(t, newCodes(t, a, c, link.CodeOptions{Digits: digits}), "1"); got != text[20-digits:] {
			t.Errorf("code %s, want the end of %s", got, text)
		}
	}
}
