package totp

import (
	"context"
	"errors"
	"sync"

	"github.com/go-guard/guard/internal/secret"
)

// A Store has one record for each account, such as a column of the table of users:
//
//	SELECT factor FROM users WHERE id = $1
//	UPDATE users SET factor = $new WHERE id = $1 AND factor = $old
//
// A record is a text of at most 700 ASCII characters, which means nothing to the store.
// The column must be compared exactly, as PostgreSQL and SQLite do, and MySQL with
// utf8mb4_bin or ascii_bin. An error means that the store failed (503). A Store must be
// safe for use by several goroutines. Package totptest tests an implementation.
type Store interface {
	// Load returns the record of an account. found is false if it has none; an empty
	// record is none, too.
	Load(ctx context.Context, subject string) (record string, found bool, err error)

	// Swap replaces old by new in one atomic step, if old is still the record of the
	// account; otherwise swapped is false, and nothing changes. Empty stands for no
	// record, in either place.
	Swap(ctx context.Context, subject, old, new string) (swapped bool, err error)
}

// ErrFull is the error of a Memory that has no room for another account.
var ErrFull = errors.New("totp: the store is full")

// MemoryOptions holds what has a default.
type MemoryOptions struct {
	// Max is how many accounts have a record at the same time. At the limit, further
	// enrollments fail with ErrFull. If 0, it is 262144; negative is an error.
	Max int
}

// A Memory is a [Store] in the memory of one process. Use [NewMemory].
type Memory struct {
	max     int
	mu      sync.Mutex
	records secret.Value[map[string]string]
}

// NewMemory returns an empty Memory; opts may be nil. A negative Max is an error.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	m := &Memory{max: 1 << 18, records: secret.New(map[string]string{})}
	if opts != nil && opts.Max < 0 {
		return nil, errors.New("totp: Max is negative")
	}
	if opts != nil && opts.Max > 0 {
		m.max = opts.Max
	}
	return m, nil
}

// Load implements [Store].
func (m *Memory) Load(_ context.Context, subject string) (string, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	record, found := m.records.Reveal()[subject]
	return record, found, nil
}

// Swap implements [Store].
func (m *Memory) Swap(_ context.Context, subject, old, replacement string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	records := m.records.Reveal()
	switch {
	case records[subject] != old:
		return false, nil
	case replacement == "":
		delete(records, subject)
	case old == "" && len(records) >= m.max:
		return false, ErrFull
	default:
		records[subject] = replacement
	}
	return true, nil
}
