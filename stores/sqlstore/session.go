package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-guard/guard/session"
)

// Sessions returns a [session.DeviceStore]. A subject has at most 100 sessions: one
// more replaces the one that has been idle for the longest time.
func (s *Stores) Sessions() session.Store { return sessions{s} }

type sessions struct{ *Stores }

// errExists means that a row with the same unique value exists. Since session keys
// and family IDs are random, this is a fault of the caller and never a coincidence.
var errExists = errors.New("a row with the same session key or ID already exists")

// Insert first locks the epochs that the login relies on. A plain login relies on
// none.
func (s sessions) Insert(ctx context.Context, rec session.Record, epoch int64) error {
	if n := len(rec.Subject); n < 1 || n > 255 || len(rec.Login) > 255 || len(rec.Ref) > 255 || len(rec.Device) > 255 { // MySQL might truncate them
		return fmt.Errorf("sqlstore: a session has a subject of %d bytes, a Login of %d, a Ref of %d and a Device of %d, want 1 to 255, and at most 255", n, len(rec.Login), len(rec.Ref), len(rec.Device))
	}
	var inserted, ended bool
	err := s.write(ctx, "inserting a session", func(ctx context.Context) error {
		if !inserted {
			err := s.insert(ctx, &rec, s.conditions(&rec, epoch))
			if ended = errors.Is(err, session.ErrEnded); ended {
				return nil
			}
			if err != nil {
				return err
			}
			inserted = true
		}
		return s.evict(ctx, &rec)
	})
	switch {
	case ended:
		return session.ErrEnded
	case inserted: // whether or not one was evicted: the next login evicts more
		return nil
	}
	return err
}

// insert inserts a session under the conditions. Without any, it is one statement.
func (s sessions) insert(ctx context.Context, rec *session.Record, on []condition) error {
	args := []any{[]byte(rec.Subject), rec.ID[:], rec.Key[:],
		rec.Created.UnixMilli(), rec.LastSeen.UnixMilli(), rec.Deadline.UnixMilli(), rec.Revision,
		[]byte(rec.Login), []byte(rec.Ref), []byte(rec.Data), nil, nil}
	if rec.Device != "" {
		args[len(args)-2], args[len(args)-1] = []byte(rec.Device), rec.DeviceStep
	}
	var err error
	if len(on) == 0 {
		_, err = s.exec(ctx, s.db(), "INSERT INTO guard_sessions ("+sessionColumns+") VALUES ("+placeholders(len(args))+")", args...)
	} else {
		err = s.insertUnless(ctx, "guard_sessions ("+sessionColumns+") SELECT "+placeholders(len(args)), args, on, session.ErrEnded)
	}
	switch s.dialect.classify(err) {
	case duplicate:
		return errExists
	case outOfSpace:
		return fmt.Errorf("%w: %w", session.ErrFull, err)
	}
	if err == nil {
		s.sweepSometimes(ctx, sessionTable)
		for range on {
			s.sweepSometimes(ctx, epochTable)
		}
	}
	return err
}

// evict deletes the sessions of a subject beyond maxPerSubject that have been idle for
// the longest time. It never deletes rec, even if that has. It runs after rec was
// committed: of concurrent logins, the last one to evict reads the sessions of all.
func (s sessions) evict(ctx context.Context, rec *session.Record) error {
	var idle []string
	err := s.query(ctx, s.db(), func(rows *sql.Rows) error {
		var id []byte
		err := rows.Scan(&id)
		idle = append(idle, string(id))
		return err
	}, "SELECT id FROM guard_sessions WHERE subject = ? AND id <> ? ORDER BY last_seen DESC, id LIMIT ? OFFSET ?", []byte(rec.Subject), rec.ID[:], maxBatch, maxPerSubject-1)
	if err == nil && len(idle) > 0 {
		args, where := s.dialect.rowsOf("guard_sessions", rec.Subject, idle)
		_, err = s.exec(ctx, s.db(), "DELETE FROM guard_sessions WHERE "+where, args...)
	}
	return err
}

const sessionColumns = "subject, id, token, created, last_seen, deadline, revision, login, ref, data, device, device_step"

func scanSession(rows *sql.Rows) (rec session.Record, err error) {
	var row struct { // one allocation
		subject, id, token, login, ref, data, device sql.RawBytes
		created, seen, deadline, revision            int64
		step                                         sql.NullInt64
	}
	if err := rows.Scan(&row.subject, &row.id, &row.token, &row.created, &row.seen, &row.deadline, &row.revision, &row.login, &row.ref, &row.data, &row.device, &row.step); err != nil {
		return rec, err
	}
	if len(row.id) != len(rec.ID) || len(row.token) != len(rec.Key) {
		return rec, errors.New("a session has an unknown format")
	}
	rec.Subject, rec.ID, rec.Key, rec.Revision = string(row.subject), session.ID(row.id), session.Key(row.token), row.revision
	rec.Login, rec.Ref, rec.Data = string(row.login), string(row.ref), string(row.data)
	rec.Device, rec.DeviceStep = string(row.device), row.step.Int64
	rec.Created, rec.LastSeen, rec.Deadline = time.UnixMilli(row.created).UTC(), time.UnixMilli(row.seen).UTC(), time.UnixMilli(row.deadline).UTC()
	return rec, nil
}

func (s sessions) Load(ctx context.Context, key session.Key) (rec session.Record, found bool, err error) {
	err = s.read(ctx, "loading a session", func(ctx context.Context) error {
		found = false
		return s.query(ctx, s.db(), func(rows *sql.Rows) (err error) {
			rec, err = scanSession(rows)
			found = err == nil
			return err
		}, "SELECT "+sessionColumns+" FROM guard_sessions WHERE token = ?", key[:])
	})
	if err != nil || !found || !s.now().Before(rec.Deadline.Add(session.Grace)) {
		return session.Record{}, false, err
	}
	return rec, true, nil
}

func (s sessions) Touch(ctx context.Context, key session.Key, seen, deadline time.Time) error {
	_, err := s.change(ctx, "touching a session", "UPDATE guard_sessions SET last_seen = ?, deadline = ? WHERE token = ? AND last_seen < ? AND deadline > ?",
		seen.UnixMilli(), deadline.UnixMilli(), key[:], seen.UnixMilli(), seen.UnixMilli())
	return err
}

func (s sessions) Update(ctx context.Context, key session.Key, revision int64, data string) (bool, error) {
	n, err := s.change(ctx, "updating a session", "UPDATE guard_sessions SET data = ?, revision = revision + 1 WHERE token = ? AND revision = ?",
		[]byte(data), key[:], revision)
	return n > 0, err
}

// Rotate also writes the forward from the earlier key. It names the session by its
// subject and ID, so that it stays right after another rotation.
func (s sessions) Rotate(ctx context.Context, from, to session.Key) (rotated bool, err error) {
	source, onExisting := "excluded", " ON CONFLICT (token) DO UPDATE SET "
	if s.dialect == MySQL {
		source, onExisting = "guard_sessions", " ON DUPLICATE KEY UPDATE "
	}
	forward := "INSERT INTO guard_forwards (token, subject, id, expires) SELECT ?, subject, id, ? FROM guard_sessions WHERE token = ?" +
		onExisting + "subject = " + source + ".subject, id = " + source + ".id, expires = ?"
	expires := s.now().Add(session.Forward).UnixMilli()
	err = s.write(ctx, "rotating a session", func(ctx context.Context) error {
		err := s.inTx(ctx, func(tx runner) error {
			n, err := s.exec(ctx, tx, "UPDATE guard_sessions SET token = ? WHERE token = ?", to[:], from[:])
			if rotated = n > 0; rotated && err == nil {
				_, err = s.exec(ctx, tx, forward, from[:], expires, to[:], expires)
			}
			return err
		})
		if rotated && err == nil {
			s.sweepSometimes(ctx, forwardTable)
		}
		return err
	})
	return rotated && err == nil, err
}

// Delete is one statement, and a second one if there is no session under the key. A
// rotation commits the new key together with the forward: if the first statement
// misses the session because of one, the second finds it.
func (s sessions) Delete(ctx context.Context, key session.Key) (deleted bool, err error) {
	forwarded := "DELETE FROM guard_sessions WHERE (subject, id) IN (SELECT subject, id FROM guard_forwards WHERE token = ? AND expires > ?)"
	if s.dialect == MySQL { // which would read all sessions, and finds an alias only in the connection's database
		forwarded = "DELETE guard_sessions FROM guard_forwards JOIN guard_sessions ON guard_sessions.subject = guard_forwards.subject AND guard_sessions.id = guard_forwards.id" +
			" WHERE guard_forwards.token = ? AND guard_forwards.expires > ?"
	}
	err = s.write(ctx, "deleting a session", func(ctx context.Context) error {
		n, err := s.exec(ctx, s.db(), "DELETE FROM guard_sessions WHERE token = ?", key[:])
		if n == 0 && err == nil {
			n, err = s.exec(ctx, s.db(), forwarded, key[:], s.now().UnixMilli())
		}
		deleted = n > 0
		return err
	})
	return deleted && err == nil, err
}

func (s sessions) List(ctx context.Context, subject string) (list []session.Record, err error) {
	err = s.read(ctx, "listing sessions", func(ctx context.Context) error {
		list = nil
		return s.query(ctx, s.db(), func(rows *sql.Rows) error {
			rec, err := scanSession(rows)
			list = append(list, rec)
			return err
		}, "SELECT "+sessionColumns+" FROM guard_sessions WHERE subject = ?", []byte(subject))
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// change runs an operation that is one statement, and returns how many rows it
// changed.
func (s *Stores) change(ctx context.Context, operation, query string, args ...any) (n int64, err error) {
	err = s.write(ctx, operation, func(ctx context.Context) (err error) {
		n, err = s.exec(ctx, s.db(), query, args...)
		return err
	})
	return n, err
}
