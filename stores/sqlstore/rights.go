package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// A mistake is a class of driver errors that someone fixes in the database or in its
// DSN.
type mistake int

const (
	none            mistake = iota
	denied                  // the role may not
	unknownSchema           // PostgreSQL: there is no schema to create tables in
	unknownDatabase         // the database of the DSN, or MySQL's of Options.Schema
	unnamedDatabase         // MySQL: neither the DSN nor Options.Schema has one
	readOnly                // a standby, a file without a right to write
	cannotOpen              // SQLite: no directory, or no right to it
	unknownTable            // Migrate was not called, or for other tables
	notPrepared             // PostgreSQL: another connection has the prepared statement
)

func (d Dialect) mistake(err error) mistake {
	switch d {
	case PostgreSQL:
		return map[string]mistake{
			"42501": denied,          // insufficient_privilege
			"3F000": unknownSchema,   // invalid_schema_name
			"3D000": unknownDatabase, // invalid_catalog_name
			"25006": readOnly,        // read_only_sql_transaction
			"42P01": unknownTable,    // undefined_table
			"42P05": notPrepared,     // duplicate_prepared_statement
			"26000": notPrepared,     // invalid_sql_statement_name
		}[sqlState(err)]
	case MySQL:
		return map[int64]mistake{
			1044: denied,          // ER_DBACCESS_DENIED_ERROR
			1142: denied,          // ER_TABLEACCESS_DENIED_ERROR
			1143: denied,          // ER_COLUMNACCESS_DENIED_ERROR
			1049: unknownDatabase, // ER_BAD_DB_ERROR
			1046: unnamedDatabase, // ER_NO_DB_ERROR
			1146: unknownTable,    // ER_NO_SUCH_TABLE
			1290: readOnly,        // ER_OPTION_PREVENTS_STATEMENT, by read_only
			1792: readOnly,        // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
			1836: readOnly,        // ER_READ_ONLY_MODE
		}[errorCode(err)]
	}
	if errorCode(err) == 1 && strings.Contains(err.Error(), "no such table") { // SQLITE_ERROR
		return unknownTable
	}
	return map[int64]mistake{
		8:  readOnly,   // SQLITE_READONLY
		14: cannotOpen, // SQLITE_CANTOPEN
	}[errorCode(err)&0xff]
}

// explain returns err with what is missing and how to add it, nil if err is nil or
// none of these mistakes. rights are those that the statement needs, such as
// "SELECT ON guard_schema".
func (s *Stores) explain(ctx context.Context, err error, rights ...string) error {
	var remedy string
	switch s.dialect.mistake(err) {
	case none, unknownTable: // Migrate creates it
		return nil
	case notPrepared:
		remedy = pooled
	case denied:
		remedy = s.grant(ctx, rights...)
	case unknownSchema:
		remedy = "no schema of the search_path exists that the role may use: set Options.Schema, or " + s.grant(ctx, use) + orCreate + s.grant(ctx, create)
		if s.schema != "" {
			remedy = "CREATE SCHEMA " + s.dialect.quote(s.schema)
		}
	case unknownDatabase:
		remedy = "CREATE DATABASE, or name another one"
	case unnamedDatabase:
		remedy = "name a database in the DSN, as in user:password@tcp(host:3306)/DATABASE, or in Options.Schema"
	case readOnly:
		remedy = "connect to the primary"
		if s.dialect == SQLite {
			remedy = "the DSN, the file or its directory allows no writes"
		}
	case cannotOpen:
		remedy = "the file or its directory does not exist, or this process may not access it"
	}
	return fmt.Errorf("%w: %s", err, remedy)
}

// Rights of explain, besides those to a table.
const (
	create = "CREATE" // the tables
	use    = "USAGE"  // the schema of PostgreSQL

	orCreate = "; or to create the tables: "
)

// pooled is the remedy of notPrepared.
const pooled = "behind PgBouncer, add default_query_exec_mode=exec to pgx's URL"

// grant returns the statements that give rights to the role of the connection.
func (s *Stores) grant(ctx context.Context, rights ...string) string {
	role, schema, err := s.role(ctx)
	if err != nil {
		if s.dialect.mistake(err) == denied {
			return "the role may not connect to this database"
		}
		return fmt.Sprintf("the name of the role is unknown (%v)", err)
	}
	if s.schema != "" {
		schema = s.dialect.quote(s.schema)
	}
	var statements []string
	if s.dialect == MySQL {
		rights = rightsOfTables(rights)
	}
	for _, right := range rights {
		switch {
		case right == create:
			right = "USAGE, CREATE ON SCHEMA " + schema
		case right == use:
			right = "USAGE ON SCHEMA " + schema
		default:
			verbs, table, _ := strings.Cut(right, " ON ")
			right = verbs + " ON " + schema + "." + s.prefix + table
		}
		statements = append(statements, "GRANT "+right+" TO "+role)
	}
	return strings.Join(statements, "; ")
}

// rightsOfTables returns rights as MySQL has them, which has none to a schema, and that to
// create each table. One to a database would cover the tables of others, and other
// databases: in its name, "_" stands for any character.
func rightsOfTables(rights []string) (list []string) {
	for _, right := range rights {
		switch right {
		case use:
		case create:
			list = append(list, "SELECT, INSERT, CREATE ON guard_schema")
			for _, t := range tables {
				list = append(list, "SELECT, INSERT, UPDATE, DELETE, CREATE ON "+t.name)
			}
		default:
			list = append(list, right)
		}
	}
	return list
}

// role returns the role and the schema of the connection, as GRANT names them.
func (s *Stores) role(ctx context.Context) (role, schema string, err error) {
	query := `SELECT quote_ident(current_user), quote_ident(COALESCE(current_schema(), (
		SELECT name FROM regexp_split_to_table(replace(current_setting('search_path'), '"', ''), '\s*,\s*') AS name
		WHERE name IN (SELECT nspname FROM pg_namespace) LIMIT 1), 'public'))` // one that the role may not use, too
	if s.dialect == MySQL {
		// The last "@" separates the host: a user's name may have others.
		query = `SELECT CONCAT(QUOTE(LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - LOCATE('@', REVERSE(CURRENT_USER())))), '@',
			QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1))), CONCAT(CHAR(96), REPLACE(COALESCE(DATABASE(), 'DATABASE'), CHAR(96), REPEAT(CHAR(96), 2)), CHAR(96))`
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = s.query(ctx, s.db(), func(rows *sql.Rows) error { return rows.Scan(&role, &schema) }, query)
	return role, schema, err
}

// checkRights returns an error if a table is missing, or if the role may not read or
// write it. The statements match no row. That a database is read-only is no error: a
// standby may become the primary. In SQLite, which has no roles, a write would wait.
func (s *Stores) checkRights(ctx context.Context) error {
	var first error
	var missing []string
	for _, t := range tables {
		var rights []string
		indexed := t.expiry + " = 0" // for sql_safe_updates
		if t.retention == forever {
			indexed = "subject = ''"
		}
		for _, right := range [...]struct{ name, statement string }{
			{"SELECT", "SELECT %[2]s FROM %[1]s WHERE 1 = 0"},
			{"INSERT", "INSERT INTO %[1]s SELECT * FROM %[1]s WHERE 1 = 0"},
			{"UPDATE", "UPDATE %[1]s SET %[2]s = 0 WHERE 1 = 0"},
			{"DELETE", "DELETE FROM %[1]s WHERE %[3]s AND 1 = 0"},
		} {
			_, err := s.exec(ctx, s.db(), fmt.Sprintf(right.statement, t.name, t.expiry, indexed))
			switch m := s.dialect.mistake(err); {
			case m == denied:
				rights = append(rights, right.name)
				first = cmp.Or(first, err)
			case err != nil && m != readOnly:
				return fmt.Errorf("%w, in a schema of version %d: execute what Stores.Schema returns", err, Version)
			}
			if s.dialect == SQLite {
				break
			}
		}
		if len(rights) > 0 {
			missing = append(missing, strings.Join(rights, ", ")+" ON "+t.name)
		}
	}
	return s.explain(ctx, first, missing...)
}
