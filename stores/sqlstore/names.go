package sqlstore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// names is how one database names the tables. The zero value adds nothing.
type names struct {
	schema, prefix string // as Options has them
	qualifier      string // what begins the name of a table: the schema, quoted and with a dot, and the prefix
}

// The names of Options become a part of statements. PostgreSQL's names have at most
// 63 bytes, MySQL's 64, and those of the indexes have up to 33 after the prefix.
var (
	validSchema = regexp.MustCompile(`^[A-Za-z0-9_]{0,63}$`)
	validPrefix = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,29})?$`)
)

// names checks the names of Options.
func (d Dialect) names(schema, prefix string) (names, error) {
	var errs []error
	if !validSchema.MatchString(schema) {
		errs = append(errs, fmt.Errorf("sqlstore: the schema %.100q must have at most 63 ASCII letters, digits and underscores", schema))
	}
	if !validPrefix.MatchString(prefix) {
		errs = append(errs, fmt.Errorf("sqlstore: the prefix %.100q must have at most 30 lower-case ASCII letters, digits and underscores, and no digit first", prefix))
	}
	n := names{schema, prefix, prefix}
	if schema != "" {
		n.qualifier = d.quote(schema) + "." + prefix
	}
	return n, errors.Join(errs...)
}

// quote quotes a valid name, which may be a reserved word.
func (d Dialect) quote(name string) string {
	if d == MySQL {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}

// in returns a query with the names of the tables. Queries hold no values, so that
// "guard_" is always the beginning of a table's name.
func (n names) in(query string) string {
	if n.qualifier == "" {
		return query
	}
	return strings.ReplaceAll(query, "guard_", n.qualifier+"guard_")
}

// qualify returns the statements of a schema with the names of the tables and indexes.
// An index is in the schema of its table. CREATE INDEX names that schema before the
// table in PostgreSQL, and before the index in SQLite.
func (d Dialect) qualify(statements string, n names) string {
	ofIndex := " ON guard_"
	if d == SQLite {
		ofIndex = "INDEX IF NOT EXISTS guard_"
	}
	var pairs []string
	for _, s := range []string{"TABLE IF NOT EXISTS guard_", "INTO guard_", ofIndex} {
		pairs = append(pairs, s, n.in(s))
	}
	return strings.NewReplacer(append(pairs, "guard_", n.prefix+"guard_")...).Replace(statements)
}
