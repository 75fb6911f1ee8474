package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strings"
)

//go:embed schema
var schemas embed.FS

// Version is the schema that this package reads and writes.
const Version = 1

// Schema is what Migrate executes: the plain text of schema/DIALECT.sql, for
// those who create tables themselves. They also need
//
//	CREATE TABLE guard_schema (version INTEGER NOT NULL PRIMARY KEY);
//	INSERT INTO guard_schema VALUES (1);
func Schema(d Dialect) string {
	b, err := schemas.ReadFile("schema/" + strings.ToLower(d.String()) + ".sql")
	if err != nil {
		return ""
	}
	return string(b)
}

// Migrate creates the tables where they are not there. It may run at every
// start, in several processes at once; where the schema is current it needs no
// right to change it. A schema that is newer than this package is an error: an
// old process must not write what it does not know.
func (s *Stores) Migrate(ctx context.Context) error {
	if v, err := s.version(ctx, s.db); err == nil && v > 0 {
		return newer(v)
	}
	err := s.try(ctx, func(ctx context.Context) error {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if s.dialect == MySQL {
			return s.migrateMySQL(ctx, conn)
		}
		return s.migrateTx(ctx, conn)
	})
	if err != nil {
		return fmt.Errorf("sqlstore: migrating: %w", err)
	}
	return nil
}

// version is that of the schema, 0 where there is none.
func (s *Stores) version(ctx context.Context, on runner) (v int, err error) {
	err = s.query(ctx, on, func(rows *sql.Rows) error { return rows.Scan(&v) }, "SELECT MAX(version) FROM guard_schema HAVING COUNT(*) > 0")
	return v, err
}

func newer(v int) error {
	if v > Version {
		return fmt.Errorf("sqlstore: the schema is of version %d, and this package knows %d", v, Version)
	}
	return nil
}

// migrateTx: PostgreSQL and SQLite change their schema within transactions.
func (s *Stores) migrateTx(ctx context.Context, conn *sql.Conn) (err error) {
	begin, lock := "BEGIN", "SELECT pg_advisory_xact_lock(7163378450311)" // a number of ours
	if s.dialect == SQLite {
		begin, lock = "BEGIN IMMEDIATE", "SELECT 1"
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if _, err := conn.ExecContext(ctx, lock); err != nil {
		return err
	}
	if err := s.create(ctx, conn); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// migrateMySQL: MySQL commits each statement; a lock of the session keeps
// others out until the last.
func (s *Stores) migrateMySQL(ctx context.Context, conn *sql.Conn) error {
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT('guard.', MD5(DATABASE())), 60)").Scan(&got); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return errors.New("another process has been migrating for a minute")
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(CONCAT('guard.', MD5(DATABASE())))")
	}()
	return s.create(ctx, conn)
}

func (s *Stores) create(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS guard_schema (version INTEGER NOT NULL PRIMARY KEY)"); err != nil {
		return err
	}
	v, err := s.version(ctx, conn)
	if err != nil || v > 0 {
		return errors.Join(err, newer(v))
	}
	for statement := range strings.SplitSeq(Schema(s.dialect), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w, in %.60q", err, statement)
		}
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf("INSERT INTO guard_schema (version) VALUES (%d)", Version))
	return err
}
