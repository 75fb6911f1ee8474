package sqlstore

import (
	"context"
	"database/sql"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// RevokeRef first raises the epochs that a login with the Ref relies on: the raise waits
// for those that have read the earlier one, and the others are refused.
func (s families) RevokeRef(ctx context.Context, r refresh.RefRevocation) (listed []refresh.Family, ended int, err error) {
	args, where := s.dialect.ofRef(r.Ref, r.Subject)
	var n int64
	err = s.write(ctx, "revoking the token families of a ref", func(ctx context.Context) error {
		err := s.inTx(ctx, func(tx runner) (err error) {
			listed = nil
			if err = s.raise(ctx, tx, refID("f", r.Ref, r.Subject), r.Until, r.Until); err != nil {
				return err
			}
			if n, err = s.exec(ctx, tx, endFamily+where, endArgs(r.ListedUntil, args...)...); err != nil {
				return err
			}
			return s.query(ctx, tx, func(rows *sql.Rows) error {
				var subject, id []byte
				err := rows.Scan(&subject, &id)
				listed = append(listed, refresh.Family{Subject: string(subject), ID: string(id)})
				return err
			}, "SELECT subject, id FROM guard_families WHERE "+where, args...)
		})
		if err == nil {
			s.sweepSometimes(ctx, epochTable)
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return listed, int(n), nil
}
