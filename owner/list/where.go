package list

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-guard/guard/internal/wiring"
)

// A Dialect is the SQL of a database.
type Dialect int

// The dialects. MySQL is that of MariaDB, too.
const (
	PostgreSQL Dialect = iota + 1
	MySQL
	SQLite
)

// Where returns the rule as a condition in parentheses, and the arguments of its
// statement: first those of the placeholders before the condition, then its own.
// PostgreSQL numbers them on ($3 after two before).
//
//	where, args := rule.Where(list.PostgreSQL, blog)
//	query := "SELECT id, title FROM posts WHERE blog_id = $1 AND " + where
func (r Rule[T]) Where(d Dialect, before ...any) (where string, args []any) {
	if d < PostgreSQL || d > SQLite {
		wiring.Panic("owner/list", "Where with Dialect(%d), which is none of PostgreSQL, MySQL and SQLite", d)
	}
	s := &statement{dialect: d, args: slices.Clone(before)}
	writeTo(s, r)
	return s.String(), s.args
}

// writeTo writes the condition of r: NULL is unknown in every dialect.
func writeTo[T any](s *statement, r Rule[T]) {
	if r.write == nil {
		s.text("(NULL)")
		return
	}
	r.write(s)
}

// A statement is a condition while it is written.
type statement struct {
	strings.Builder
	dialect Dialect
	args    []any
}

func (s *statement) text(t string) { s.WriteString(t) }

// compare writes that a column equals one of args.
func (s *statement) compare(column string, isText bool, args []any) {
	s.text("(")
	switch {
	case isText && s.dialect == SQLite: // a column may be NOCASE
		s.text(column + " COLLATE BINARY")
	case isText && s.dialect == MySQL:
		// The collations of MySQL ignore case and trailing spaces. The first comparison
		// can use an index, and the second one is exact.
		s.text(column)
		s.in(args)
		s.text(" AND CAST(CONVERT(" + column + " USING utf8mb4) AS BINARY)")
	default:
		s.text(column)
	}
	s.in(args)
	s.text(")")
}

// in writes the right side of a comparison with args.
func (s *statement) in(args []any) {
	s.text(" IN (")
	for i, arg := range args {
		if i > 0 {
			s.text(", ")
		}
		s.args = append(s.args, arg)
		if s.dialect == PostgreSQL {
			s.text("$" + strconv.Itoa(len(s.args)))
		} else {
			s.text("?")
		}
	}
	s.text(")")
}
