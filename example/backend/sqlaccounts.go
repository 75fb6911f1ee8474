package backend

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// sqlAccounts is Accounts in tables of a database, for all its processes.
type sqlAccounts struct {
	db      *sql.DB
	numbers bool // parameters are $1 and $2, as PostgreSQL has them, and not ?
}

const (
	accountsTable = `CREATE TABLE IF NOT EXISTS example_accounts (
	id VARCHAR(64) PRIMARY KEY, email VARCHAR(254) NOT NULL UNIQUE, role VARCHAR(32) NOT NULL,
	hash VARCHAR(255) NOT NULL, links BIGINT NOT NULL DEFAULT 0, factor VARCHAR(1000) NOT NULL DEFAULT '',
	verified BOOLEAN NOT NULL, suspended BOOLEAN NOT NULL DEFAULT FALSE)`
	identitiesTable = `CREATE TABLE IF NOT EXISTS example_identities (
	issuer VARCHAR(255) NOT NULL, subject VARCHAR(255) NOT NULL, account_id VARCHAR(64) NOT NULL,
	PRIMARY KEY (issuer, subject))`

	accountColumns = "SELECT id, email, role, hash, links, verified, suspended FROM example_accounts"
	// perCall limits a call: a database that does not answer is a failure.
	perCall = 5 * time.Second
)

// newSQLAccounts creates the tables if there are none. A table of another version of this
// program is an error.
func newSQLAccounts(ctx context.Context, db *sql.DB, dialect string) (*sqlAccounts, error) {
	for _, create := range []string{accountsTable, identitiesTable} {
		if dialect == "mysql" { // its texts compare "álice" or "alice " as "alice"
			create = strings.ReplaceAll(create, "VARCHAR", "VARBINARY")
		}
		_, err := db.ExecContext(ctx, create)
		if err != nil { // PostgreSQL: another process creates it at the same time
			_, err = db.ExecContext(ctx, create)
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := db.ExecContext(ctx, accountColumns+" WHERE 1 = 0"); err != nil {
		return nil, fmt.Errorf("the table example_accounts is of another version, remove it: %w", err)
	}
	return &sqlAccounts{db: db, numbers: dialect == "pgx"}, nil
}

// scan reads a row of accountColumns.
func scan(row interface{ Scan(...any) error }) (a Account, err error) {
	err = row.Scan(&a.ID, &a.Email, &a.Role, &a.Hash, &a.Links, &a.Verified, &a.Suspended)
	return a, err
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
	a, err = scan(s.db.QueryRowContext(ctx, s.query(accountColumns+where), value))
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
		a, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func (s *sqlAccounts) Create(ctx context.Context, a Account) (bool, error) {
	created, err := s.change(ctx, "INSERT INTO example_accounts (id, email, role, hash, links, verified, suspended) VALUES (?, ?, ?, ?, ?, ?, ?)",
		a.ID, a.Email, a.Role, a.Hash, a.Links, a.Verified, a.Suspended)
	if err == nil {
		return created, nil
	}
	// The constraints decide, also between two processes. What they refused is there now.
	_, sameID, errID := s.ByID(ctx, a.ID)
	_, sameEmail, errEmail := s.ByEmail(ctx, a.Email)
	if errID == nil && errEmail == nil && (sameID || sameEmail) {
		return false, nil
	}
	return false, err
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

func (s *sqlAccounts) SetEmail(ctx context.Context, id, old, replacement string) (bool, error) {
	if old == replacement {
		return false, nil // taken
	}
	swapped, err := s.change(ctx, "UPDATE example_accounts SET email = ?, verified = ? WHERE id = ? AND email = ?", replacement, true, id, old)
	if err != nil { // as in Create
		if _, found, lookup := s.ByEmail(ctx, replacement); found && lookup == nil {
			return false, nil
		}
	}
	return swapped, err
}

func (s *sqlAccounts) SetVerified(ctx context.Context, id, email string) (bool, error) {
	return s.change(ctx, "UPDATE example_accounts SET verified = ? WHERE id = ? AND email = ? AND verified = ?", true, id, email, false)
}

func (s *sqlAccounts) SetSuspended(ctx context.Context, id string, suspended bool) (found bool, err error) {
	found, err = s.change(ctx, "UPDATE example_accounts SET suspended = ? WHERE id = ?", suspended, id)
	if err == nil && !found { // MySQL counts no row that has the value already
		_, found, err = s.ByID(ctx, id)
	}
	return found, err
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
