package password_test

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

// TestEpoch: an epoch is never newer than the password that was verified. change
// runs where another request may come between, and 0 is before the first step.
func TestEpoch(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	secret, changed := hash(t, h, "secret"), hash(t, h, "changed")
	for at, name := range []string{
		"before the lookup", "between the lookup and the epoch", "between the epoch and the second lookup", "after it",
	} {
		t.Run(name, func(t *testing.T) {
			row := user{ID: "1", Hash: secret}
			epoch, step := int64(7), 0
			next := func() {
				if step == at { // a change of the password, which ends with a new epoch
					row.Hash, epoch = changed, epoch+1
				}
				step++
			}
			l := guard.Must(password.NewLogin(func(context.Context, string) (user, string, bool, error) {
				next()
				return row, row.Hash, true, nil
			}, &password.LoginOptions[user]{InsecureUnlimited: true, Hasher: h, Epoch: func(_ context.Context, u *user) error {
				next()
				u.Epoch = epoch
				return nil
			}}))
			old := check(t, l, "alice@example.com", "secret")
			next()
			if old.err == nil && old.user.Epoch == epoch {
				t.Errorf("the old password has the epoch after the change")
			}
			if (old.err == nil) != (name == "after it") || old.err != nil && old.Code != 401 {
				t.Errorf("the old password: %d, %v", old.Code, old.err)
			}
			if c := check(t, l, "alice@example.com", "changed"); c.err != nil || c.user.Epoch != 8 {
				t.Errorf("the new password: %+v, %v", c.user, c.err)
			}
		})
	}
}

// Another login's rehash of the same password refuses no login, and a hash that
// changes at each step ends in a failure.
func TestEpochAndRehash(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	for changes, want := range map[int]int{0: 200, 1: 200, 2: 200, 3: 503} {
		row := user{ID: "1", Hash: bcryptHash(t, "secret", bcrypt.MinCost)}
		l := guard.Must(password.NewLogin(func(context.Context, string) (user, string, bool, error) {
			return row, row.Hash, true, nil
		}, &password.LoginOptions[user]{InsecureUnlimited: true, Hasher: h, Epoch: func(_ context.Context, u *user) error {
			u.Epoch = 7
			if changes--; changes >= 0 {
				row.Hash = hash(t, h, "secret")
			}
			return nil
		}}))
		if c := check(t, l, "alice@example.com", "secret"); c.Code != want || want == 200 && c.user.Epoch != 7 {
			t.Errorf("%d: %+v, %v", c.Code, c.user, c.err)
		}
	}
}

func TestEpochFails(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	table := newAccounts(t, h)
	calls := 0
	for name, tt := range map[string]struct {
		err    error
		status int
	}{
		"down":        {context.DeadlineExceeded, 503},
		"broken":      {errors.New("broken"), 500},
		"a refusal":   {guard.Forbidden("Disabled"), 500},
		"a wrong one": {password.ErrCredentials, 500},
	} {
		l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{InsecureUnlimited: true, Hasher: h, Epoch: func(context.Context, *user) error {
			calls++
			return tt.err
		}}))
		if c := check(t, l, "alice@example.com", "secret"); c.Code != tt.status || c.decisions[0].Subject != "1" || c.decisions[0].Outcome != guard.Failed {
			t.Errorf("%s: %d, %+v", name, c.Code, c.decisions)
		}
		calls = 0
		for _, email := range []string{"alice@example.com", "mallory@example.com"} {
			if c := check(t, l, email, "wrong"); c.Code != 401 || calls != 0 {
				t.Errorf("%s: a wrong password takes the time of %d epochs, %d", name, calls, c.Code)
			}
		}
	}
	// The account is deleted while its password is verified.
	l := guard.Must(password.NewLogin(table.byEmail, &password.LoginOptions[user]{InsecureUnlimited: true, Hasher: h, Epoch: func(context.Context, *user) error {
		clear(table.rows)
		return nil
	}}))
	if c := check(t, l, "alice@example.com", "secret"); c.Code != 401 {
		t.Errorf("a deleted account: %d", c.Code)
	}
}
