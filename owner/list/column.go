package list

import (
	"reflect"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/wiring"
)

// A Value is the type of a column: text, an integer or a boolean.
type Value interface {
	~string | ~int | ~int32 | ~int64 | ~bool
}

// A Column is a column of the table of T, and how Match reads it from a T. Declare it
// as a variable, so that a mistake stops the program at its start. V is the type of
// the database, too: an integer column that is compared with text equals other
// spellings of its number ("07").
type Column[T any, V Value] struct {
	name string
	read func(T) (v V, ok bool) // ok is false for NULL
	kind reflect.Kind
}

// NotNull returns a column that is declared NOT NULL. It panics if the name is not one
// or more words of ASCII letters, digits and underscores, joined by dots, such as
// "author_id" and "posts.author_id", or is one word that means something else in SQL,
// such as "user".
func NotNull[T any, V Value](name string, read func(T) V) Column[T, V] {
	return column(name, read == nil, func(v T) (V, bool) { return read(v), true })
}

// Nullable returns a column that may be NULL: read returns nil. It panics as NotNull
// does.
func Nullable[T any, V Value](name string, read func(T) *V) Column[T, V] {
	return column(name, read == nil, func(v T) (value V, ok bool) {
		p := read(v)
		if p == nil {
			return value, false
		}
		return *p, true
	})
}

func column[T any, V Value](name string, noRead bool, read func(T) (V, bool)) Column[T, V] {
	check(name, noRead)
	return Column[T, V]{name, read, reflect.TypeFor[V]().Kind()}
}

// Null selects the resources whose column is NULL, for which isNull reports true. The
// column may be of any type. It panics as NotNull does.
func Null[T any](name string, isNull func(T) bool) Rule[T] {
	check(name, isNull == nil)
	return Rule[T]{
		eval: func(v T) truth {
			if isNull(v) {
				return isTrue
			}
			return isFalse
		},
		write: func(s *statement) { s.text("(" + name + " IS NULL)") },
	}
}

// check panics unless name can stand in SQL without quotes. A quoted name would be
// compared in exact case in PostgreSQL, and a misspelled one be a string in SQLite.
func check(name string, noRead bool) {
	for word := range strings.SplitSeq(name, ".") {
		if word == "" || '0' <= word[0] && word[0] <= '9' || strings.Trim(word, letters+"0123456789_") != "" {
			wiring.Panic("owner/list", `the column %q is not a name such as "author_id" or "posts.author_id"`, name)
		}
	}
	if keywords[strings.ToLower(name)] {
		wiring.Panic("owner/list", `the column %q is a keyword of SQL with a value of its own: name its table, too, as in "posts.author_id"`, name)
	}
	if noRead {
		wiring.Panic("owner/list", "the function that reads column %q is nil", name)
	}
}

// keywords have a value in some dialect, where the column of that name has not: "user"
// is the connection's in PostgreSQL. Behind a table's name they are columns.
var keywords = map[string]bool{
	"current_catalog": true, "current_date": true, "current_role": true, "current_schema": true, "current_time": true,
	"current_timestamp": true, "current_user": true, "false": true, "localtime": true, "localtimestamp": true, "null": true,
	"session_user": true, "system_user": true, "true": true, "user": true, "utc_date": true, "utc_time": true, "utc_timestamp": true,
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// Is selects the resources whose column equals v. An empty string and 0 equal nothing.
func (c Column[T, V]) Is(v V) Rule[T] { return c.In(v) }

// In selects the resources whose column equals one of the values. Without values it
// is false, and Not of it selects everything. An empty string and 0 equal nothing.
// Databases limit the arguments of a statement, SQLite to 32,766 and the others to
// 65,535; a text counts twice in MySQL.
func (c Column[T, V]) In(values ...V) Rule[T] {
	if c.read == nil {
		wiring.Panic("owner/list", "a Column that was not declared by NotNull or Nullable")
	}
	if len(values) == 0 {
		return constant[T](isFalse, "(1 = 0)")
	}
	var zero V
	present := slices.DeleteFunc(slices.Clone(values), func(v V) bool { return c.kind != reflect.Bool && v == zero })
	if len(present) == 0 {
		return Rule[T]{}
	}
	equal := Rule[T]{
		eval: func(v T) truth {
			value, ok := c.read(v)
			switch {
			case !ok:
				return isUnknown
			case slices.Contains(present, value):
				return isTrue
			}
			return isFalse
		},
		write: func(s *statement) {
			args := make([]any, len(present))
			for i, v := range present {
				args[i] = v
			}
			s.compare(c.name, c.kind == reflect.String, args)
		},
	}
	if len(present) < len(values) {
		return Any(equal, Rule[T]{})
	}
	return equal
}
