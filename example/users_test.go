package main

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard/signin/password"
)

// TestLoginTakesNoMoreSpellingsThanTheLimit: each spelling of an account that a
// login takes and ratelimit.NewLogin counts apart is another ten guesses.
// strings.EqualFold took ſ for s.
func TestLoginTakesNoMoreSpellingsThanTheLimit(t *testing.T) {
	u, err := sampleUsers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u.accounts[1].Email = "Bosses@example.com"
	logins := newLogin(u, password.LoginOptions[User]{InsecureUnlimited: true})
	for email, want := range map[string]bool{
		"bosses@example.com": true, " BOSSES@example.com\t": true, "boſſes@example.com": false, "boſſeſ@example.com": false, "bosses@example.com\x00": false,
	} {
		_, err := logins.Check(httptest.NewRequest("POST", "/", nil), email, "secret")
		if (err == nil) != want || err != nil && !errors.Is(err, password.ErrCredentials) {
			t.Errorf("%q: %v, want it accepted %t", email, err, want)
		}
	}
}
