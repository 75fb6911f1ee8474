package passkey

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrFull is the error of a Memory that has no room for another credential or account.
var ErrFull = errors.New("passkey: the store is full")

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is how many credentials, and how many accounts with a user handle, there are at
	// the same time. At the limit, further registrations fail with ErrFull. If 0, it is
	// 262144; negative is an error.
	Max int
}

// A Memory is a [Store] in the memory of one process: when it ends, no passkey is left. Use
// [NewMemory].
type Memory struct {
	max         int
	mu          sync.Mutex
	handles     map[string]string      // by subject
	credentials map[string]*Credential // by ID
	accounts    map[string][]string    // IDs by subject, the oldest first
}

// NewMemory returns an empty Memory; opts may be nil. A negative Max is an error.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	m := &Memory{max: 1 << 18, handles: map[string]string{}, credentials: map[string]*Credential{}, accounts: map[string][]string{}}
	if opts != nil && opts.Max < 0 {
		return nil, errors.New("passkey: Max is negative")
	}
	if opts != nil && opts.Max > 0 {
		m.max = opts.Max
	}
	return m, nil
}

// UserHandle implements [Store].
func (m *Memory) UserHandle(_ context.Context, subject, candidate string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if handle, ok := m.handles[subject]; ok {
		return handle, nil
	}
	if len(m.handles) >= m.max {
		return "", ErrFull
	}
	m.handles[subject] = candidate
	return candidate, nil
}

// Add implements [Store].
func (m *Memory) Add(_ context.Context, c Credential) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.credentials[c.ID] != nil {
		return false, nil
	}
	if len(m.credentials) >= m.max {
		return false, ErrFull
	}
	c = clone(&c)
	m.credentials[c.ID] = &c
	m.accounts[c.Subject] = append(m.accounts[c.Subject], c.ID)
	return true, nil
}

// Load implements [Store].
func (m *Memory) Load(_ context.Context, id string) (Credential, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.credentials[id]
	if c == nil {
		return Credential{}, false, nil
	}
	return clone(c), true, nil
}

// List implements [Store].
func (m *Memory) List(_ context.Context, subject string) (list []Credential, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range m.accounts[subject] {
		list = append(list, clone(m.credentials[id]))
	}
	return list, nil
}

// Use implements [Store].
func (m *Memory) Use(_ context.Context, id string, u Use) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.credentials[id]
	if c == nil || !greater(u.SignCount, c.SignCount) {
		return false, nil
	}
	c.SignCount, c.BackupEligible, c.BackedUp, c.LastUsed = u.SignCount, u.BackupEligible, u.BackedUp, u.At
	return true, nil
}

// Rename implements [Store].
func (m *Memory) Rename(_ context.Context, subject, id, name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.credentials[id]
	if c == nil || c.Subject != subject {
		return false, nil
	}
	c.Name = name
	return true, nil
}

// Remove implements [Store].
func (m *Memory) Remove(_ context.Context, subject, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.credentials[id]
	if c == nil || c.Subject != subject {
		return false, nil
	}
	delete(m.credentials, id)
	ids := slices.DeleteFunc(m.accounts[subject], func(other string) bool { return other == id })
	if len(ids) == 0 {
		delete(m.accounts, subject)
	} else {
		m.accounts[subject] = ids
	}
	return true, nil
}

func clone(c *Credential) Credential {
	copied := *c
	copied.Transports = slices.Clone(c.Transports)
	return copied
}
