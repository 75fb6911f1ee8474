package sqlstore_test

import (
	"crypto/rand"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/signin/credential"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestPasskeysLinkNoWebAuthn: neither the package nor its module names go-webauthn, so that a
// program without passkeys has none of it.
func TestPasskeysLinkNoWebAuthn(t *testing.T) {
	for _, args := range [][]string{{"list", "-deps", "."}, {"list", "-deps", "-test", "."}, {"list", "-m", "all"}} {
		cmd := exec.Command("go", args...)
		cmd.Env = append(cmd.Environ(), "GOWORK=off")
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), "github.com/go-guard/guard") {
			t.Fatalf("go %q: %v", args, err)
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "webauthn") || strings.Contains(line, "signin/passkey") {
				t.Errorf("go %q: %s", args, line)
			}
		}
	}
}

// TestPasskeyLengths: what is longer than its column is refused, on each database: MySQL might
// truncate it, so that two IDs are one.
func TestPasskeyLengths(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		store, db := s.Passkeys(), p.open(t)
		for name, r := range map[string]credential.Record{
			"ID": {ID: long(1365)}, "subject": {Subject: long(256)}, "user handle": {UserHandle: long(87)}, "public key": {PublicKey: long(1501)},
			"list of transports": {Transports: []string{long(136)}}, "AAGUID": {AAGUID: long(37)}, "name": {Name: long(65)},
			"are not words": {Transports: []string{"two words"}}, "transports": {Transports: []string{""}},
		} {
			if added, err := store.Add(t.Context(), r); err == nil || added || !strings.Contains(err.Error(), name) || len(err.Error()) > 200 {
				t.Errorf("%s: %t, %v", name, added, err)
			}
		}
		if _, err := store.UserHandle(t.Context(), long(256), "a"); err == nil {
			t.Error("a subject of 256 bytes has a user handle")
		}
		if _, err := store.UserHandle(t.Context(), "a", long(87)); err == nil {
			t.Error("a user handle of 87 bytes is stored")
		}
		if _, err := store.Rename(t.Context(), "a", "a", long(65)); err == nil {
			t.Error("a name of 65 bytes is stored")
		}
		for _, table := range []string{"guard_passkeys", "guard_passkey_users"} {
			if n := count(t, db, table); n != 0 {
				t.Errorf("%s has %d rows", table, n)
			}
		}
	})
}

// TestPasskeysAreNotSwept: an account that was unused for years still signs in.
func TestPasskeysAreNotSwept(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		var c clock
		s, _ := b.stores(t, &sqlstore.Options{Now: c.now})
		r := credential.Record{ID: rand.Text(), Subject: rand.Text(), Created: time.UnixMilli(1)}
		if added, err := s.Passkeys().Add(t.Context(), r); err != nil || !added {
			t.Fatal(added, err)
		}
		if _, err := s.Passkeys().UserHandle(t.Context(), r.Subject, "handle"); err != nil {
			t.Fatal(err)
		}
		c.advance(20 * 365 * 24 * time.Hour)
		if n, err := s.Sweep(t.Context(), 0); err != nil || n != 0 {
			t.Errorf("swept %d, %v", n, err)
		}
		if _, found, err := s.Passkeys().Load(t.Context(), r.ID); err != nil || !found {
			t.Errorf("Load: %t, %v", found, err)
		}
		if handle, err := s.Passkeys().UserHandle(t.Context(), r.Subject, "other"); err != nil || handle != "handle" {
			t.Errorf("UserHandle: %q, %v", handle, err)
		}
	})
}
