package list_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-guard/guard/owner/list"
)

type group string

type post struct {
	author string
	team   *group // nil is NULL
	level  int64
	public bool
}

var (
	author = list.NotNull("author_id", func(p post) string { return p.author })
	team   = list.Nullable("p.team_id", func(p post) *group { return p.team })
	level  = list.NotNull("level", func(p post) int64 { return p.level })
	public = list.NotNull("public", func(p post) bool { return p.public })
	noTeam = list.Null("p.team_id", func(p post) bool { return p.team == nil })
)

const hostile = "x' OR 1=1; -- \" ` \\ $1 ?"

func TestRules(t *testing.T) {
	red := group("red")
	alices, bobs := post{author: "alice", team: &red, public: true, level: 1}, post{author: "bob"}
	isNull := list.Rule[post]{}
	for _, tt := range []struct {
		name         string
		rule         list.Rule[post]
		alices, bobs bool
		where        string // of PostgreSQL
		args         []any
	}{
		{"Is", author.Is("alice"), true, false, `(author_id IN ($1))`, []any{"alice"}},
		{"Is, a hostile value", author.Is(hostile), false, false, `(author_id IN ($1))`, []any{hostile}},
		{"In", author.In("carol", "bob"), false, true, `(author_id IN ($1, $2))`, []any{"carol", "bob"}},
		{"In, an integer", level.In(1, 7), true, false, `(level IN ($1, $2))`, []any{int64(1), int64(7)}},
		{"Is false", public.Is(false), false, true, `(public IN ($1))`, []any{false}},
		{"Null", noTeam, false, true, `(p.team_id IS NULL)`, nil},
		{"Not Null", list.Not(noTeam), true, false, `(NOT (p.team_id IS NULL))`, nil},
		{"Not", list.Not(author.Is("alice")), false, true, `(NOT (author_id IN ($1)))`, []any{"alice"}},
		{"Not over NULL", list.Not(team.Is("blue")), true, false, `(NOT (p.team_id IN ($1)))`, []any{group("blue")}},
		{"Any", list.Any(team.Is("red"), author.Is("bob")), true, true, `((p.team_id IN ($1)) OR (author_id IN ($2)))`, []any{group("red"), "bob"}},
		{"All", list.All(team.Is("red"), public.Is(true)), true, false, `((p.team_id IN ($1)) AND (public IN ($2)))`, []any{group("red"), true}},
		{"Everything", list.Everything[post](), true, true, `(1 = 1)`, nil},
		{"not Everything", list.Not(list.Everything[post]()), false, false, `(NOT (1 = 1))`, nil},
		// What is empty selects nothing.
		{"the zero rule", isNull, false, false, `(NULL)`, nil},
		{"not the zero rule", list.Not(isNull), false, false, `(NOT (NULL))`, nil},
		{"Any of none", list.Any[post](), false, false, `(NULL)`, nil},
		{"All of none", list.All[post](), false, false, `(NULL)`, nil},
		{"not All of none", list.Not(list.All[post]()), false, false, `(NOT (NULL))`, nil},
		{"All, one of them empty", list.All(author.Is("bob"), isNull), false, false, `((author_id IN ($1)) AND (NULL))`, []any{"bob"}},
		{"Is an empty string", author.Is(""), false, false, `(NULL)`, nil},
		{"not Is an empty string", list.Not(author.Is("")), false, false, `(NOT (NULL))`, nil},
		{"Is 0", level.Is(0), false, false, `(NULL)`, nil},
		{"In, one of them empty", author.In("", "bob"), false, true, `((author_id IN ($1)) OR (NULL))`, []any{"bob"}},
		{"In of none", team.In(), false, false, `(1 = 0)`, nil},
		{"not In of none", list.Not(team.In()), true, true, `(NOT (1 = 0))`, nil},
	} {
		if a, b := tt.rule.Match(alices), tt.rule.Match(bobs); a != tt.alices || b != tt.bobs {
			t.Errorf("%s: Match is %t for Alice's and %t for Bob's, want %t and %t", tt.name, a, b, tt.alices, tt.bobs)
		}
		if where, args := tt.rule.Where(list.PostgreSQL); where != tt.where || !reflect.DeepEqual(args, tt.args) {
			t.Errorf("%s: %s %v, want %s %v", tt.name, where, args, tt.where, tt.args)
		}
	}
}

func TestDialects(t *testing.T) {
	rule := list.Any(author.In("a", "b"), level.Is(7))
	for d, want := range map[list.Dialect]struct {
		where string
		args  []any
	}{
		list.PostgreSQL: {`((author_id IN ($3, $4)) OR (level IN ($5)))`, []any{"blog", 1, "a", "b", int64(7)}},
		list.MySQL: {`((author_id IN (?, ?) AND CAST(CONVERT(author_id USING utf8mb4) AS BINARY) IN (?, ?)) OR (level IN (?)))`,
			[]any{"blog", 1, "a", "b", "a", "b", int64(7)}},
		list.SQLite: {`((author_id COLLATE BINARY IN (?, ?)) OR (level IN (?)))`, []any{"blog", 1, "a", "b", int64(7)}},
	} {
		if where, args := rule.Where(d, "blog", 1); where != want.where || !reflect.DeepEqual(args, want.args) {
			t.Errorf("%d: %s %v, want %s %v", d, where, args, want.where, want.args)
		}
	}
}

// A rule does not change with the slices that it was built from, nor with the
// arguments of an earlier statement.
func TestRulesAreImmutable(t *testing.T) {
	names, rules := []string{"alice"}, []list.Rule[post]{author.Is("alice")}
	in, anyOf := author.In(names...), list.Any(rules...)
	names[0], rules[0] = "mallory", list.Everything[post]()
	before := make([]any, 1, 8)
	_, first := in.Where(list.SQLite, before...)
	_, _ = author.Is("mallory").Where(list.SQLite, before...)
	if first[1] != "alice" || in.Match(post{author: "mallory"}) || anyOf.Match(post{author: "mallory"}) {
		t.Errorf("changed: %v", first)
	}
}

func TestMistakesPanic(t *testing.T) {
	read := func(p post) string { return p.author }
	for want, f := range map[string]func(){
		`""`:             func() { list.NotNull("", read) },
		`"author id"`:    func() { list.NotNull("author id", read) },
		`"a.b;c"`:        func() { list.Nullable("a.b;c", func(p post) *string { return &p.author }) },
		`"1a"`:           func() { list.NotNull("1a", read) },
		`"a."`:           func() { list.NotNull("a.", read) },
		`"user"`:         func() { list.NotNull("user", read) }, // that of the connection
		`"Current_Date"`: func() { list.NotNull("Current_Date", read) },
		`"true"`:         func() { list.Null("true", func(post) bool { return true }) },
		`"größe"`:        func() { list.NotNull("größe", read) },
		`"x--"`:          func() { list.Null("x--", func(post) bool { return true }) },
		`"nil_read"`:     func() { list.NotNull[post, string]("nil_read", nil) },
		`"nil_pointer"`:  func() { list.Nullable[post, string]("nil_pointer", nil) },
		`"nil_null"`:     func() { list.Null[post]("nil_null", nil) },
		"not declared":   func() { list.Column[post, string]{}.Is("x") },
		"Dialect(0)":     func() { author.Is("x").Where(0) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, want) || !strings.HasPrefix(p, "owner/list: ") {
					t.Errorf("panic %q", p)
				}
			}()
			f()
		})
	}
}
