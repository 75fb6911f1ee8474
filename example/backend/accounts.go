package backend

import (
	"context"
	"slices"
	"sync"

	"github.com/go-guard/guard/signin/totp"
)

// An Account is someone who can sign in.
type Account struct {
	ID    string
	Email string // in lower case
	Role  string
	Hash  string // of the password
	Links int64  // how many links have signed in: links by mail are bound to it
}

// Accounts stores accounts, and the record of each one's second factor (totp.Store). An
// unknown account is not an error: found is false. An error means that the store failed.
type Accounts interface {
	totp.Store
	ByID(ctx context.Context, id string) (a Account, found bool, err error)
	// ByEmail compares exactly.
	ByEmail(ctx context.Context, email string) (a Account, found bool, err error)
	All(ctx context.Context) ([]Account, error)
	// Add adds an account. One with the same ID stays as it is.
	Add(ctx context.Context, a Account) error
	// SetHash replaces the hash old if it is still there: a new hash of the old password
	// never undoes a change of the password.
	SetHash(ctx context.Context, id, old, replacement string) (swapped bool, err error)
	// SpendLink adds 1 to Links if it still is links.
	SpendLink(ctx context.Context, id string, links int64) (swapped bool, err error)
}

// memoryAccounts is Accounts in the memory of one process.
type memoryAccounts struct {
	mu      sync.Mutex
	rows    []Account
	factors map[string]string // by ID
}

// NewMemoryAccounts returns Accounts in the memory of this process.
func NewMemoryAccounts() Accounts { return &memoryAccounts{factors: map[string]string{}} }

func (m *memoryAccounts) by(matches func(Account) bool) (Account, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.IndexFunc(m.rows, matches); i >= 0 {
		return m.rows[i], true, nil
	}
	return Account{}, false, nil
}

func (m *memoryAccounts) ByID(_ context.Context, id string) (Account, bool, error) {
	return m.by(func(a Account) bool { return a.ID == id })
}

func (m *memoryAccounts) ByEmail(_ context.Context, email string) (Account, bool, error) {
	return m.by(func(a Account) bool { return a.Email == email })
}

func (m *memoryAccounts) All(context.Context) ([]Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.rows), nil
}

func (m *memoryAccounts) Add(_ context.Context, added Account) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.ContainsFunc(m.rows, func(a Account) bool { return a.ID == added.ID }) {
		m.rows = append(m.rows, added)
	}
	return nil
}

// change applies a change to the account that matches.
func (m *memoryAccounts) change(matches func(Account) bool, change func(*Account)) (swapped bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.rows, matches)
	if i >= 0 {
		change(&m.rows[i])
	}
	return i >= 0, nil
}

func (m *memoryAccounts) SetHash(_ context.Context, id, old, replacement string) (bool, error) {
	return m.change(func(a Account) bool { return a.ID == id && a.Hash == old }, func(a *Account) { a.Hash = replacement })
}

func (m *memoryAccounts) SpendLink(_ context.Context, id string, links int64) (bool, error) {
	return m.change(func(a Account) bool { return a.ID == id && a.Links == links }, func(a *Account) { a.Links++ })
}

func (m *memoryAccounts) Load(_ context.Context, id string) (record string, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	record, found = m.factors[id]
	return record, found, nil
}

func (m *memoryAccounts) Swap(_ context.Context, id, old, replacement string) (bool, error) {
	return m.change(func(a Account) bool { return a.ID == id && m.factors[id] == old }, func(*Account) { m.factors[id] = replacement })
}
