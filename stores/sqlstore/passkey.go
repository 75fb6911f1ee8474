package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/go-guard/guard/signin/credential"
)

// Passkeys returns a Store for package passkey, whose type is in a package of its own so
// that this one links no WebAuthn. Its rows do not expire.
func (s *Stores) Passkeys() credential.Store { return passkeys{s} }

type passkeys struct{ *Stores }

// The order of the arguments of Add, and of what scanPasskey scans.
const passkeyColumns = "id, subject, user_handle, public_key, sign_count, backup_eligible, backed_up, transports, aaguid, name, created, last_used"

// UserHandle reads before it writes: all but the first call of an account need not wait
// for the disk.
func (s passkeys) UserHandle(ctx context.Context, subject, candidate string) (handle string, err error) {
	if len(subject) > 255 || len(candidate) > 86 { // MySQL might truncate them
		return "", fmt.Errorf("sqlstore: an account of passkeys has a subject of %d bytes and a user handle of %d, want at most 255 and 86", len(subject), len(candidate))
	}
	var found bool
	find := func(ctx context.Context) error {
		handle, found = "", false
		return s.query(ctx, s.db(), func(rows *sql.Rows) error {
			found = true
			return rows.Scan(&handle)
		}, "SELECT user_handle FROM guard_passkey_users WHERE subject = ?", []byte(subject))
	}
	if err = s.read(ctx, "reading a user handle", find); err != nil || found {
		return handle, err
	}
	err = s.write(ctx, "storing a user handle", func(ctx context.Context) error {
		added, err := s.insertNew(ctx, "guard_passkey_users (subject, user_handle, created)", []byte(subject), []byte(candidate), s.now().UnixMilli())
		if handle = candidate; added || err != nil {
			return err
		}
		return find(ctx)
	})
	if err != nil {
		return "", err
	}
	return handle, nil
}

// insertNew inserts a row unless there is one with its primary key.
func (s *Stores) insertNew(ctx context.Context, into string, args ...any) (inserted bool, err error) {
	query := "INSERT INTO " + into + " VALUES (" + placeholders(len(args)) + ")"
	if s.dialect != MySQL { // whose INSERT IGNORE ignores more than that
		query += " ON CONFLICT DO NOTHING"
	}
	n, err := s.exec(ctx, s.db(), query, args...)
	if s.dialect.classify(err) == duplicate {
		return false, nil
	}
	return n > 0, err
}

func (s passkeys) Add(ctx context.Context, r credential.Record) (added bool, err error) {
	transports := strings.Join(r.Transports, " ")
	for _, column := range []struct {
		name, value string
		most        int
	}{
		{"ID", r.ID, 1364}, {"subject", r.Subject, 255}, {"user handle", r.UserHandle, 86}, {"public key", r.PublicKey, 1500},
		{"list of transports", transports, 135}, {"AAGUID", r.AAGUID, 36}, {"name", r.Name, 64},
	} {
		if n := len(column.value); n > column.most { // MySQL might truncate it
			return false, fmt.Errorf("sqlstore: the %s of a passkey has %d bytes, want at most %d", column.name, n, column.most)
		}
	}
	if !slices.Equal(strings.Fields(transports), r.Transports) && len(r.Transports) > 0 {
		return false, fmt.Errorf("sqlstore: the transports of a passkey are not words")
	}
	err = s.write(ctx, "storing a passkey", func(ctx context.Context) (err error) {
		added, err = s.insertNew(ctx, "guard_passkeys ("+passkeyColumns+", revision)",
			[]byte(r.ID), []byte(r.Subject), []byte(r.UserHandle), []byte(r.PublicKey), int64(r.SignCount), toInt(r.BackupEligible), toInt(r.BackedUp),
			[]byte(transports), []byte(r.AAGUID), []byte(r.Name), toMS(r.Created), toMS(r.LastUsed), 0)
		return err
	})
	return added && err == nil, err
}

func scanPasskey(rows *sql.Rows) (r credential.Record, err error) {
	var transports string
	var created, lastUsed int64
	err = rows.Scan(&r.ID, &r.Subject, &r.UserHandle, &r.PublicKey, &r.SignCount, &r.BackupEligible, &r.BackedUp,
		&transports, &r.AAGUID, &r.Name, &created, &lastUsed)
	r.Transports, r.Created, r.LastUsed = strings.Fields(transports), fromMS(created), fromMS(lastUsed)
	return r, err
}

// list returns the records of a condition.
func (s passkeys) list(ctx context.Context, operation, where string, arg []byte) (list []credential.Record, err error) {
	err = s.read(ctx, operation, func(ctx context.Context) error {
		list = nil
		return s.query(ctx, s.db(), func(rows *sql.Rows) error {
			r, err := scanPasskey(rows)
			list = append(list, r)
			return err
		}, "SELECT "+passkeyColumns+" FROM guard_passkeys WHERE "+where, arg)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (s passkeys) Load(ctx context.Context, id string) (credential.Record, bool, error) {
	list, err := s.list(ctx, "loading a passkey", "id = ?", []byte(id))
	if err != nil || len(list) == 0 {
		return credential.Record{}, false, err
	}
	return list[0], true, nil
}

func (s passkeys) List(ctx context.Context, subject string) ([]credential.Record, error) {
	return s.list(ctx, "listing passkeys", "subject = ? ORDER BY created, id", []byte(subject))
}

// change runs a statement, and reports whether there was a row for it.
func (s passkeys) change(ctx context.Context, operation, query string, args ...any) (changed bool, err error) {
	err = s.write(ctx, operation, func(ctx context.Context) error {
		n, err := s.exec(ctx, s.db(), query, args...)
		changed = n > 0
		return err
	})
	return changed && err == nil, err
}

// Use counts in revision, as each statement changes the rows that it matches: see exec.
func (s passkeys) Use(ctx context.Context, id string, u credential.Use) (accepted bool, err error) {
	count := int64(u.SignCount)
	return s.change(ctx, "storing the use of a passkey",
		"UPDATE guard_passkeys SET sign_count = ?, backup_eligible = ?, backed_up = ?, last_used = ?, revision = revision + 1 WHERE id = ? AND (sign_count < ? OR sign_count = 0 AND sign_count = ?)",
		count, toInt(u.BackupEligible), toInt(u.BackedUp), toMS(u.At), []byte(id), count, count)
}

func (s passkeys) Rename(ctx context.Context, subject, id, name string) (found bool, err error) {
	if len(name) > 64 {
		return false, fmt.Errorf("sqlstore: the name of a passkey has %d bytes, want at most 64", len(name))
	}
	return s.change(ctx, "renaming a passkey", "UPDATE guard_passkeys SET name = ?, revision = revision + 1 WHERE id = ? AND subject = ?",
		[]byte(name), []byte(id), []byte(subject))
}

func (s passkeys) Remove(ctx context.Context, subject, id string) (found bool, err error) {
	return s.change(ctx, "removing a passkey", "DELETE FROM guard_passkeys WHERE id = ? AND subject = ?", []byte(id), []byte(subject))
}
