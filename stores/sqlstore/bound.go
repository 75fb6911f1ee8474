package sqlstore

import (
	"context"
	"database/sql"
)

const (
	// maxPerSubject bounds the sessions, and the logins, of one subject.
	maxPerSubject = 100

	// maxList bounds the parameters of one statement.
	maxList = 500
)

// insertBounded adds a row to a table and deletes those of its subject that are
// too many then, which come last by the order: never the new one itself, which
// may expire before those that are there. It returns their ids.
func (s *Stores) insertBounded(ctx context.Context, t table, subject string, newID []byte, order, insert string, args ...any) (gone []string, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // after Commit it does nothing
	if _, err := s.exec(ctx, tx, insert, args...); err != nil {
		return nil, err
	}
	name := tables[t].name
	err = s.query(ctx, tx, func(rows *sql.Rows) error {
		var id []byte
		err := rows.Scan(&id)
		gone = append(gone, string(id))
		return err
	}, "SELECT id FROM "+name+" WHERE subject = ? AND id <> ? ORDER BY "+order+" LIMIT ? OFFSET ?", []byte(subject), newID, maxList, maxPerSubject-1)
	if err == nil && len(gone) > 0 {
		_, err = s.exec(ctx, tx, "DELETE FROM "+name+" WHERE subject = ? AND id IN ("+marks(len(gone))+")", withIDs(subject, gone)...)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return nil, err
	}
	s.inserted(ctx, t)
	return gone, nil
}

// withIDs are parameters: a subject and ids.
func withIDs(subject string, ids []string) []any {
	args := append(make([]any, 0, 1+len(ids)), []byte(subject))
	for _, id := range ids {
		args = append(args, []byte(id))
	}
	return args
}
