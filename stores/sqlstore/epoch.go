package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/session"
)

// epochRetention is how long an epoch is kept: for the longest lifetime of a session,
// so that a half sign-in with an earlier epoch has ended when it is forgotten.
const epochRetention = 400 * 24 * time.Hour

// epochID returns the id of a subject's row in guard_epochs.
func epochID(subject string) []byte { return digestOf("s" + subject) }

// refID returns the id of a ref's row in guard_epochs, for a subject or for all of them.
func refID(ref, subject string) []byte {
	if subject == "" {
		return digestOf("r" + ref)
	}
	return digestOf("q" + string([]byte{byte(len(ref))}) + ref + subject)
}

// A condition refuses a login if the row of guard_epochs with this id has a wrong
// epoch.
type condition struct {
	id    []byte
	wrong string // a condition of SQL
	value int64  // its argument
}

// conditions returns what a login relies on, in the order of the rows.
func (s sessions) conditions(rec *session.Record, epoch int64) (on []condition) {
	if epoch != session.AnyEpoch {
		on = append(on, condition{epochID(rec.Subject), "epoch <> ?", epoch})
	}
	if rec.Ref != "" {
		for _, subject := range [...]string{"", rec.Subject} {
			on = append(on, condition{refID(rec.Ref, subject), "epoch > ?", s.now().Add(-session.Grace).UnixMilli()})
		}
	}
	slices.SortFunc(on, func(a, b condition) int { return bytes.Compare(a.id, b.id) })
	return on
}

// unless returns the condition of SQL that is true if one of on is wrong, and its
// arguments.
func unless(on []condition) (args []any, where string) {
	var terms []string
	for _, c := range on {
		terms = append(terms, "id = ? AND "+c.wrong)
		args = append(args, c.id, c.value)
	}
	return args, strings.Join(terms, " OR ")
}

// lock locks the rows of the conditions until the transaction ends, so that DeleteAll
// and DeleteRef come before or after it. It creates missing rows, and writes the
// others: SELECT FOR SHARE finds no row to lock before the first DeleteAll, and under
// PostgreSQL's REPEATABLE READ a DeleteAll that waited for it would not see the new
// session. Rows are locked in one order, so that two logins do not deadlock.
func (s *Stores) lock(ctx context.Context, tx runner, on []condition) error {
	if len(on) == 0 {
		return nil
	}
	var args []any
	for _, c := range on {
		args = append(args, c.id, s.now().UnixMilli())
	}
	_, err := s.exec(ctx, tx, "INSERT INTO guard_epochs (id, epoch, forget_after) VALUES "+strings.TrimSuffix(strings.Repeat("(?, 0, ?), ", len(on)), ", ")+
		s.dialect.onEpoch()+"epoch = guard_epochs.epoch", args...)
	return err
}

// onEpoch begins the assignments of an insert into guard_epochs if the row exists.
func (d Dialect) onEpoch() string {
	if d == MySQL {
		return " ON DUPLICATE KEY UPDATE "
	}
	return " ON CONFLICT (id) DO UPDATE SET "
}

// greatest returns the function of the greatest of its arguments.
func (d Dialect) greatest() string {
	if d == SQLite {
		return "MAX"
	}
	return "GREATEST"
}

// raise makes the epoch of a row larger than it was, and at least the current time
// in milliseconds: so it is larger than one that was forgotten.
func (s sessions) raise(ctx context.Context, tx runner, id []byte, retention time.Duration) error {
	now, greatest := s.now(), s.dialect.greatest()
	forget := now.Add(retention).UnixMilli()
	_, err := s.exec(ctx, tx, "INSERT INTO guard_epochs (id, epoch, forget_after) VALUES (?, ?, ?)"+s.dialect.onEpoch()+
		"epoch = "+greatest+"(guard_epochs.epoch + 1, ?), forget_after = "+greatest+"(guard_epochs.forget_after, ?)",
		id, now.UnixMilli(), forget, now.UnixMilli(), forget)
	return err
}

func (s sessions) DeleteAll(ctx context.Context, subject string, keep []session.ID) (int, error) {
	query, args := "DELETE FROM guard_sessions WHERE subject = ?", []any{[]byte(subject)}
	if len(keep) > 0 {
		query += " AND id NOT IN (" + placeholders(len(keep)) + ")"
		for i := range keep {
			args = append(args, keep[i][:])
		}
	}
	return s.end(ctx, "deleting sessions", epochID(subject), epochRetention, query, args...)
}

func (s sessions) DeleteRef(ctx context.Context, ref, subject string) (int, error) {
	if ref == "" { // that of plain logins
		return 0, nil
	}
	// The second condition allows PostgreSQL and SQLite to use the partial index.
	empty := map[Dialect]string{PostgreSQL: "''", MySQL: "''", SQLite: "x''"}[s.dialect]
	query, args := "DELETE FROM guard_sessions WHERE ref = ? AND ref <> "+empty, []any{[]byte(ref)}
	if subject != "" {
		query, args = query+" AND subject = ?", append(args, []byte(subject))
	}
	return s.end(ctx, "deleting the sessions of a ref", refID(ref, subject), session.Grace, query, args...)
}

// end raises an epoch, and then deletes sessions: the raise waits for the logins that
// have read the earlier epoch, and the others are refused.
func (s sessions) end(ctx context.Context, operation string, id []byte, retention time.Duration, query string, args ...any) (int, error) {
	var n int64
	err := s.write(ctx, operation, func(ctx context.Context) error {
		err := s.inTx(ctx, func(tx runner) (err error) {
			if err = s.raise(ctx, tx, id, retention); err == nil {
				n, err = s.exec(ctx, tx, query, args...)
			}
			return err
		})
		if err == nil {
			s.sweepSometimes(ctx, epochTable)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}

func (s sessions) Epoch(ctx context.Context, subject string) (epoch int64, err error) {
	err = s.read(ctx, "reading an epoch", func(ctx context.Context) error {
		epoch = 0
		return s.query(ctx, s.db(), func(rows *sql.Rows) error { return rows.Scan(&epoch) },
			"SELECT epoch FROM guard_epochs WHERE id = ?", epochID(subject))
	})
	if err != nil {
		return 0, err
	}
	return epoch, nil
}
