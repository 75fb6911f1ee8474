package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// TokenFamilies returns a [refresh.Store]. A subject has at most 100 token
// families: one more replaces the oldest. Of those that have ended, about 100 stay
// listed. The rows of a user are those of guard_families whose subject, without its
// first 16 bytes, is the user's.
func (s *Stores) TokenFamilies() refresh.Store { return families{s} }

type families struct{ *Stores }

// endFamily is the beginning of a statement that ends families, whose arguments
// begin with endArgs.
const endFamily = "UPDATE guard_families SET generation = 0, expires = ?, earlier = '', login = ? WHERE generation > 0 AND "

// endArgs returns the arguments of endFamily: until when the families stay listed, no
// Login, and those that follow.
func endArgs(listedUntil time.Time, args ...any) []any {
	return append([]any{listedUntil.UnixMilli(), []byte{}}, args...)
}

func (s families) Start(ctx context.Context, f refresh.Family) (ended []refresh.Family, err error) {
	if len(f.Subject) > refresh.MaxStoreSubject || len(f.ID) > 32 || len(f.Login) > refresh.MaxLogin || len(f.Ref) > refresh.MaxStoreRef { // MySQL might truncate them
		return nil, fmt.Errorf("sqlstore: a token family has a subject of %d bytes, an ID of %d, a Login of %d and a Ref of %d, want at most %d, 32, %d and %d",
			len(f.Subject), len(f.ID), len(f.Login), len(f.Ref), refresh.MaxStoreSubject, refresh.MaxLogin, refresh.MaxStoreRef)
	}
	var ids []string
	var inserted, refused bool
	err = s.write(ctx, "starting a token family", func(ctx context.Context) (err error) {
		if !inserted {
			err := s.insert(ctx, &f)
			if refused = errors.Is(err, refresh.ErrEnded); refused {
				return nil
			}
			if err != nil {
				return err
			}
			inserted = true
		}
		ids, err = s.evict(ctx, f)
		return err
	})
	if refused {
		return nil, refresh.ErrEnded
	}
	for _, id := range ids {
		ended = append(ended, refresh.Family{Subject: f.Subject, ID: id})
	}
	return ended, err
}

// insert inserts a family. Without a Ref, it is one statement.
func (s families) insert(ctx context.Context, f *refresh.Family) (err error) {
	const columns, values = "guard_families (subject, id, generation, made, earlier, expires, login, ref)", "?, ?, 1, ?, '', ?, ?, ?"
	args := []any{[]byte(f.Subject), []byte(f.ID), f.Started.UnixMilli(), f.Expires.UnixMilli(), []byte(f.Login), []byte(f.Ref)}
	if f.Ref == "" {
		_, err = s.exec(ctx, s.db(), "INSERT INTO "+columns+" VALUES ("+values+")", args...)
	} else {
		err = s.insertUnless(ctx, columns+" SELECT "+values, args, inOrder(onRef("f", f.Ref, f.Subject, f.Started)), refresh.ErrEnded)
	}
	if s.dialect.classify(err) == duplicate {
		return errExists
	}
	if err == nil {
		s.sweepSometimes(ctx, familyTable)
		if f.Ref != "" { // two rows
			s.sweepSometimes(ctx, epochTable)
			s.sweepSometimes(ctx, epochTable)
		}
	}
	return err
}

// evict ends the families of a subject beyond maxPerSubject, the oldest ones, and
// deletes as many of the ended ones. It runs after f was committed: of concurrent
// logins, the last one to evict reads the families of all.
func (s families) evict(ctx context.Context, f refresh.Family) (ended []string, err error) {
	var live, deleted []string
	err = s.query(ctx, s.db(), func(rows *sql.Rows) error {
		var id []byte
		var generation int64
		err := rows.Scan(&id, &generation)
		if generation > 0 {
			live = append(live, string(id))
		} else {
			deleted = append(deleted, string(id))
		}
		return err
	}, "SELECT id, generation FROM guard_families WHERE subject = ? AND id <> ? ORDER BY expires DESC, id LIMIT ?", []byte(f.Subject), []byte(f.ID), maxBatch)
	ended, deleted = live[min(len(live), maxPerSubject-1):], deleted[min(len(deleted), maxPerSubject):]
	if err == nil && len(deleted) > 0 {
		args, where := s.dialect.rowsOf("guard_families", f.Subject, deleted)
		_, err = s.exec(ctx, s.db(), "DELETE FROM guard_families WHERE "+where, args...)
	}
	// Last: the caller denies the access tokens of what has ended only if there is no error.
	if err == nil && len(ended) > 0 {
		args, where := s.dialect.rowsOf("guard_families", f.Subject, ended)
		_, err = s.exec(ctx, s.db(), endFamily+where, endArgs(f.ListedUntil, args...)...)
	}
	return ended, err
}

func (s families) Load(ctx context.Context, subject, id string) (login string, found bool, err error) {
	err = s.read(ctx, "loading a token family", func(ctx context.Context) error {
		login, found = "", false
		return s.query(ctx, s.db(), func(rows *sql.Rows) error {
			var text []byte
			err := rows.Scan(&text)
			login, found = string(text), err == nil
			return err
		}, "SELECT login FROM guard_families WHERE subject = ? AND id = ? AND generation > 0", []byte(subject), []byte(id))
	})
	if err != nil {
		return "", false, err
	}
	return login, found, nil
}

func (s families) List(ctx context.Context, subject string) (ids []string, err error) {
	err = s.read(ctx, "listing token families", func(ctx context.Context) error {
		ids = nil
		return s.query(ctx, s.db(), func(rows *sql.Rows) error {
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

func (s families) Revoke(ctx context.Context, subject string, listedUntil time.Time, ids ...string) error {
	for batch := range slices.Chunk(ids, maxBatch) {
		args, where := s.dialect.rowsOf("guard_families", subject, batch)
		if _, err := s.change(ctx, "revoking token families", endFamily+where, endArgs(listedUntil, args...)...); err != nil {
			return err
		}
	}
	return nil
}
