package sqlstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/jwtauth"
)

// Denylist returns a [jwtauth.Denylist].
func (s *Stores) Denylist() jwtauth.Denylist { return denylist{s} }

type denylist struct{ *Stores }

// Deny is one statement for up to maxList ids. They are sorted, so that two that
// deny the same do not wait for each other, and each is there once, as
// PostgreSQL wants it.
func (s denylist) Deny(ctx context.Context, until time.Time, ids ...string) error {
	at := until.Add(time.Millisecond - 1).UnixMilli() // at least until then
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		keys[i] = deniedKey(id)
	}
	slices.SortFunc(keys, bytes.Compare)
	for some := range slices.Chunk(slices.CompactFunc(keys, bytes.Equal), maxList) {
		query, args := "INSERT INTO guard_denied (id, denied) VALUES "+strings.TrimSuffix(strings.Repeat("(?, ?), ", len(some)), ", "), []any{}
		for _, key := range some {
			args = append(args, key, at)
		}
		if s.dialect == MySQL {
			query += " ON DUPLICATE KEY UPDATE denied = GREATEST(denied, ?)"
			args = append(args, at)
		} else {
			query += " ON CONFLICT (id) DO UPDATE SET denied = excluded.denied WHERE guard_denied.denied < excluded.denied"
		}
		err := s.write(ctx, "denying tokens", func(ctx context.Context) error {
			_, err := s.exec(ctx, s.db, query, args...)
			if err == nil {
				for range some { // as many as single denials would sweep
					s.inserted(ctx, deniedTable)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s denylist) Denied(ctx context.Context, ids ...string) (denied bool, err error) {
	if len(ids) == 0 {
		return false, nil
	}
	args := make([]any, 0, len(ids)+1)
	for _, id := range ids {
		args = append(args, deniedKey(id))
	}
	args = append(args, s.now().UnixMilli())
	err = s.read(ctx, "asking the denylist", func(ctx context.Context) error {
		denied = false
		return s.query(ctx, s.db, func(*sql.Rows) error {
			denied = true
			return nil
		}, "SELECT 1 FROM guard_denied WHERE id IN ("+marks(len(ids))+") AND denied > ?", args...)
	})
	return denied && err == nil, err
}

// deniedKey: the ids of foreign issuers have any length.
func deniedKey(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:]
}
