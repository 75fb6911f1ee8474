package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"time"

	"github.com/go-guard/guard/jwtauth"
)

// Denylist returns a [jwtauth.Denylist].
func (s *Stores) Denylist() jwtauth.Denylist { return denylist{s} }

type denylist struct{ *Stores }

func (s denylist) Deny(ctx context.Context, id string, until time.Time) error {
	at := until.Add(time.Millisecond - 1).UnixMilli() // at least until then
	key := deniedKey(id)
	query, args := `INSERT INTO guard_denied (id, denied) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET denied = excluded.denied WHERE guard_denied.denied < excluded.denied`, []any{key, at}
	if s.dialect == MySQL {
		query, args = "INSERT INTO guard_denied (id, denied) VALUES (?, ?) ON DUPLICATE KEY UPDATE denied = GREATEST(denied, ?)", append(args, at)
	}
	return s.write(ctx, "denying a token", func(ctx context.Context) error {
		_, err := s.exec(ctx, s.db, query, args...)
		if err == nil {
			s.inserted(ctx, deniedTable)
		}
		return err
	})
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
