package main

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/go-guard/guard/signin/password"
)

// A User is what the sections know of a user. It holds no hash, so that none
// can get into an answer or a log.
type User struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Role  string `json:"role"`
}

// Users are the users of one section. A real application keeps them in its
// database: then every method can fail, as the error results say.
type Users struct {
	mu       sync.RWMutex
	accounts []account
}

type account struct {
	User
	hash string // of the password, as package password encodes it
}

// sampleUsers are the guide's users; the password of all is "secret".
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

// Copy is an independent copy.
func (u *Users) Copy() *Users {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return &Users{accounts: slices.Clone(u.accounts)}
}

// normalized is the one spelling of an e-mail address. ratelimit.NewLogin takes
// these and some more for one: where a login takes more spellings for an account
// than the limit does, as a database's collation may, each is another ten
// guesses.
func normalized(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Login finds the user with this e-mail and password. An unknown e-mail takes
// as long as a wrong password.
func (u *Users) Login(ctx context.Context, email, pw string) (User, bool, error) {
	email = normalized(email)
	found := u.find(func(a account) bool { return normalized(a.Email) == email })
	ok, rehash, err := password.Verify(ctx, found.hash, pw)
	if err != nil || !ok {
		return User{}, false, err
	}
	if rehash { // the parameters were raised since: now the password is at hand
		if hash, err := password.Hash(ctx, pw); err == nil {
			u.setHash(found.ID, hash)
		}
	}
	return found.User, true, nil
}

// ByID finds a user by id.
func (u *Users) ByID(_ context.Context, id string) (User, bool, error) {
	found := u.find(func(a account) bool { return a.ID == id })
	return found.User, found.ID != "", nil
}

// All lists the users.
func (u *Users) All() []User {
	u.mu.RLock()
	defer u.mu.RUnlock()
	all := make([]User, len(u.accounts))
	for i, a := range u.accounts {
		all[i] = a.User
	}
	return all
}

// Delete reports whether there was such a user.
func (u *Users) Delete(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := len(u.accounts)
	u.accounts = slices.DeleteFunc(u.accounts, func(a account) bool { return a.ID == id })
	return len(u.accounts) < before
}

func (u *Users) find(is func(account) bool) account {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if i := slices.IndexFunc(u.accounts, is); i >= 0 {
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
