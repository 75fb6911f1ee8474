package sqlstore

import (
	"context"
	"database/sql"
)

// The states of Stores.autocommit.
const (
	autocommitUnknown = iota
	autocommitOn
	autocommitOff
)

// manualCommit reports whether on is a MySQL whose autocommit is off. There a statement
// outside of a transaction begins one, which nothing commits: a write would be lost, and
// a read would find the rows of the connection's first read. The database is asked the
// first time: the setting is part of its configuration, or of the DSN of all connections.
func (s *Stores) manualCommit(ctx context.Context, on runner) (bool, error) {
	db, outside := on.(*sql.DB)
	if !outside || s.dialect != MySQL {
		return false, nil
	}
	state := s.autocommit.Load()
	if state == autocommitUnknown {
		var enabled bool
		if err := db.QueryRowContext(ctx, "SELECT @@autocommit").Scan(&enabled); err != nil {
			return false, err
		}
		state = autocommitOff
		if enabled {
			state = autocommitOn
		}
		s.autocommit.Store(state)
	}
	return state == autocommitOff, nil
}
