package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/go-guard/guard/jwtauth"
)

// Families returns a [jwtauth.RefreshStore].
func (s *Stores) Families() jwtauth.RefreshStore { return families{s} }

type families struct{ *Stores }

func (s families) Start(ctx context.Context, f jwtauth.Family) error {
	if len(f.Subject) > 1024 || len(f.ID) > 32 { // MySQL might cut them
		return fmt.Errorf("sqlstore: a subject of %d bytes and an id of %d; 1024 and 32 fit", len(f.Subject), len(f.ID))
	}
	return s.write(ctx, "starting a family", func(ctx context.Context) error {
		_, err := s.exec(ctx, s.db, "INSERT INTO guard_families (subject, id, generation, made, expires) VALUES (?, ?, 1, ?, ?)",
			[]byte(f.Subject), []byte(f.ID), f.Started.UnixMilli(), f.Expires.UnixMilli())
		if s.dialect.faultOf(err) == taken {
			return errTaken
		}
		if err == nil {
			s.inserted(ctx, familyTable)
		}
		return err
	})
}

// Rotate is one conditional UPDATE where the token is the newest. What else it
// is, is read from the row, and the family is ended only as it was read: where
// somebody changed it meanwhile, all is asked again.
func (s families) Rotate(ctx context.Context, r jwtauth.Rotation) (result jwtauth.RotationResult, err error) {
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
		return jwtauth.FamilyUnknown, err
	}
	return result, nil
}

func (s families) rotate(ctx context.Context, r jwtauth.Rotation) (result jwtauth.RotationResult, done bool, err error) {
	now, subject, id := r.Now.UnixMilli(), []byte(r.Subject), []byte(r.ID)
	n, err := s.exec(ctx, s.db, `UPDATE guard_families SET generation = ?, made = ?
		WHERE subject = ? AND id = ? AND expires > ? AND made > ? AND generation <= ?`,
		r.Generation+1, now, subject, id, now, now-r.Idle.Milliseconds(), r.Generation)
	if err != nil || n > 0 {
		return jwtauth.Rotated, true, err
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
		return jwtauth.FamilyUnknown, true, err
	case over:
		result = jwtauth.FamilyUnknown
	case r.Generation >= generation: // a clock that was behind has moved made
		return result, false, nil
	case r.Generation == generation-1 && now < made+r.Grace.Milliseconds():
		return jwtauth.Repeated, true, nil
	default:
		result = jwtauth.Reused
	}
	n, err = s.exec(ctx, s.db, "DELETE FROM guard_families WHERE subject = ? AND id = ? AND generation = ? AND made = ?", subject, id, generation, made)
	return result, n > 0, err
}

func (s families) Revoke(ctx context.Context, subject, id string) error {
	_, err := s.change(ctx, "revoking a family", "DELETE FROM guard_families WHERE subject = ? AND id = ?", []byte(subject), []byte(id))
	return err
}

// maxList bounds the parameters of one statement.
const maxList = 500

// RevokeSubject is one transaction: no family ends whose id is not returned,
// for its access tokens are denied by it.
func (s families) RevokeSubject(ctx context.Context, subject string) (ids []string, err error) {
	err = s.write(ctx, "revoking families", func(ctx context.Context) error {
		ids = nil
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // after Commit it does nothing
		lock := " FOR UPDATE"
		if s.dialect == SQLite { // which has one writer
			lock = ""
		}
		err = s.query(ctx, tx, func(rows *sql.Rows) error {
			var id []byte
			err := rows.Scan(&id)
			ids = append(ids, string(id))
			return err
		}, "SELECT id FROM guard_families WHERE subject = ? ORDER BY id"+lock, []byte(subject))
		if err != nil {
			return err
		}
		for rest := ids; len(rest) > 0; {
			some := rest[:min(len(rest), maxList)]
			rest = rest[len(some):]
			args := []any{[]byte(subject)}
			for _, id := range some {
				args = append(args, []byte(id))
			}
			if _, err := s.exec(ctx, tx, "DELETE FROM guard_families WHERE subject = ? AND id IN ("+marks(len(some))+")", args...); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}
