package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/go-guard/guard/jwtauth/refresh"
)

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
