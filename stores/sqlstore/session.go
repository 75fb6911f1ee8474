package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-guard/guard/session"
)

// Sessions returns a [session.Store]. A subject has at most 100 sessions: one
// more replaces the one that has been idle for the longest time.
func (s *Stores) Sessions() session.Store { return sessions{s} }

type sessions struct{ *Stores }

// errExists means that a row with the same unique value exists. Since session keys
// and family IDs are random, this is a fault of the caller and never a coincidence.
var errExists = errors.New("a row with the same session key or ID already exists")

func (s sessions) Insert(ctx context.Context, rec session.Record) error {
	if n := len(rec.Subject); n < 1 || n > 255 {
		return fmt.Errorf("sqlstore: the subject of a session has %d bytes, want 1 to 255", n) // MySQL might truncate it
	}
	remember := 0
	if rec.Remember {
		remember = 1
	}
	return s.write(ctx, "inserting a session", func(ctx context.Context) error {
		_, err := s.insertLimited(ctx, sessionTable, rec.Subject, rec.ID[:], "last_seen DESC, id", `INSERT INTO guard_sessions
			(subject, id, token, created, last_seen, deadline, revision, remember, data)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, []byte(rec.Subject), rec.ID[:], rec.Key[:],
			rec.Created.UnixMilli(), rec.LastSeen.UnixMilli(), rec.Deadline.UnixMilli(), rec.Revision, remember, []byte(rec.Data))
		switch s.dialect.classify(err) {
		case duplicate:
			return errExists
		case outOfSpace:
			return fmt.Errorf("%w: %w", session.ErrFull, err)
		}
		return err
	})
}

const sessionColumns = "subject, id, token, created, last_seen, deadline, revision, remember, data"

func scanSession(rows *sql.Rows) (rec session.Record, err error) {
	var subject, id, token, data sql.RawBytes
	var created, seen, deadline int64
	if err := rows.Scan(&subject, &id, &token, &created, &seen, &deadline, &rec.Revision, &rec.Remember, &data); err != nil {
		return rec, err
	}
	if len(id) != len(rec.ID) || len(token) != len(rec.Key) {
		return rec, errors.New("a session has an unknown format")
	}
	rec.Subject, rec.ID, rec.Key, rec.Data = string(subject), session.ID(id), session.Key(token), string(data)
	rec.Created, rec.LastSeen, rec.Deadline = time.UnixMilli(created).UTC(), time.UnixMilli(seen).UTC(), time.UnixMilli(deadline).UTC()
	return rec, nil
}

func (s sessions) Load(ctx context.Context, key session.Key) (rec session.Record, found bool, err error) {
	err = s.read(ctx, "loading a session", func(ctx context.Context) error {
		found = false
		return s.query(ctx, s.db, func(rows *sql.Rows) (err error) {
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

func (s sessions) Rotate(ctx context.Context, from, to session.Key) (bool, error) {
	n, err := s.change(ctx, "rotating a session", "UPDATE guard_sessions SET token = ? WHERE token = ?", to[:], from[:])
	return n > 0, err
}

func (s sessions) Delete(ctx context.Context, key session.Key) (bool, error) {
	n, err := s.change(ctx, "deleting a session", "DELETE FROM guard_sessions WHERE token = ?", key[:])
	return n > 0, err
}

func (s sessions) List(ctx context.Context, subject string) (list []session.Record, err error) {
	err = s.read(ctx, "listing sessions", func(ctx context.Context) error {
		list = nil
		return s.query(ctx, s.db, func(rows *sql.Rows) error {
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

func (s sessions) DeleteAll(ctx context.Context, subject string, keep []session.ID) (int, error) {
	query, args := "DELETE FROM guard_sessions WHERE subject = ?", []any{[]byte(subject)}
	if len(keep) > 0 {
		query += " AND id NOT IN (" + placeholders(len(keep)) + ")"
		for i := range keep {
			args = append(args, keep[i][:])
		}
	}
	n, err := s.change(ctx, "deleting sessions", query, args...)
	return int(n), err
}

// change runs an operation that is one statement, and returns how many rows it
// changed.
func (s *Stores) change(ctx context.Context, operation, query string, args ...any) (n int64, err error) {
	err = s.write(ctx, operation, func(ctx context.Context) (err error) {
		n, err = s.exec(ctx, s.db, query, args...)
		return err
	})
	return n, err
}
