package backend

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// memoryAccounts is Accounts in the memory of one process.
type memoryAccounts struct {
	mu         sync.Mutex
	rows       []Account
	factors    map[string]string   // by ID
	identities map[Identity]string // the ID of the account
}

// NewMemoryAccounts returns Accounts in the memory of this process, 100,000 at most.
func NewMemoryAccounts() Accounts {
	return &memoryAccounts{factors: map[string]string{}, identities: map[Identity]string{}}
}

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

func (m *memoryAccounts) Create(_ context.Context, added Account) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.rows, func(a Account) bool { return a.ID == added.ID || a.Email == added.Email }) {
		return false, nil
	}
	if len(m.rows) >= maxAccounts {
		return false, errFull
	}
	m.rows = append(m.rows, added)
	return true, nil
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

func (m *memoryAccounts) SetEmail(_ context.Context, id, old, replacement string) (bool, error) {
	return m.change(func(a Account) bool {
		return a.ID == id && a.Email == old && !slices.ContainsFunc(m.rows, func(a Account) bool { return a.Email == replacement })
	}, func(a *Account) { a.Email, a.Verified = replacement, true })
}

func (m *memoryAccounts) SetVerified(_ context.Context, id, email string) (bool, error) {
	return m.change(func(a Account) bool { return a.ID == id && a.Email == email && !a.Verified }, func(a *Account) { a.Verified = true })
}

func (m *memoryAccounts) SetSuspended(_ context.Context, id string, suspended bool) (bool, error) {
	return m.change(func(a Account) bool { return a.ID == id }, func(a *Account) { a.Suspended = suspended })
}

func (m *memoryAccounts) SpendLink(_ context.Context, id string, links int64) (bool, error) {
	return m.change(func(a Account) bool { return a.ID == id && a.Links == links }, func(a *Account) { a.Links++ })
}

func (m *memoryAccounts) Identity(_ context.Context, issuer, subject string) (accountID string, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	accountID, found = m.identities[Identity{issuer, subject}]
	return accountID, found, nil
}

func (m *memoryAccounts) Identities(_ context.Context, accountID string) ([]Identity, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of(accountID), nil
}

// of returns the identities of an account. The caller holds mu.
func (m *memoryAccounts) of(accountID string) (all []Identity) {
	for identity, id := range m.identities {
		if id == accountID {
			all = append(all, identity)
		}
	}
	slices.SortFunc(all, func(a, b Identity) int {
		return cmp.Or(cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Subject, b.Subject))
	})
	return all
}

func (m *memoryAccounts) AddIdentity(_ context.Context, accountID, issuer, subject string) (bool, error) {
	if err := checkIdentity(issuer, subject); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	identity := Identity{issuer, subject}
	if id, found := m.identities[identity]; found {
		return id == accountID, nil
	}
	if !slices.ContainsFunc(m.rows, func(a Account) bool { return a.ID == accountID }) {
		return false, nil
	}
	if len(m.of(accountID)) >= maxIdentities {
		return false, ErrIdentity
	}
	m.identities[identity] = accountID
	return true, nil
}

func (m *memoryAccounts) RemoveIdentity(_ context.Context, accountID, issuer, subject string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	identity := Identity{issuer, subject}
	i := slices.IndexFunc(m.rows, func(a Account) bool { return a.ID == accountID })
	if i < 0 || m.identities[identity] != accountID || m.rows[i].Hash == "" && len(m.of(accountID)) < 2 {
		return false, nil
	}
	delete(m.identities, identity)
	return true, nil
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
