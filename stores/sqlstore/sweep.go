package sqlstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-guard/guard/session"
)

// A table. The rows of the last two do not expire.
type table int

const (
	sessionTable table = iota
	forwardTable
	epochTable
	familyTable
	denylistTable
	apiKeyTable
	onceTable
	countTable
	passkeyTable
	passkeyUserTable
)

// slack is added to the retention of every row: a process whose clock is ahead
// must not delete a row that has not expired for the others.
const slack = time.Hour

// forever is a retention.
const forever = -1

var tables = [...]struct {
	name, expiry string        // expiry is a column
	retention    time.Duration // after the expiry
}{
	sessionTable:     {"guard_sessions", "deadline", session.Grace + slack},
	forwardTable:     {"guard_forwards", "expires", time.Minute}, // a client may rotate often
	epochTable:       {"guard_epochs", "forget_after", slack},
	familyTable:      {"guard_families", "expires", slack},
	denylistTable:    {"guard_denied", "denied", slack},
	apiKeyTable:      {"guard_api_keys", "forget_after", slack},
	onceTable:        {"guard_once", "expires", slack},
	countTable:       {"guard_counts", "forget_after", time.Minute}, // a client may have many addresses
	passkeyTable:     {"guard_passkeys", "created", forever},
	passkeyUserTable: {"guard_passkey_users", "created", forever},
}

const defaultBatch = 1000

// Sweep deletes expired rows, at most batch of each table, and returns how many it
// deleted: call it until it returns 0. If batch is zero or negative, it is 1000.
// Sweep is optional, since inserts delete expired rows too, by chance. Each table
// has [Options.Timeout]. On PostgreSQL, concurrent calls do not wait for each other.
func (s *Stores) Sweep(ctx context.Context, batch int) (deleted int, err error) {
	if batch <= 0 {
		batch = defaultBatch
	}
	var errs []error
	for t := range tables {
		if tables[t].retention == forever {
			continue
		}
		errs = append(errs, s.write(ctx, "sweeping "+tables[t].name, func(ctx context.Context) error {
			n, err := s.sweep(ctx, table(t), batch)
			deleted += int(n)
			return err
		}))
	}
	return deleted, errors.Join(errs...)
}

// One insert in sweepInterval deletes up to sweepBatch expired rows. That is more
// rows than were inserted, so that expired rows do not accumulate, and costs few
// additional statements.
const (
	sweepInterval = 16
	sweepBatch    = 64
)

// sweepSometimes sweeps after an insert, by chance: a counter would never be full in
// processes that end after a few inserts. An error of the sweep is ignored, since the
// insert has succeeded.
func (s *Stores) sweepSometimes(ctx context.Context, t table) {
	if rand.N(sweepInterval) == 0 {
		_, _ = s.sweep(ctx, t, sweepBatch)
	}
}

func (s *Stores) sweep(ctx context.Context, t table, batch int) (int64, error) {
	name, expiry := tables[t].name, tables[t].expiry
	var query string
	switch s.dialect {
	case PostgreSQL:
		query = "DELETE FROM " + name + " WHERE ctid = ANY(ARRAY(SELECT ctid FROM " + name +
			" WHERE " + expiry + " <= ? ORDER BY " + expiry + " LIMIT ? FOR UPDATE SKIP LOCKED))"
	case MySQL:
		query = "DELETE FROM " + name + " WHERE " + expiry + " <= ? ORDER BY " + expiry + " LIMIT ?"
	default:
		query = "DELETE FROM " + name + " WHERE rowid IN (SELECT rowid FROM " + name +
			" WHERE " + expiry + " <= ? ORDER BY " + expiry + " LIMIT ?)"
	}
	return s.exec(ctx, s.db(), query, s.now().Add(-tables[t].retention).UnixMilli(), batch)
}
