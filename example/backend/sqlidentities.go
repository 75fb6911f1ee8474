package backend

import (
	"context"
	"database/sql"
	"errors"
)

func (s *sqlAccounts) Identity(ctx context.Context, issuer, subject string) (accountID string, found bool, err error) {
	if checkIdentity(issuer, subject) != nil {
		return "", false, nil // PostgreSQL fails for it
	}
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	const text = "SELECT account_id FROM example_identities WHERE issuer = ? AND subject = ?"
	err = s.db.QueryRowContext(ctx, s.query(text), issuer, subject).Scan(&accountID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return accountID, err == nil, err
}

func (s *sqlAccounts) Identities(ctx context.Context, accountID string) (all []Identity, err error) {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	const text = "SELECT issuer, subject FROM example_identities WHERE account_id = ? ORDER BY issuer, subject"
	rows, err := s.db.QueryContext(ctx, s.query(text), accountID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var identity Identity
		if err := rows.Scan(&identity.Issuer, &identity.Subject); err != nil {
			return nil, err
		}
		all = append(all, identity)
	}
	return all, rows.Err()
}

func (s *sqlAccounts) AddIdentity(ctx context.Context, accountID, issuer, subject string) (bool, error) {
	if err := checkIdentity(issuer, subject); err != nil {
		return false, err
	}
	id, found, err := s.Identity(ctx, issuer, subject)
	if found || err != nil {
		return found && id == accountID, err
	}
	if _, found, err := s.ByID(ctx, accountID); !found || err != nil {
		return false, err
	}
	all, err := s.Identities(ctx, accountID)
	if err != nil {
		return false, err
	}
	if len(all) >= maxIdentities {
		return false, ErrIdentity
	}
	const text = "INSERT INTO example_identities (issuer, subject, account_id) VALUES (?, ?, ?)"
	added, err := s.change(ctx, text, issuer, subject, accountID)
	if err != nil { // as in Create
		if id, found, lookup := s.Identity(ctx, issuer, subject); found && lookup == nil {
			return id == accountID, nil
		}
	}
	return added, err
}

// RemoveIdentity locks the account: two requests at a time would each leave the other's
// identity, and both would be removed.
func (s *sqlAccounts) RemoveIdentity(ctx context.Context, accountID, issuer, subject string) (removed bool, err error) {
	if checkIdentity(issuer, subject) != nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	// SELECT … FOR UPDATE, which SQLite does not have.
	if _, err := tx.ExecContext(ctx, s.query("UPDATE example_accounts SET links = links WHERE id = ?"), accountID); err != nil {
		return false, err
	}
	var password bool
	var identities int
	const ways = "SELECT hash <> '', (SELECT COUNT(*) FROM example_identities WHERE account_id = ?) FROM example_accounts WHERE id = ?"
	err = tx.QueryRowContext(ctx, s.query(ways), accountID, accountID).Scan(&password, &identities)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !password && identities < 2 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	const text = "DELETE FROM example_identities WHERE issuer = ? AND subject = ? AND account_id = ?"
	result, err := tx.ExecContext(ctx, s.query(text), issuer, subject, accountID)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	if err == nil {
		err = tx.Commit()
	}
	return n > 0 && err == nil, err
}
