package backend

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// addresses: no two accounts get one, however they ask.
func addresses(t *testing.T, accounts Accounts) {
	ctx := t.Context()
	if won := race(t, func(i int) (bool, error) {
		return accounts.Create(ctx, Account{ID: fmt.Sprint("new", i), Email: "new@example.com"})
	}); won != 1 {
		t.Errorf("%d of 16 accounts have the address", won)
	}
	var all []Account
	for i := range 16 {
		all = append(all, Account{ID: fmt.Sprint(i), Email: fmt.Sprint(i, "@example.com")})
	}
	create(t, accounts, all...)
	if won := race(t, func(i int) (bool, error) {
		return accounts.SetEmail(ctx, all[i].ID, all[i].Email, "shared@example.com")
	}); won != 1 {
		t.Errorf("%d of 16 got the address", won)
	}
	if won := race(t, func(i int) (bool, error) {
		if i%2 == 0 {
			return accounts.Create(ctx, Account{ID: fmt.Sprint("x", i), Email: "x@example.com"})
		}
		return accounts.SetEmail(ctx, all[i].ID, all[i].Email, "x@example.com")
	}); won != 1 {
		t.Errorf("%d of 16 got the address", won)
	}
	create(t, accounts, Account{ID: "carol", Email: "carol@example.com"})
	for _, tt := range []struct{ name, id, old, replacement string }{
		{"another's", "carol", "carol@example.com", "new@example.com"},
		{"its present one", "carol", "carol@example.com", "carol@example.com"},
		{"another old one", "carol", "Carol@example.com", "carol@example.org"},
		{"no account", "dave", "carol@example.com", "carol@example.org"},
	} {
		if swapped, err := accounts.SetEmail(ctx, tt.id, tt.old, tt.replacement); swapped || err != nil {
			t.Errorf("%s: %t, %v", tt.name, swapped, err)
		}
	}
	for email, want := range map[string]bool{"carol@example.org": false, "carol@example.com": true} {
		if swapped, err := accounts.SetVerified(ctx, "carol", email); swapped != want || err != nil {
			t.Errorf("SetVerified of %s: %t, %v", email, swapped, err)
		}
	}
	if a, _, err := accounts.ByID(ctx, "carol"); a != (Account{ID: "carol", Email: "carol@example.com", Verified: true}) || err != nil {
		t.Errorf("%v, %v", a, err)
	}
}

// identities: one is of one account, and an account can always be signed in to.
func identities(t *testing.T, accounts Accounts) {
	ctx := t.Context()
	const issuer = "https://idp.example"
	var all []Account
	for i := range 16 {
		all = append(all, Account{ID: fmt.Sprint(i), Email: fmt.Sprint(i, "@example.com")})
	}
	all[1].Hash = "a password"
	create(t, accounts, all...)
	add := func(id, subject string, want bool) {
		t.Helper()
		if added, err := accounts.AddIdentity(ctx, id, issuer, subject); added != want || err != nil {
			t.Errorf("AddIdentity(%s, %s): %t, %v", id, subject, added, err)
		}
	}
	remove := func(id, subject string, want bool) {
		t.Helper()
		if removed, err := accounts.RemoveIdentity(ctx, id, issuer, subject); removed != want || err != nil {
			t.Errorf("RemoveIdentity(%s, %s): %t, %v", id, subject, removed, err)
		}
	}
	if won := race(t, func(i int) (bool, error) { return accounts.AddIdentity(ctx, all[i].ID, issuer, "shared") }); won != 1 {
		t.Errorf("%d of 16 accounts have the identity", won)
	}
	add("1", "b", true)
	add("1", "b", true) // again
	add("2", "b", false)
	add("1", "a", true)
	add("none", "c", false)
	for subject, want := range map[string]bool{"b": true, "B": false, "b ": false, "bé": false, "": false, "b\x00": false, "\xff": false} {
		if id, found, err := accounts.Identity(ctx, issuer, subject); found != want || want && id != "1" || err != nil {
			t.Errorf("Identity(%q): %q, %t, %v", subject, id, found, err)
		}
		if id, found, err := accounts.Identity(ctx, issuer+"/", subject); found || err != nil {
			t.Errorf("of another issuer: %q, %t, %v", id, found, err)
		}
	}
	for _, bad := range []Identity{{"", "x"}, {"x", ""}, {"x", "\x00"}, {"\xff", "x"}, {"x", strings.Repeat("x", 256)}} {
		if added, err := accounts.AddIdentity(ctx, "1", bad.Issuer, bad.Subject); added || !errors.Is(err, ErrIdentity) {
			t.Errorf("AddIdentity(%q): %t", bad, added)
		}
	}
	remove("2", "b", false)
	remove("1", "B", false)
	remove("none", "b", false)
	remove("1", "b", true)
	remove("1", "b", false)
	remove("1", "a", true) // it has a password

	only := "3" // has no password
	if id, _, _ := accounts.Identity(ctx, issuer, "shared"); id == only {
		only = "4"
	}
	subjects := []Identity{}
	for i := range maxIdentities {
		subjects = append(subjects, Identity{issuer, fmt.Sprint("s", i)})
		add(only, subjects[i].Subject, true)
	}
	if added, err := accounts.AddIdentity(ctx, only, issuer, "one more"); added || !errors.Is(err, ErrIdentity) {
		t.Errorf("identity %d of an account: %t", maxIdentities+1, added)
	}
	if list, err := accounts.Identities(ctx, only); err != nil || !slices.Equal(list, subjects) {
		t.Errorf("Identities: %v, %v", list, err)
	}
	if won := race(t, func(i int) (bool, error) {
		return accounts.RemoveIdentity(ctx, only, issuer, fmt.Sprint("s", i))
	}); won != maxIdentities-1 {
		t.Errorf("%d of %d identities were removed, of an account without a password", won, maxIdentities)
	}
	list, err := accounts.Identities(ctx, only)
	if err != nil || len(list) != 1 {
		t.Fatalf("Identities: %v, %v", list, err)
	}
	remove(only, list[0].Subject, false)
}
