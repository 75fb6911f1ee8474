package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/go-guard/guard/session"
)

// A table whose rows are over at a time.
type table int

const (
	sessionTable table = iota
	familyTable
	deniedTable
	keyTable
)

// slack is how much longer a row is kept: the clocks of several processes
// differ, and one that is ahead must not delete what counts to another.
const slack = time.Hour

var tables = [...]struct {
	name, end string
	keep      time.Duration // past its end
}{
	sessionTable: {"guard_sessions", "deadline", session.Grace + slack},
	familyTable:  {"guard_families", "expires", slack},
	deniedTable:  {"guard_denied", "denied", slack},
	keyTable:     {"guard_api_keys", "forget_after", slack},
}

const defaultBatch = 1000

// Sweep deletes rows that are over, at most batch of each table, and returns
// how many there were: a job calls it until there are none. A batch of zero or
// less is 1000. It is not needed where there are logins, which each delete a
// little; several at once do not wait for one another on PostgreSQL.
func (s *Stores) Sweep(ctx context.Context, batch int) (deleted int, err error) {
	if batch <= 0 {
		batch = defaultBatch
	}
	var errs []error
	for t := range tables {
		err := s.try(ctx, func(ctx context.Context) error {
			n, err := s.sweep(ctx, table(t), batch)
			deleted += int(n)
			return err
		})
		errs = append(errs, s.failed("sweeping "+tables[t].name, err))
	}
	return deleted, errors.Join(errs...)
}

// Of some inserts one sweeps several rows: more than came, so that what is over
// goes, and one statement in sixteen is not felt.
const (
	sweepEvery = 16
	sweepSome  = 64
)

// inserted notes a new row. That it cannot sweep is no failure of the insert.
func (s *Stores) inserted(ctx context.Context, t table) {
	if s.inserts[t].Add(1)%sweepEvery == 0 {
		_, _ = s.sweep(ctx, t, sweepSome)
	}
}

func (s *Stores) sweep(ctx context.Context, t table, batch int) (int64, error) {
	name, end := tables[t].name, tables[t].end
	var query string
	switch s.dialect {
	case PostgreSQL:
		query = "DELETE FROM " + name + " WHERE ctid = ANY(ARRAY(SELECT ctid FROM " + name +
			" WHERE " + end + " <= ? ORDER BY " + end + " LIMIT ? FOR UPDATE SKIP LOCKED))"
	case MySQL:
		query = "DELETE FROM " + name + " WHERE " + end + " <= ? ORDER BY " + end + " LIMIT ?"
	default:
		query = "DELETE FROM " + name + " WHERE rowid IN (SELECT rowid FROM " + name +
			" WHERE " + end + " <= ? ORDER BY " + end + " LIMIT ?)"
	}
	return s.exec(ctx, s.db, query, s.now().Add(-tables[t].keep).UnixMilli(), batch)
}
