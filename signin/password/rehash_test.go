package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

func TestRehash(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	old := bcryptHash(t, "secret", bcrypt.MinCost)
	table := newAccounts(t, h)
	set := func(email, encoded string) {
		table.rows[email] = user{ID: "1", Hash: encoded}
	}
	options := password.LoginOptions[user]{InsecureUnlimited: true, Hasher: h, Rehash: table.rehash}
	l := guard.Must(password.NewLogin(table.byEmail, &options))

	set("alice@example.com", old)
	if c := check(t, l, "alice@example.com", "wrong"); c.Code != 401 || table.rows["alice@example.com"].Hash != old {
		t.Errorf("a wrong password: %d, rehash %t", c.Code, table.rows["alice@example.com"].Hash != old)
	}
	if c := check(t, l, "alice@example.com", "secret"); c.Code != 200 || len(c.decisions) != 1 {
		t.Errorf("%d %+v", c.Code, c.decisions)
	}
	replaced := table.rows["alice@example.com"].Hash
	verify(t, h, replaced, "secret", true, false)
	if c := check(t, l, "alice@example.com", "secret"); c.Code != 200 || table.rows["alice@example.com"].Hash != replaced {
		t.Errorf("%d, another rehash %t", c.Code, table.rows["alice@example.com"].Hash != replaced)
	}

	// The password changes between the verification and the rehash.
	changed := hash(t, h, "changed")
	options.Rehash = func(ctx context.Context, u user, old, replacement string) (bool, error) {
		set("alice@example.com", changed)
		return table.rehash(ctx, u, old, replacement)
	}
	l = guard.Must(password.NewLogin(table.byEmail, &options))
	set("alice@example.com", old)
	if c := check(t, l, "alice@example.com", "secret"); c.Code != 200 || len(c.decisions) != 1 || table.rows["alice@example.com"].Hash != changed {
		t.Errorf("%d %+v, the change was undone: %t", c.Code, c.decisions, table.rows["alice@example.com"].Hash != changed)
	}

	for name, rehash := range map[string]func(context.Context, user, string, string) (bool, error){
		"an error": func(context.Context, user, string, string) (bool, error) { return false, errors.New("read-only") },
		"a panic":  func(context.Context, user, string, string) (bool, error) { panic("read-only") },
	} {
		options.Rehash = rehash
		l = guard.Must(password.NewLogin(table.byEmail, &options))
		set("alice@example.com", old)
		c := check(t, l, "alice@example.com", "secret")
		if c.Code != 200 || len(c.decisions) != 2 {
			t.Fatalf("%s: %d %+v", name, c.Code, c.decisions)
		}
		if d := c.decisions[0]; d.Outcome != guard.Failed || d.Guard != "rehash" || d.Subject != "1" || d.Status != 0 || !strings.Contains(d.Reason, "read-only") {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// A password that the new algorithm cannot hash keeps its hash, which is no failure.
func TestRehashOfALongPassword(t *testing.T) {
	skipUnderRace(t)
	argon, slow := hasher(t, nil), hasher(t, func(o *password.Options) { o.BcryptCost = 10 })
	long := strings.Repeat("secret", 20)
	table := &accounts{rows: map[string]user{"alice@example.com": {ID: "1", Hash: hash(t, argon, long)}}}
	l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{InsecureUnlimited: true, Hasher: slow, Rehash: table.rehash}))
	if c := check(t, l, "alice@example.com", long); c.Code != 200 || len(c.decisions) != 1 {
		t.Errorf("%d %+v", c.Code, c.decisions)
	}
}
