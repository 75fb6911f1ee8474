package password_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

// TestOneSpelling: what Normalize maps to one account has one count, also where the
// limiter would count it apart.
func TestOneSpelling(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	table := newAccounts(t, h)
	l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{
		Attempts:  attempts(t),
		Hasher:    h,
		Normalize: func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "e\u0301", "é") }, // as NFC does
	}))
	codes := map[int]int{}
	for _, email := range []string{"zoé@example.com", "zoe\u0301@example.com", "ZOÉ@example.com", "ZOe\u0301@example.com"} {
		codes[check(t, l, email, "guess").Code]++
	}
	if codes[401] != 2 || codes[429] != 2 {
		t.Errorf("%v", codes)
	}
	for _, email := range table.lookups {
		if email != "zoé@example.com" {
			t.Errorf("looked up %q", email)
		}
	}
}

// TestLookalike: a right login to another account, whose name the limiter took for the
// same, undid the failures of a guessed one: there was no limit.
func TestLookalike(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	table := newAccounts(t, h)
	table.rows["ſarah"] = user{ID: "2", Hash: hash(t, h, "secret")}
	table.rows["sarah"] = user{ID: "3", Hash: hash(t, h, "victim")}
	l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{Attempts: attempts(t), Hasher: h}))
	var codes []int
	for range 3 {
		codes = append(codes, check(t, l, "sarah", "guess").Code, check(t, l, "ſarah", "secret").Code)
	}
	if want := []int{401, 200, 401, 429, 429, 429}; !slices.Equal(codes, want) {
		t.Errorf("%v, want %v", codes, want)
	}
}

// TestNamesInUpperCase: the limiter's spelling is another than that of the accounts,
// and a right login undoes their failures.
func TestNamesInUpperCase(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	table := &accounts{rows: map[string]user{"ALICE": {ID: "1", Hash: hash(t, h, "secret")}}}
	l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{Attempts: attempts(t), Hasher: h, Normalize: strings.ToUpper}))
	for i := range 3 {
		if wrong, right := check(t, l, "alice", "guess").Code, check(t, l, "alice", "secret").Code; wrong != 401 || right != 200 {
			t.Errorf("%d: %d, %d", i, wrong, right)
		}
	}
}
