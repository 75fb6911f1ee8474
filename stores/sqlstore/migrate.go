package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
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

// Schema returns the statements that Migrate executes, for applications that create
// the tables themselves: the text of schema/DIALECT.sql, with the names that
// [Options.Schema] and [Options.Prefix] determine. They may be executed again.
func (s *Stores) Schema() string {
	b, err := schemas.ReadFile("schema/" + strings.ToLower(s.dialect.String()) + ".sql")
	if err != nil {
		panic(err) // not reached: New checks the dialect
	}
	return s.dialect.qualify(string(b), s.names)
}

// Migrate creates the tables that do not exist. It may run at every start and in
// several processes at once. If the schema has this package's version, it needs no
// permission to change the schema. A schema with a newer version is an error: this
// package cannot write to tables that it does not support.
//
// It then checks that the role may read and write each table. If a right, a schema or a
// database is missing, the error names it and the statement that adds it. ctx bounds its
// time, and [Options].Timeout does not.
func (s *Stores) Migrate(ctx context.Context) error {
	err := s.migrate(ctx)
	if err == nil {
		err = s.checkRights(ctx)
	}
	if err != nil {
		return fmt.Errorf("sqlstore: migrating: %w", err)
	}
	return nil
}

func (s *Stores) migrate(ctx context.Context) error {
	if err := s.checkDialect(ctx); err != nil {
		return err
	}
	// Another text than below: PgBouncer takes a statement that could not be prepared,
	// as there is no table, for one that the connection has.
	v, err := s.version(ctx, s.db(), "SELECT version FROM guard_schema ORDER BY version DESC LIMIT 1")
	if err == nil && v > 0 {
		return checkVersion(v)
	}
	if explained := s.explain(ctx, err, use, "SELECT ON guard_schema"); explained != nil {
		if s.dialect.mistake(err) == denied { // MySQL does not say whether there is a table
			explained = fmt.Errorf("%w%s%s", explained, orCreate, s.grant(ctx, create))
		}
		return explained
	}
	err = s.retry(ctx, func(ctx context.Context) error {
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
	return cmp.Or(s.explain(ctx, err, create), err)
}

// checkDialect returns an error if the database is of another kind. Some statements
// would succeed there, so that the others would fail at the first request.
func (s *Stores) checkDialect(ctx context.Context) error {
	function := map[Dialect]string{PostgreSQL: "pg_backend_pid()", MySQL: "CONNECTION_ID()", SQLite: "sqlite_version()"}[s.dialect]
	var answer string
	err := s.db().QueryRowContext(ctx, "SELECT "+function).Scan(&answer)
	itsError := s.dialect == PostgreSQL && sqlState(err) != "" || s.dialect == MySQL && errorCode(err) >= 1000 ||
		s.dialect == SQLite && errorCode(err) < 1000 && SQLite.classify(err) == conflict // another connection changes the file to WAL
	if err == nil || itsError || s.db().PingContext(ctx) != nil {
		return nil // what follows reports an outage
	}
	return fmt.Errorf("New was given the dialect %v, and the database has another: %w", s.dialect, err)
}

// version returns the version of the schema that a query selects, 0 if there is none.
func (s *Stores) version(ctx context.Context, on runner, query string) (v int, err error) {
	err = s.query(ctx, on, func(rows *sql.Rows) error { return rows.Scan(&v) }, query)
	return v, err
}

// checkVersion returns an error if the schema is newer than this package.
func checkVersion(v int) error {
	if v > Version {
		return fmt.Errorf("the schema has version %d, and this package supports version %d", v, Version)
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
			s.rollBack(ctx, conn)
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
// the connection makes concurrent migrations of a database wait.
func (s *Stores) migrateMySQL(ctx context.Context, conn *sql.Conn) error {
	database := sql.NullString{String: s.schema, Valid: s.schema != ""}
	if !database.Valid {
		if err := conn.QueryRowContext(ctx, "SELECT DATABASE()").Scan(&database); err != nil {
			return err
		}
	}
	// The name of a lock has at most 64 characters, as that of a database has. MySQL 9.6
	// has no MD5 and no SHA1 any more.
	digest := sha256.Sum256([]byte(database.String))
	lock := fmt.Sprintf("guard.%x", digest[:16])
	var acquired sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 60)", lock).Scan(&acquired); err != nil {
		return err
	}
	switch {
	case !acquired.Valid:
		return errors.New("GET_LOCK returned NULL: the statement was killed, or the server has no memory")
	case acquired.Int64 == 0:
		return errors.New("another process has held the migration lock for a minute")
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(?)", lock)
	}()
	if err := s.create(ctx, conn); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "COMMIT") // of the last statement, if autocommit is off
	return err
}

// create creates the tables unless the schema has a version. The first statement of
// the schema creates the table of the version, and the last one inserts it.
func (s *Stores) create(ctx context.Context, conn *sql.Conn) error {
	for i, statement := range strings.Split(strings.TrimSpace(s.Schema()), ";\n") {
		for statement = strings.TrimSpace(statement); strings.HasPrefix(statement, "--"); {
			_, statement, _ = strings.Cut(statement, "\n")
			statement = strings.TrimSpace(statement)
		}
		if i == 1 {
			if v, err := s.version(ctx, conn, "SELECT MAX(version) FROM guard_schema HAVING COUNT(*) > 0"); err != nil || v > 0 {
				return errors.Join(err, checkVersion(v))
			}
		}
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w, in %.60q", err, statement)
		}
	}
	return nil
}
