package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// TokenFamilies returns a [refresh.Store]. A subject has at most 100 token
// families: one more replaces the oldest.
func (s *Stores) TokenFamilies() refresh.Store { return families{s} }

type families struct{ *Stores }

func (s families) Start(ctx context.Context, f refresh.Family) (ended []string, err error) {
	if len(f.Subject) > 1024 || len(f.ID) > 32 { // MySQL might truncate them
		return nil, fmt.Errorf("sqlstore: a token family has a subject of %d bytes and an ID of %d, want at most 1024 and 32", len(f.Subject), len(f.ID))
	}
	err = s.write(ctx, "starting a token family", func(ctx context.Context) (err error) {
		ended, err = s.insertLimited(ctx, familyTable, f.Subject, []byte(f.ID), "expires DESC, id", "INSERT INTO guard_families (subject, id, generation, made, expires) VALUES (?, ?, 1, ?, ?)",
			[]byte(f.Subject), []byte(f.ID), f.Started.UnixMilli(), f.Expires.UnixMilli())
		if s.dialect.classify(err) == duplicate {
			return errExists
		}
		return err
	})
	return ended, err
}

// Rotate is one conditional UPDATE if the token is the newest of its family.
// Otherwise the row is read and, if the family must end, deleted on the condition
// that it has not changed since; if it has, the operation starts again.
func (s families) Rotate(ctx context.Context, r refresh.Rotation) (result refresh.Result, err error) {
	err = s.write(ctx, "rotating a refresh token", func(ctx context.Context) error {
		for {
			var done bool
			var err error
			if result, done, err = s.rotate(ctx, r); done || err != nil {
				return err
			}
		}
	})
	if err != nil {
		return refresh.FamilyUnknown, err
	}
	return result, nil
}

// rotate is one attempt of Rotate. done is false if it must be repeated.
func (s families) rotate(ctx context.Context, r refresh.Rotation) (result refresh.Result, done bool, err error) {
	now, subject, id := r.Now.UnixMilli(), []byte(r.Subject), []byte(r.ID)
	n, err := s.exec(ctx, s.db, `UPDATE guard_families SET generation = ?, made = ?
		WHERE subject = ? AND id = ? AND expires > ? AND made > ? AND generation <= ?`,
		r.Generation+1, now, subject, id, now, now-r.Idle.Milliseconds(), r.Generation)
	if err != nil || n > 0 {
		return refresh.Rotated, true, err
	}
	var generation, made, expires int64
	found := false
	err = s.query(ctx, s.db, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&generation, &made, &expires)
	}, "SELECT generation, made, expires FROM guard_families WHERE subject = ? AND id = ?", subject, id)
	expired := expires <= now || made <= now-r.Idle.Milliseconds()
	switch {
	case err != nil || !found:
		return refresh.FamilyUnknown, true, err
	case expired:
		result = refresh.FamilyUnknown
	case r.Generation >= generation: // not expired any more: another process, whose clock is behind, has rotated it
		return result, false, nil
	case r.Generation == generation-1 && max(now-made, made-now) < r.Grace.Milliseconds():
		return refresh.Repeated, true, nil
	default:
		result = refresh.Reused
	}
	n, err = s.exec(ctx, s.db, "DELETE FROM guard_families WHERE subject = ? AND id = ? AND generation = ? AND made = ?", subject, id, generation, made)
	return result, n > 0, err
}

func (s families) List(ctx context.Context, subject string) (ids []string, err error) {
	err = s.read(ctx, "listing token families", func(ctx context.Context) error {
		ids = nil
		return s.query(ctx, s.db, func(rows *sql.Rows) error {
			var id []byte
			err := rows.Scan(&id)
			ids = append(ids, string(id))
			return err
		}, "SELECT id FROM guard_families WHERE subject = ?", []byte(subject))
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

func (s families) Revoke(ctx context.Context, subject string, ids ...string) error {
	for batch := range slices.Chunk(ids, maxBatch) {
		_, err := s.change(ctx, "revoking token families", "DELETE FROM guard_families WHERE subject = ? AND id IN ("+placeholders(len(batch))+")", subjectAndIDs(subject, batch)...)
		if err != nil {
			return err
		}
	}
	return nil
}
