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

// Denylist returns a [jwtauth.Denylist]. It has no limit per subject.
func (s *Stores) Denylist() jwtauth.Denylist { return denylist{s} }

type denylist struct{ *Stores }

// Deny is one statement for up to maxBatch IDs. They are sorted, so that two
// concurrent calls with the same IDs do not deadlock, and deduplicated, because
// PostgreSQL rejects a statement that would update one row twice.
func (s denylist) Deny(ctx context.Context, until time.Time, _ string, ids ...string) error {
	at := until.Add(time.Millisecond - 1).UnixMilli() // rounded up
	digests := make([][]byte, len(ids))
	for i, id := range ids {
		digests[i] = digestOf(id)
	}
	slices.SortFunc(digests, bytes.Compare)
	for batch := range slices.Chunk(slices.CompactFunc(digests, bytes.Equal), maxBatch) {
		query, args := "INSERT INTO guard_denied (id, denied) VALUES "+strings.TrimSuffix(strings.Repeat("(?, ?), ", len(batch)), ", "), []any{}
		for _, digest := range batch {
			args = append(args, digest, at)
		}
		if s.dialect == MySQL {
			query += " ON DUPLICATE KEY UPDATE denied = GREATEST(denied, ?)"
			args = append(args, at)
		} else {
			query += " ON CONFLICT (id) DO UPDATE SET denied = excluded.denied WHERE guard_denied.denied < excluded.denied"
		}
		err := s.write(ctx, "denying tokens", func(ctx context.Context) error {
			_, err := s.exec(ctx, s.db(), query, args...)
			if err == nil {
				for range batch { // each ID counts as an insert
					s.sweepSometimes(ctx, denylistTable)
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

func (s denylist) Denied(ctx context.Context, _ time.Time, _ string, ids ...string) (denied bool, err error) {
	if len(ids) == 0 {
		return false, nil
	}
	args := make([]any, 0, len(ids)+1)
	for _, id := range ids {
		args = append(args, digestOf(id))
	}
	args = append(args, s.now().UnixMilli())
	err = s.read(ctx, "checking the denylist", func(ctx context.Context) error {
		denied = false
		return s.query(ctx, s.db(), func(*sql.Rows) error {
			denied = true
			return nil
		}, "SELECT 1 FROM guard_denied WHERE id IN ("+placeholders(len(ids))+") AND denied > ?", args...)
	})
	return denied && err == nil, err
}

// digestOf returns an ID as it is stored: another issuer's IDs may have any length.
func digestOf(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:]
}
