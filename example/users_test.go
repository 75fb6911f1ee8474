package main

import "testing"

// TestLoginTakesNoMoreSpellingsThanTheLimit: each spelling of an account that a
// login takes and ratelimit.NewLogin counts apart is another ten guesses.
// strings.EqualFold took ſ for s.
func TestLoginTakesNoMoreSpellingsThanTheLimit(t *testing.T) {
	u, err := sampleUsers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u.accounts[1].Email = "Bosses@example.com"
	for email, want := range map[string]bool{
		"bosses@example.com": true, " BOSSES@example.com\t": true, "boſſes@example.com": false, "boſſeſ@example.com": false, "bosses@example.com\x00": false,
	} {
		if _, ok, err := u.Login(t.Context(), email, "secret"); ok != want || err != nil {
			t.Errorf("%q: %t, %v; want %t", email, ok, err, want)
		}
	}
}
