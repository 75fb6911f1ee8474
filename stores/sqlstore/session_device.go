package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"github.com/go-guard/guard/session"
)

// withID returns the condition of SQL for the session with a tag and an ID, and its
// arguments. The index of the token serves it.
func (s sessions) withID(tag [8]byte, id session.ID) (args []any, where string) {
	first, last := bytes.Repeat([]byte{0}, len(session.Key{})), bytes.Repeat([]byte{0xff}, len(session.Key{}))
	copy(first, tag[:])
	copy(last, tag[:])
	return []any{first, last, id[:], s.now().Add(-session.Grace).UnixMilli()}, "token >= ? AND token <= ? AND id = ? AND deadline > ?"
}

// LoadID implements [session.DeviceStore].
func (s sessions) LoadID(ctx context.Context, tag [8]byte, id session.ID) (rec session.Record, found bool, err error) {
	err = s.read(ctx, "loading a session by its ID", func(ctx context.Context) (err error) {
		rec, found, err = s.loadID(ctx, tag, id)
		return err
	})
	return rec, found && err == nil, err
}

func (s sessions) loadID(ctx context.Context, tag [8]byte, id session.ID) (rec session.Record, found bool, err error) {
	args, where := s.withID(tag, id)
	rec, found, err = s.scanOne(ctx, "SELECT "+sessionColumns+" FROM guard_sessions WHERE "+where, args...)
	return rec, found, err
}

func (s sessions) scanOne(ctx context.Context, query string, args ...any) (rec session.Record, found bool, err error) {
	err = s.query(ctx, s.db(), func(rows *sql.Rows) (err error) {
		rec, err = scanSession(rows)
		found = err == nil
		return err
	}, query, args...)
	return rec, found, err
}

// SetDevice implements [session.DeviceStore].
func (s sessions) SetDevice(ctx context.Context, tag [8]byte, id session.ID, old, device string) (rec session.Record, found bool, err error) {
	if len(device) > 255 {
		return rec, false, fmt.Errorf("sqlstore: a session has a Device of %d bytes, want at most 255", len(device))
	}
	where, args := "device IS NULL", []any(nil)
	if old != "" {
		where, args = "device = ?", []any{[]byte(old)}
	}
	set := []any{nil}
	if device != "" {
		set = []any{[]byte(device)}
	}
	rec, _, found, err = s.changeDevice(ctx, "setting a session's device", tag, id, "device = ?", set, where, args)
	return rec, found, err
}

// AdvanceDevice implements [session.DeviceStore].
func (s sessions) AdvanceDevice(ctx context.Context, tag [8]byte, id session.ID, key string, step int64) (rec session.Record, advanced, found bool, err error) {
	where := fmt.Sprintf("SUBSTR(device, 1, %d) = ? AND COALESCE(device_step, 0) < ?", len(key)) // no row where device is null
	return s.changeDevice(ctx, "using a challenge of a device", tag, id, "device_step = ?", []any{step}, where, []any{[]byte(key), step})
}

// changeDevice updates the session if where is true, and returns it as it is afterwards.
// PostgreSQL and SQLite need one statement, unless nothing changes.
func (s sessions) changeDevice(ctx context.Context, operation string, tag [8]byte, id session.ID, set string, setArgs []any, where string, whereArgs []any) (rec session.Record, changed, found bool, err error) {
	args, withID := s.withID(tag, id)
	args = append(append(setArgs, args...), whereArgs...)
	update := "UPDATE guard_sessions SET " + set + " WHERE " + withID + " AND " + where
	err = s.write(ctx, operation, func(ctx context.Context) (err error) {
		if s.dialect == MySQL {
			n, execErr := s.exec(ctx, s.db(), update, args...)
			changed, err = n > 0, execErr
		} else if !changed {
			rec, found, err = s.scanOne(ctx, update+" RETURNING "+sessionColumns, args...)
			changed = found
		}
		if err == nil && (s.dialect == MySQL || !changed) {
			rec, found, err = s.loadID(ctx, tag, id)
		}
		return err
	})
	return rec, changed && err == nil, found && err == nil, err
}
