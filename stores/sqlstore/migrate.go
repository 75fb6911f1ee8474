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

// Version is the version of the schema that this package reads and writes.
const Version = 1

// Schema returns the statements that Migrate executes, the text of
// schema/DIALECT.sql, for applications that create the tables themselves. It
// returns "" for an invalid dialect. Such an application must also execute
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

// Migrate creates the tables that do not exist. It may run at every start and in
// several processes at once. If the schema has this package's version, it needs no
// permission to change the schema. A schema with a newer version is an error: this
// package cannot write to tables that it does not support.
func (s *Stores) Migrate(ctx context.Context) error {
	if v, err := s.version(ctx, s.db()); err == nil && v > 0 {
		return checkVersion(v)
	}
	err := s.retry(ctx, func(ctx context.Context) error {
		conn, err := s.db().Conn(ctx)
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

// version returns the version of the schema, 0 if there is none.
func (s *Stores) version(ctx context.Context, on runner) (v int, err error) {
	err = s.query(ctx, on, func(rows *sql.Rows) error { return rows.Scan(&v) }, "SELECT MAX(version) FROM guard_schema HAVING COUNT(*) > 0")
	return v, err
}

// checkVersion returns an error if the schema is newer than this package.
func checkVersion(v int) error {
	if v > Version {
		return fmt.Errorf("sqlstore: the schema has version %d, and this package supports version %d", v, Version)
	}
	return nil
}

// migrateTx creates the tables in a transaction, for PostgreSQL and SQLite. A lock
// makes concurrent migrations wait.
func (s *Stores) migrateTx(ctx context.Context, conn *sql.Conn) (err error) {
	begin, lock := "BEGIN", "SELECT pg_advisory_xact_lock(7163378450311)" // an arbitrary, fixed number
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

// migrateMySQL creates the tables in MySQL, which commits each statement. A lock of
// the connection makes concurrent migrations wait.
func (s *Stores) migrateMySQL(ctx context.Context, conn *sql.Conn) error {
	var acquired sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT('guard.', MD5(DATABASE())), 60)").Scan(&acquired); err != nil {
		return err
	}
	if acquired.Int64 != 1 {
		return errors.New("another process has held the migration lock for a minute")
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(CONCAT('guard.', MD5(DATABASE())))")
	}()
	return s.create(ctx, conn)
}

// create creates the tables unless the schema has a version.
func (s *Stores) create(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS guard_schema (version INTEGER NOT NULL PRIMARY KEY)"); err != nil {
		return err
	}
	v, err := s.version(ctx, conn)
	if err != nil || v > 0 {
		return errors.Join(err, checkVersion(v))
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
