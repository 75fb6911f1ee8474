package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/example/backend"
)

// A Directory has the accounts that /session, /link, /totp, /passkey, /stepup and /app share: in the
// database of DATABASE_URL, or in this process. While the database is down, every method
// is a 503. It is the totp.Store of second factors.
//
// A suspended account is none: for a sign-in by any way, for a session and for an API key
// there is no such user. Only [Directory.Everyone] and [Directory.SetSuspended] see it.
type Directory struct{ accounts backend.Accounts }

// newDirectory adds the users that are missing. Those that exist keep their passwords.
func newDirectory(ctx context.Context, accounts backend.Accounts, users *Users) (*Directory, error) {
	if accounts == nil {
		accounts = backend.NewMemoryAccounts()
	}
	for _, a := range users.Copy().accounts {
		if _, err := accounts.Create(ctx, backend.Account{ID: a.ID, Email: a.Email, Role: a.Role, Hash: a.hash, Verified: true}); err != nil {
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

// active hides a suspended account.
func active(a backend.Account, found bool, err error) (backend.Account, bool, error) {
	if err != nil || !found || a.Suspended {
		return backend.Account{}, false, unavailable(err)
	}
	return a, true, nil
}

// ByEmail returns the user with this e-mail address, in lower case, and the hash of the
// password.
func (d *Directory) ByEmail(ctx context.Context, email string) (User, string, bool, error) {
	a, found, err := active(d.accounts.ByEmail(ctx, email))
	return userOf(a), a.Hash, found, err
}

// ByID returns the user with this id.
func (d *Directory) ByID(ctx context.Context, id string) (User, bool, error) {
	a, found, err := d.Account(ctx, id)
	return userOf(a), found, err
}

// Account returns the whole account: its hash is for no answer and no log.
func (d *Directory) Account(ctx context.Context, id string) (backend.Account, bool, error) {
	return active(d.accounts.ByID(ctx, id))
}

// All returns every user who can sign in.
func (d *Directory) All(ctx context.Context) (users []User, err error) {
	accounts, err := d.Everyone(ctx)
	for _, a := range accounts {
		if !a.Suspended {
			users = append(users, userOf(a))
		}
	}
	return users, err
}

// Everyone returns the accounts, those that are suspended, too.
func (d *Directory) Everyone(ctx context.Context) ([]backend.Account, error) {
	accounts, err := d.accounts.All(ctx)
	return accounts, unavailable(err)
}

// maxFound is how many accounts a search returns.
const maxFound = 100

// found are the accounts whose address has what was searched for.
type found struct {
	Search   string
	Accounts []backend.Account // without the hashes
	More     bool
}

// Search returns the accounts whose address has a text, those that are suspended, too.
func (d *Directory) Search(ctx context.Context, text string) (l found, err error) {
	l.Search = strings.ToLower(strings.TrimSpace(text))
	all, err := d.Everyone(ctx)
	for _, a := range all {
		if !strings.Contains(a.Email, l.Search) {
			continue
		}
		if l.More = len(l.Accounts) == maxFound; l.More {
			break
		}
		a.Hash = ""
		l.Accounts = append(l.Accounts, a)
	}
	return l, err
}

// Create adds an account, unless its ID or e-mail address is taken.
func (d *Directory) Create(ctx context.Context, a backend.Account) (created bool, err error) {
	a.Email = strings.ToLower(a.Email)
	created, err = d.accounts.Create(ctx, a)
	return created, unavailable(err)
}

// SetEmail replaces the address of u by one that was confirmed, unless that is taken or u
// has another one now.
func (d *Directory) SetEmail(ctx context.Context, u User, replacement string) (swapped bool, err error) {
	swapped, err = d.accounts.SetEmail(ctx, u.ID, u.Email, strings.ToLower(replacement))
	return swapped, unavailable(err)
}

// SetVerified records that u's address was confirmed, if it still is u's.
func (d *Directory) SetVerified(ctx context.Context, u User) (swapped bool, err error) {
	swapped, err = d.accounts.SetVerified(ctx, u.ID, u.Email)
	return swapped, unavailable(err)
}

// SetSuspended suspends an account or restores it, and returns it as it is then.
func (d *Directory) SetSuspended(ctx context.Context, id string, suspended bool) (a backend.Account, found bool, err error) {
	if found, err = d.accounts.SetSuspended(ctx, id, suspended); found && err == nil {
		a, found, err = d.accounts.ByID(ctx, id)
	}
	return a, found, unavailable(err)
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

// Identity returns the account that an identity at a provider signs in to. It may be
// suspended: see [Directory.ByID].
func (d *Directory) Identity(ctx context.Context, who backend.Identity) (id string, found bool, err error) {
	id, found, err = d.accounts.Identity(ctx, who.Issuer, who.Subject)
	return id, found, unavailable(err)
}

// Identities returns the identities of an account.
func (d *Directory) Identities(ctx context.Context, id string) ([]backend.Identity, error) {
	all, err := d.accounts.Identities(ctx, id)
	return all, unavailable(err)
}

// AddIdentity adds an identity to an account, unless another account has it.
func (d *Directory) AddIdentity(ctx context.Context, id string, who backend.Identity) (added bool, err error) {
	added, err = d.accounts.AddIdentity(ctx, id, who.Issuer, who.Subject)
	if errors.Is(err, backend.ErrIdentity) {
		return false, &guard.Error{Status: http.StatusConflict, Message: "This way to sign in cannot be added", Err: err}
	}
	return added, unavailable(err)
}

// RemoveIdentity removes an identity, unless the account could not be signed in to anymore.
func (d *Directory) RemoveIdentity(ctx context.Context, id string, who backend.Identity) (removed bool, err error) {
	removed, err = d.accounts.RemoveIdentity(ctx, id, who.Issuer, who.Subject)
	return removed, unavailable(err)
}

// Load implements totp.Store.
func (d *Directory) Load(ctx context.Context, id string) (record string, found bool, err error) {
	return d.accounts.Load(ctx, id)
}

// Swap implements totp.Store.
func (d *Directory) Swap(ctx context.Context, id, old, replacement string) (swapped bool, err error) {
	return d.accounts.Swap(ctx, id, old, replacement)
}
