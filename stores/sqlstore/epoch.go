package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
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

// refID returns the id of a ref's row in guard_epochs, for a subject or for all of them
// if it is "". kind is "r" for sessions and "f" for token families.
func refID(kind, ref, subject string) []byte {
	return digestOf(fmt.Sprintf("%s%d:%s%s", kind, len(ref), ref, subject))
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
		on = append(on, onRef("r", rec.Ref, rec.Subject, s.now().Add(-session.Grace))...)
	}
	return inOrder(on)
}

// onRef returns what a login with a ref relies on: neither for all subjects nor for its
// subject is the epoch of the ref after a time.
func onRef(kind, ref, subject string, after time.Time) (on []condition) {
	for _, subject := range [...]string{"", subject} {
		on = append(on, condition{refID(kind, ref, subject), "epoch > ?", after.UnixMilli()})
	}
	return on
}

func inOrder(on []condition) []condition {
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

// insertUnless inserts a row, or returns ended if one of the conditions is wrong.
func (s *Stores) insertUnless(ctx context.Context, into string, args []any, on []condition, ended error) error {
	return s.inTx(ctx, func(tx runner) error {
		if err := s.lock(ctx, tx, on); err != nil {
			return err
		}
		values, where := unless(on)
		n, err := s.exec(ctx, tx, "INSERT INTO "+into+" FROM (SELECT 1 AS n) AS one WHERE NOT EXISTS (SELECT 1 FROM guard_epochs WHERE "+where+")",
			slices.Concat(args, values)...)
		if err == nil && n == 0 {
			err = ended
		}
		return err
	})
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

// raise makes the epoch of a row larger than it was, and at least a time in
// milliseconds: if that is the current one, it is larger than an epoch that was
// forgotten.
func (s *Stores) raise(ctx context.Context, tx runner, id []byte, to, forgetAfter time.Time) error {
	greatest, epoch, forget := s.dialect.greatest(), to.UnixMilli(), forgetAfter.UnixMilli()
	_, err := s.exec(ctx, tx, "INSERT INTO guard_epochs (id, epoch, forget_after) VALUES (?, ?, ?)"+s.dialect.onEpoch()+
		"epoch = "+greatest+"(guard_epochs.epoch + 1, ?), forget_after = "+greatest+"(guard_epochs.forget_after, ?)",
		id, epoch, forget, epoch, forget)
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
	args, where := s.dialect.ofRef(ref, subject)
	return s.end(ctx, "deleting the sessions of a ref", refID("r", ref, subject), session.Grace, "DELETE FROM guard_sessions WHERE "+where, args...)
}

// ofRef returns the condition of SQL for the rows with a ref, of all subjects if subject
// is "", and its arguments. Its second part allows PostgreSQL and SQLite to use the
// partial index.
func (d Dialect) ofRef(ref, subject string) (args []any, where string) {
	args, where = []any{[]byte(ref)}, "ref = ? AND ref <> "+map[Dialect]string{PostgreSQL: "''", MySQL: "''", SQLite: "x''"}[d]
	if subject != "" {
		args, where = append(args, []byte(subject)), where+" AND subject = ?"
	}
	return args, where
}

// end raises an epoch, and then deletes sessions: the raise waits for the logins that
// have read the earlier epoch, and the others are refused.
func (s sessions) end(ctx context.Context, operation string, id []byte, retention time.Duration, query string, args ...any) (int, error) {
	var n int64
	err := s.write(ctx, operation, func(ctx context.Context) error {
		err := s.inTx(ctx, func(tx runner) (err error) {
			now := s.now()
			if err = s.raise(ctx, tx, id, now, now.Add(retention)); err == nil {
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
