package main

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/go-guard/guard/signin/password"
)

// A User is a user as the sections see it. It holds no password hash, so that no
// answer or log can.
type User struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Role  string `json:"role"`
	Epoch int64  `json:"-"` // of the sessions, after a login with one
}

// Users stores the users of one section in memory. A real application has them in
// its database, where every method can fail: hence the error results.
type Users struct {
	mu       sync.RWMutex
	accounts []account
}

type account struct {
	User
	hash string // of the password, as package password encodes it
}

// sampleUsers returns the guide's users, whose password is "secret".
func sampleUsers(ctx context.Context) (*Users, error) {
	u := &Users{accounts: []account{
		{User: User{ID: "1", Email: "alice@example.com", Role: "admin"}},
		{User: User{ID: "2", Email: "bob@example.com", Role: "user"}},
		{User: User{ID: "3", Email: "carol@example.com", Role: "moderator"}},
	}}
	hasher, err := password.New(&password.Options{MinLength: 6}) // for the guide's password; the default is 8
	if err != nil {
		return nil, err
	}
	for i := range u.accounts {
		hash, err := hasher.Hash(ctx, "secret")
		if err != nil {
			return nil, err
		}
		u.accounts[i].hash = hash
	}
	return u, nil
}

// Copy returns an independent copy.
func (u *Users) Copy() *Users {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return &Users{accounts: slices.Clone(u.accounts)}
}

// ByEmail returns the user with this e-mail address, in lower case, and the hash of
// the password.
func (u *Users) ByEmail(_ context.Context, email string) (User, string, bool, error) {
	a := u.find(func(a account) bool { return strings.ToLower(a.Email) == email })
	return a.User, a.hash, a.ID != "", nil
}

// SetHash replaces the hash old if it is still there, as UPDATE … WHERE id = $id AND
// hash = $old does: a new hash of the old password never undoes a change of the
// password.
func (u *Users) SetHash(_ context.Context, user User, old, replacement string) (swapped bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := slices.IndexFunc(u.accounts, func(a account) bool { return a.ID == user.ID && a.hash == old })
	if i >= 0 {
		u.accounts[i].hash = replacement
	}
	return i >= 0, nil
}

// ByID returns the user with this id.
func (u *Users) ByID(_ context.Context, id string) (User, bool, error) {
	a := u.find(func(a account) bool { return a.ID == id })
	return a.User, a.ID != "", nil
}

// All returns every user.
func (u *Users) All() []User {
	u.mu.RLock()
	defer u.mu.RUnlock()
	all := make([]User, len(u.accounts))
	for i, a := range u.accounts {
		all[i] = a.User
	}
	return all
}

// Delete removes a user. It reports whether the user existed.
func (u *Users) Delete(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := len(u.accounts)
	u.accounts = slices.DeleteFunc(u.accounts, func(a account) bool { return a.ID == id })
	return len(u.accounts) < before
}

// find returns the account that matches, or the zero account.
func (u *Users) find(matches func(account) bool) account {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if i := slices.IndexFunc(u.accounts, matches); i >= 0 {
		return u.accounts[i]
	}
	return account{}
}
