package backend

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"
)

// sqlAccounts is Accounts in a table of a database, for all its processes.
type sqlAccounts struct {
	db      *sql.DB
	numbers bool // parameters are $1 and $2, as PostgreSQL has them, and not ?
}

const (
	// accountsTable has what is compared in exact columns: the collation that MySQL has by
	// default takes "álice" for "alice".
	accountsTable = `CREATE TABLE IF NOT EXISTS example_accounts (
	id VARCHAR(64) PRIMARY KEY, email VARCHAR(254) NOT NULL UNIQUE, role VARCHAR(32) NOT NULL,
	hash VARCHAR(255) NOT NULL, links BIGINT NOT NULL DEFAULT 0, factor VARCHAR(1000) NOT NULL DEFAULT '')`
	mysqlExact = ` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`

	accountColumns = "SELECT id, email, role, hash, links FROM example_accounts"
	// perCall limits a call: a database that does not answer is a failure.
	perCall = 5 * time.Second
)

// newSQLAccounts creates the table if there is none.
func newSQLAccounts(ctx context.Context, db *sql.DB, dialect string) (*sqlAccounts, error) {
	create := accountsTable
	if dialect == "mysql" {
		create += mysqlExact
	}
	_, err := db.ExecContext(ctx, create)
	if err != nil { // PostgreSQL: another process creates it at the same time
		_, err = db.ExecContext(ctx, create)
	}
	return &sqlAccounts{db: db, numbers: dialect == "pgx"}, err
}

// query returns a statement with the parameters of the database.
func (s *sqlAccounts) query(text string) string {
	if !s.numbers {
		return text
	}
	for n := 1; strings.Contains(text, "?"); n++ {
		text = strings.Replace(text, "?", "$"+strconv.Itoa(n), 1)
	}
	return text
}

func (s *sqlAccounts) one(ctx context.Context, where, value string) (a Account, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	err = s.db.QueryRowContext(ctx, s.query(accountColumns+where), value).Scan(&a.ID, &a.Email, &a.Role, &a.Hash, &a.Links)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, false, nil
	}
	return a, err == nil, err
}

func (s *sqlAccounts) ByID(ctx context.Context, id string) (Account, bool, error) {
	return s.one(ctx, " WHERE id = ?", id)
}

func (s *sqlAccounts) ByEmail(ctx context.Context, email string) (Account, bool, error) {
	if !utf8Text(email) {
		return Account{}, false, nil // PostgreSQL fails for it
	}
	return s.one(ctx, " WHERE email = ?", email)
}

// utf8Text reports whether a text column can hold s.
func utf8Text(s string) bool { return strings.ToValidUTF8(s, "") == s && !strings.Contains(s, "\x00") }

func (s *sqlAccounts) All(ctx context.Context) (all []Account, err error) {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	rows, err := s.db.QueryContext(ctx, accountColumns+" ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a Account
		if err := rows.Scan(&a.ID, &a.Email, &a.Role, &a.Hash, &a.Links); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// Add does nothing if the account exists; so do two processes that add it at the same time.
func (s *sqlAccounts) Add(ctx context.Context, a Account) error {
	_, found, err := s.ByID(ctx, a.ID)
	if found || err != nil {
		return err
	}
	_, err = s.change(ctx, "INSERT INTO example_accounts (id, email, role, hash) VALUES (?, ?, ?, ?)", a.ID, a.Email, a.Role, a.Hash)
	if err != nil {
		if _, found, lookup := s.ByID(ctx, a.ID); found && lookup == nil {
			return nil
		}
	}
	return err
}

// change reports whether a statement changed a row.
func (s *sqlAccounts) change(ctx context.Context, text string, values ...any) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	result, err := s.db.ExecContext(ctx, s.query(text), values...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

func (s *sqlAccounts) SetHash(ctx context.Context, id, old, replacement string) (bool, error) {
	return s.change(ctx, "UPDATE example_accounts SET hash = ? WHERE id = ? AND hash = ?", replacement, id, old)
}

func (s *sqlAccounts) SpendLink(ctx context.Context, id string, links int64) (bool, error) {
	return s.change(ctx, "UPDATE example_accounts SET links = links + 1 WHERE id = ? AND links = ?", id, links)
}

func (s *sqlAccounts) Load(ctx context.Context, id string) (record string, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	err = s.db.QueryRowContext(ctx, s.query("SELECT factor FROM example_accounts WHERE id = ?"), id).Scan(&record)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return record, err == nil, err
}

func (s *sqlAccounts) Swap(ctx context.Context, id, old, replacement string) (bool, error) {
	return s.change(ctx, "UPDATE example_accounts SET factor = ? WHERE id = ? AND factor = ?", replacement, id, old)
}
