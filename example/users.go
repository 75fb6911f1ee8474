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
	for i := range u.accounts {
		hash, err := password.Hash(ctx, "secret")
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

// normalized returns the canonical spelling of an e-mail address.
// ratelimit.NewLogin counts all spellings with the same canonical spelling as one
// account, and more. A login must not accept spellings that the limit counts
// separately, as a database's collation can: each would allow another ten guesses.
func normalized(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Login returns the user with this e-mail and password. An unknown e-mail takes as
// long as a wrong password.
func (u *Users) Login(ctx context.Context, email, pw string) (User, bool, error) {
	email = normalized(email)
	a := u.find(func(a account) bool { return normalized(a.Email) == email })
	ok, rehash, err := password.Verify(ctx, a.hash, pw)
	if err != nil || !ok {
		return User{}, false, err
	}
	if rehash { // the hash is older than the current parameters
		if hash, err := password.Hash(ctx, pw); err == nil {
			u.setHash(a.ID, hash)
		}
	}
	return a.User, true, nil
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

func (u *Users) setHash(id, hash string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range u.accounts {
		if u.accounts[i].ID == id {
			u.accounts[i].hash = hash
		}
	}
}
