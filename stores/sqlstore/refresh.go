package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	if len(f.Subject) > refresh.MaxStoreSubject || len(f.ID) > 32 || len(f.Login) > refresh.MaxLogin { // MySQL might truncate them
		return nil, fmt.Errorf("sqlstore: a token family has a subject of %d bytes, an ID of %d and a Login of %d, want at most %d, 32 and %d",
			len(f.Subject), len(f.ID), len(f.Login), refresh.MaxStoreSubject, refresh.MaxLogin)
	}
	var ids []string
	inserted := false
	err = s.write(ctx, "starting a token family", func(ctx context.Context) (err error) {
		if !inserted {
			_, err := s.exec(ctx, s.db(), "INSERT INTO guard_families (subject, id, generation, made, earlier, expires, login) VALUES (?, ?, 1, ?, '', ?, ?)",
				[]byte(f.Subject), []byte(f.ID), f.Started.UnixMilli(), f.Expires.UnixMilli(), []byte(f.Login))
			if s.dialect.classify(err) == duplicate {
				return errExists
			}
			if err != nil {
				return err
			}
			inserted = true
			s.sweepSometimes(ctx, familyTable)
		}
		ids, err = s.evict(ctx, f)
		return err
	})
	for _, id := range ids {
		ended = append(ended, refresh.Family{Subject: f.Subject, ID: id})
	}
	return ended, err
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

// Rotate is one conditional UPDATE if the token is the newest of its family.
// Otherwise the row is read and, if the family must end, ended on the condition
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
	now, grace, subject, id := r.Now.UnixMilli(), r.Grace.Milliseconds(), []byte(r.Subject), []byte(r.ID)
	// MySQL assigns from left to right.
	n, err := s.exec(ctx, s.db(), `UPDATE guard_families SET
		earlier = CASE WHEN generation = ? AND made > ? AND made < ? THEN SUBSTR(`+s.dialect.earlierTimes()+`, 1, 210) ELSE '' END,
		generation = ?, made = ?
		WHERE subject = ? AND id = ? AND expires > ? AND made > ? AND generation BETWEEN 1 AND ?`,
		r.Generation, now-grace, now+grace, r.Generation+1, now, subject, id, now, now-r.Idle.Milliseconds(), r.Generation)
	if err != nil || n > 0 {
		return refresh.Rotated, true, err
	}
	f, found, err := s.find(ctx, subject, id)
	switch {
	case err != nil || !found || f.generation == 0:
		return refresh.FamilyUnknown, true, err
	case f.expires <= now || f.made <= now-r.Idle.Milliseconds():
		result = refresh.FamilyUnknown
	case r.Generation >= f.generation: // not expired any more: another process, whose clock is behind, has rotated it
		return result, false, nil
	case f.usedWithin(grace, r.Generation, now) && r.Generation == f.generation-1:
		return refresh.Repeated, true, nil
	case f.usedWithin(grace, r.Generation, now):
		return refresh.Superseded, true, nil
	default:
		result = refresh.Reused
	}
	n, err = s.exec(ctx, s.db(), endFamily+"subject = ? AND id = ? AND generation = ? AND made = ?", endArgs(r.ListedUntil, subject, id, f.generation, f.made)...)
	return result, n > 0, err
}

// earlierTimes returns the expression of the times when all generations of a family
// were issued. A time has 13 digits from 2001 to 2286, and at most those: 210 bytes
// hold 15 times with their commas.
func (d Dialect) earlierTimes() string {
	if d == MySQL {
		return "CONCAT(made, ',', earlier)"
	}
	return "made || ',' || earlier"
}

// A familyRow is a row of guard_families.
type familyRow struct {
	generation, made, expires int64
	earlier                   string
}

func (s families) find(ctx context.Context, subject, id []byte) (f familyRow, found bool, err error) {
	err = s.query(ctx, s.db(), func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&f.generation, &f.made, &f.expires, &f.earlier)
	}, "SELECT generation, made, expires, earlier FROM guard_families WHERE subject = ? AND id = ?", subject, id)
	return f, found, err
}

// usedWithin reports whether an old generation was first used less than grace ago:
// its successor was issued then.
func (f familyRow) usedWithin(grace, generation, now int64) bool {
	times := append([]string{strconv.FormatInt(f.made, 10)}, strings.Split(f.earlier, ",")...)
	times = times[:min(len(times)-1, 16)] // what follows the last comma is empty, or cut
	behind := f.generation - generation - 1
	if behind >= int64(len(times)) {
		return false
	}
	used, err := strconv.ParseInt(times[behind], 10, 64)
	return err == nil && max(now-used, used-now) < grace
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
