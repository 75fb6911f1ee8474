package main

import (
	"context"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/example/backend"
)

// A Directory has the accounts that /session, /link, /totp and /stepup share: in the
// database of DATABASE_URL, or in this process. While the database is down, every method
// is a 503. It is the totp.Store of second factors.
type Directory struct{ accounts backend.Accounts }

// newDirectory adds the users that are missing. Those that exist keep their passwords.
func newDirectory(ctx context.Context, accounts backend.Accounts, users *Users) (*Directory, error) {
	if accounts == nil {
		accounts = backend.NewMemoryAccounts()
	}
	for _, a := range users.Copy().accounts {
		if err := accounts.Add(ctx, backend.Account{ID: a.ID, Email: a.Email, Role: a.Role, Hash: a.hash}); err != nil {
			return nil, err
		}
	}
	return &Directory{accounts}, nil
}

func userOf(a backend.Account) User { return User{ID: a.ID, Email: a.Email, Role: a.Role} }

// unavailable makes a failure of the database a 503.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return guard.Unavailable(err)
}

// ByEmail returns the user with this e-mail address, in lower case, and the hash of the
// password.
func (d *Directory) ByEmail(ctx context.Context, email string) (User, string, bool, error) {
	a, found, err := d.accounts.ByEmail(ctx, email)
	return userOf(a), a.Hash, found, unavailable(err)
}

// ByID returns the user with this id.
func (d *Directory) ByID(ctx context.Context, id string) (User, bool, error) {
	a, found, err := d.accounts.ByID(ctx, id)
	return userOf(a), found, unavailable(err)
}

// Account returns the whole account: its hash is for no answer and no log.
func (d *Directory) Account(ctx context.Context, id string) (backend.Account, bool, error) {
	a, found, err := d.accounts.ByID(ctx, id)
	return a, found, unavailable(err)
}

// All returns every user.
func (d *Directory) All(ctx context.Context) ([]User, error) {
	accounts, err := d.accounts.All(ctx)
	users := make([]User, len(accounts))
	for i, a := range accounts {
		users[i] = userOf(a)
	}
	return users, unavailable(err)
}

// SetHash replaces the hash of a password if it still is old.
func (d *Directory) SetHash(ctx context.Context, u User, old, replacement string) (swapped bool, err error) {
	swapped, err = d.accounts.SetHash(ctx, u.ID, old, replacement)
	return swapped, unavailable(err)
}

// SpendLink makes all links for signing in invalid that were sent to the account.
func (d *Directory) SpendLink(ctx context.Context, a backend.Account) (swapped bool, err error) {
	swapped, err = d.accounts.SpendLink(ctx, a.ID, a.Links)
	return swapped, unavailable(err)
}

// Load implements totp.Store.
func (d *Directory) Load(ctx context.Context, id string) (record string, found bool, err error) {
	return d.accounts.Load(ctx, id)
}

// Swap implements totp.Store.
func (d *Directory) Swap(ctx context.Context, id, old, replacement string) (swapped bool, err error) {
	return d.accounts.Swap(ctx, id, old, replacement)
}
