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

// insertLimited inserts a row into a table, and then deletes the rows of its
// subject beyond maxPerSubject, which come last in the given order. It never
// deletes the new row, even if that comes last. It returns the IDs of the deleted
// rows.
func (s *Stores) insertLimited(ctx context.Context, t table, subject string, newID []byte, order, insert string, args ...any) (deleted []string, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := s.exec(ctx, tx, insert, args...); err != nil {
		return nil, err
	}
	name := tables[t].name
	err = s.query(ctx, tx, func(rows *sql.Rows) error {
		var id []byte
		err := rows.Scan(&id)
		deleted = append(deleted, string(id))
		return err
	}, "SELECT id FROM "+name+" WHERE subject = ? AND id <> ? ORDER BY "+order+" LIMIT ? OFFSET ?", []byte(subject), newID, maxBatch, maxPerSubject-1)
	if err == nil && len(deleted) > 0 {
		_, err = s.exec(ctx, tx, "DELETE FROM "+name+" WHERE subject = ? AND id IN ("+placeholders(len(deleted))+")", subjectAndIDs(subject, deleted)...)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return nil, err
	}
	s.countInsert(ctx, t)
	return deleted, nil
}

// subjectAndIDs returns the arguments of a statement on rows of one subject.
func subjectAndIDs(subject string, ids []string) []any {
	args := append(make([]any, 0, 1+len(ids)), []byte(subject))
	for _, id := range ids {
		args = append(args, []byte(id))
	}
	return args
}
