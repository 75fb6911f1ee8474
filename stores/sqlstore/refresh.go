package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// TokenFamilies returns a [refresh.Store]. A subject has a hundred logins at
// most: the oldest makes room.
func (s *Stores) TokenFamilies() refresh.Store { return families{s} }

type families struct{ *Stores }

func (s families) Start(ctx context.Context, f refresh.Family) (ended []string, err error) {
	if len(f.Subject) > 1024 || len(f.ID) > 32 { // MySQL might cut them
		return nil, fmt.Errorf("sqlstore: a subject of %d bytes and an id of %d; 1024 and 32 fit", len(f.Subject), len(f.ID))
	}
	err = s.write(ctx, "starting a family", func(ctx context.Context) (err error) {
		ended, err = s.insertBounded(ctx, familyTable, f.Subject, []byte(f.ID), "expires DESC, id", "INSERT INTO guard_families (subject, id, generation, made, expires) VALUES (?, ?, 1, ?, ?)",
			[]byte(f.Subject), []byte(f.ID), f.Started.UnixMilli(), f.Expires.UnixMilli())
		if s.dialect.faultOf(err) == taken {
			return errTaken
		}
		return err
	})
	return ended, err
}

// Rotate is one conditional UPDATE where the token is the newest. What else it
// is, is read from the row, and the family is ended only as it was read: where
// somebody changed it meanwhile, all is asked again.
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
	over := expires <= now || made <= now-r.Idle.Milliseconds()
	switch {
	case err != nil || !found:
		return refresh.FamilyUnknown, true, err
	case over:
		result = refresh.FamilyUnknown
	case r.Generation >= generation: // a clock that was behind has moved made
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
	err = s.read(ctx, "listing families", func(ctx context.Context) error {
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
	for some := range slices.Chunk(ids, maxList) {
		_, err := s.change(ctx, "revoking families", "DELETE FROM guard_families WHERE subject = ? AND id IN ("+marks(len(some))+")", withIDs(subject, some)...)
		if err != nil {
			return err
		}
	}
	return nil
}
