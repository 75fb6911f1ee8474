//go:build sql

package backend

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// sqlNotes is Notes in a table of a database, which has one row.
type sqlNotes struct{ table *sqlAccounts }

// newSQLNotes creates the table and its row if there are none.
func newSQLNotes(ctx context.Context, db *sql.DB, dialect string) (Notes, error) {
	n := sqlNotes{&sqlAccounts{db: db, numbers: dialect == "pgx"}}
	create := "CREATE TABLE IF NOT EXISTS example_notes (id VARCHAR(8) PRIMARY KEY, content TEXT NOT NULL)"
	if dialect == "mysql" { // whose texts have the character set of the database
		create = strings.ReplaceAll(create, "TEXT", "BLOB")
	}
	if _, err := db.ExecContext(ctx, create); err != nil { // PostgreSQL: another process creates it at the same time
		if _, err := db.ExecContext(ctx, create); err != nil {
			return nil, err
		}
	}
	_, err := n.Note(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		_, insert := n.table.change(ctx, "INSERT INTO example_notes (id, content) VALUES ('last', ?)", "")
		if _, err = n.Note(ctx); err != nil { // or else another process has added it
			err = errors.Join(err, insert)
		}
	}
	return n, err
}

func (n sqlNotes) Note(ctx context.Context) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	err = n.table.db.QueryRowContext(ctx, "SELECT content FROM example_notes WHERE id = 'last'").Scan(&text)
	return text, err
}

func (n sqlNotes) SetNote(ctx context.Context, text string) error {
	_, err := n.table.change(ctx, "UPDATE example_notes SET content = ? WHERE id = 'last'", text)
	return err
}
