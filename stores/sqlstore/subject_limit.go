package sqlstore

import (
	"context"
	"database/sql"
)

const (
	// maxPerSubject is the maximum number of sessions, and of token families, of
	// one subject.
	maxPerSubject = 100

	// maxBatch is the maximum number of rows in the lists of one statement.
	maxBatch = 500
)

// inTx runs f in a transaction.
func (s *Stores) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// blobs returns IDs as arguments of a statement.
func blobs(ids []string) []any {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = []byte(id)
	}
	return args
}
