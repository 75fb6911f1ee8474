package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"
)

// An update is what becomes of a row.
type update struct {
	id   countID
	from row
	to   row
}

// errLost means that another process has changed a count.
var errLost = errors.New("another process has changed the count")

// decide returns what the calls change.
func decide(batch []*call, rows []row, now int64) ([]update, error) {
	targets := batch[0].targets
	counts := make([]count, len(targets))
	for i := range targets {
		var err error
		if counts[i], err = decode(targets[i].kind, rows[i].state); err != nil {
			return nil, err
		}
	}
	for _, c := range batch {
		c.decide(counts, now)
	}
	var updates []update
	for i := range counts {
		if !counts[i].changed {
			continue
		}
		state := counts[i].encode()
		if bytes.Equal(state, rows[i].state) { // MySQL does not count a row that stays as it is
			continue
		}
		to := row{state: state, forget: deletableAt(rows[i].forget, max(counts[i].end(), now)), read: now, shared: rows[i].shared}
		updates = append(updates, update{targets[i].id, rows[i], to})
	}
	return updates, nil
}

// deletableAt returns when a count that ends at a time may be deleted. It changes
// rarely, so that most updates change no index.
func deletableAt(earlier, end int64) int64 {
	const grain, most = int64(time.Minute / time.Millisecond), int64(24 * time.Hour / time.Millisecond)
	at := (end/int64(time.Minute) + 1) * grain
	if at <= earlier && earlier <= at+most {
		return earlier
	}
	return at
}

const rowColumns = "id, state, forget_after"

// load reads the rows of counts.
func (r *rateLimits) load(ctx context.Context, targets []target) (rows []row, err error) {
	err = r.read(ctx, "reading counts", func(ctx context.Context) (err error) {
		rows, err = r.rows(ctx, r.db(), targets, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range targets {
		r.copies.add(targets[i].id, &rows[i])
	}
	return rows, nil
}

func (r *rateLimits) rows(ctx context.Context, on runner, targets []target, suffix string) ([]row, error) {
	rows, args := make([]row, len(targets)), make([]any, len(targets))
	for i := range targets {
		rows[i].read = r.now().UnixNano()
		args[i] = targets[i].id[:]
	}
	err := r.query(ctx, on, func(rs *sql.Rows) error {
		var id, state []byte
		var forget int64
		if err := rs.Scan(&id, &state, &forget); err != nil {
			return err
		}
		for i := range targets {
			if bytes.Equal(id, targets[i].id[:]) {
				rows[i].state, rows[i].forget = append([]byte{}, state...), forget
			}
		}
		return nil
	}, "SELECT "+rowColumns+" FROM guard_counts WHERE id IN ("+placeholders(len(targets))+")"+suffix, args...)
	return rows, err
}

// writeAll writes updates, or returns false if one of the counts has changed. Then it
// wrote none of them.
func (r *rateLimits) writeAll(ctx context.Context, updates []update) (done bool, err error) {
	done, err = r.changeAll(ctx, func(ctx context.Context) error {
		if len(updates) == 1 {
			return r.update(ctx, r.db(), &updates[0])
		}
		return r.inReadCommitted(ctx, func(tx runner) error { return r.updateAll(ctx, tx, updates) })
	})
	if done {
		r.wrote(ctx, updates)
	}
	return done, err
}

// changeAll runs f, which is one statement or transaction. It returns false if f
// returns errLost.
func (r *rateLimits) changeAll(ctx context.Context, f func(context.Context) error) (done bool, err error) {
	err = r.write(ctx, "writing counts", func(ctx context.Context) error {
		err := f(ctx)
		if done = err == nil; errors.Is(err, errLost) {
			return nil
		}
		return err
	})
	return done && err == nil, err
}

// wrote copies what was written.
func (r *rateLimits) wrote(ctx context.Context, updates []update) {
	for i := range updates {
		u := &updates[i]
		r.copies.wrote(u.id, u.to)
		if u.from.state == nil {
			r.sweepSometimes(ctx, countTable)
		}
	}
}

// updateAll updates rows in the order of their ids, in which every transaction locks
// them.
func (r *rateLimits) updateAll(ctx context.Context, on runner, updates []update) error {
	for i := range updates {
		if err := r.update(ctx, on, &updates[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *rateLimits) update(ctx context.Context, on runner, u *update) error {
	var n int64
	var err error
	if u.from.state != nil {
		n, err = r.exec(ctx, on, "UPDATE guard_counts SET state = ?, forget_after = ? WHERE id = ? AND state = ?", u.to.state, u.to.forget, u.id[:], u.from.state)
	} else {
		insert, onExisting := "INSERT", " ON CONFLICT (id) DO NOTHING"
		if r.dialect == MySQL {
			insert, onExisting = "INSERT IGNORE", ""
		}
		n, err = r.exec(ctx, on, insert+" INTO guard_counts ("+rowColumns+") VALUES (?, ?, ?)"+onExisting, u.id[:], u.to.state, u.to.forget)
	}
	if err == nil && n == 0 {
		err = errLost
	}
	return err
}

// lockRows reads and locks rows in the order of their ids. SQLite locks the database
// with the first write.
func (r *rateLimits) lockRows(ctx context.Context, tx runner, targets []target) ([]row, error) {
	if r.dialect != SQLite {
		return r.rows(ctx, tx, targets, " ORDER BY id FOR UPDATE")
	}
	if _, err := r.exec(ctx, tx, "DELETE FROM guard_counts WHERE id = ?", []byte{}); err != nil {
		return nil, err
	}
	return r.rows(ctx, tx, targets, "")
}
