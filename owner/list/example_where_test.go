package list_test

import (
	"fmt"

	"github.com/go-guard/guard/owner/list"
)

type Note struct {
	OwnerID string
	TeamID  *string // nil: NULL
	Shared  bool
}

var (
	ownerID = list.NotNull("owner_id", func(n Note) string { return n.OwnerID })
	ofTeam  = list.Nullable("team_id", func(n Note) *string { return n.TeamID })
	shared  = list.NotNull("shared", func(n Note) bool { return n.Shared })
)

// A statement has conditions of its own, and their arguments.
func ExampleRule_Where() {
	rule := list.Any(ownerID.Is("alice"), shared.Is(true))
	where, args := rule.Where(list.PostgreSQL, "blog-7")
	fmt.Println("SELECT id FROM notes WHERE blog_id = $1 AND " + where)
	fmt.Println(args)
	// Output:
	// SELECT id FROM notes WHERE blog_id = $1 AND ((owner_id IN ($2)) OR (shared IN ($3)))
	// [blog-7 alice true]
}

// The rule that selects the list also checks one resource.
func ExampleRule_Match() {
	readable := list.Any(ownerID.Is("alice"), shared.Is(true))
	fmt.Println(readable.Match(Note{OwnerID: "alice"}))
	fmt.Println(readable.Match(Note{OwnerID: "bob", Shared: true}))
	fmt.Println(readable.Match(Note{OwnerID: "bob"}))
	// Output:
	// true
	// true
	// false
}

// A column of integers. A program declares it as a variable of a package, so that a
// mistake in the name stops it at its start.
func ExampleNotNull() {
	type Report struct{ Year int }
	year := list.NotNull("reports.year", func(r Report) int { return r.Year })

	where, args := year.In(2025, 2026).Where(list.SQLite)
	fmt.Println(where, args)
	// Output: (reports.year IN (?, ?)) [2025 2026]
}

// A note without a team has NULL in this column, and equals no team.
func ExampleNullable() {
	team := list.Nullable("team_id", func(n Note) *string { return n.TeamID })
	red := "red"
	fmt.Println(team.Is("red").Match(Note{TeamID: &red}), team.Is("red").Match(Note{}))
	// Output: true false
}

// An empty id selects nothing, not the rows that have none.
func ExampleColumn_Is() {
	fmt.Println(ownerID.Is("alice").Match(Note{OwnerID: "alice"}))
	fmt.Println(ownerID.Is("").Match(Note{OwnerID: ""}))
	// Output:
	// true
	// false
}

// Notes of the user's teams. A user who is in no team reads none of them.
func ExampleColumn_In() {
	for _, teams := range [][]string{{"red", "blue"}, nil} {
		where, args := ofTeam.In(teams...).Where(list.PostgreSQL)
		fmt.Println(where, args)
	}
	// Output:
	// (team_id IN ($1, $2)) [red blue]
	// (1 = 0) []
}

// Shared notes of one owner.
func ExampleAll() {
	rule := list.All(ownerID.Is("alice"), shared.Is(true))
	where, args := rule.Where(list.PostgreSQL)
	fmt.Println(where, args)
	// Output: ((owner_id IN ($1)) AND (shared IN ($2))) [alice true]
}

// Notes of the user, and of the user's team.
func ExampleAny() {
	rule := list.Any(ownerID.Is("alice"), ofTeam.Is("red"))
	where, args := rule.Where(list.PostgreSQL)
	fmt.Println(where, args)
	// Output: ((owner_id IN ($1)) OR (team_id IN ($2))) [alice red]
}

// Administrators read every note; the query stays the same.
func ExampleEverything() {
	readable := func(user string, admin bool) list.Rule[Note] {
		if admin {
			return list.Everything[Note]()
		}
		return ownerID.Is(user)
	}
	where, args := readable("root", true).Where(list.PostgreSQL)
	fmt.Println(where, args)
	fmt.Println(readable("alice", false).Match(Note{OwnerID: "bob"}))
	// Output:
	// (1 = 1) []
	// false
}

// Notes of others. What is NULL is not selected: see the example of Null.
func ExampleNot() {
	others := list.Not(ownerID.Is("alice"))
	fmt.Println(others.Match(Note{OwnerID: "bob"}), others.Match(Note{OwnerID: "alice"}))
	// Output: true false
}

// What is NULL is neither in a list nor outside of it: Null selects it.
func ExampleNull() {
	blocked := ofTeam.In("red")
	note := Note{OwnerID: "bob"} // in no team
	fmt.Println(blocked.Match(note), list.Not(blocked).Match(note))

	noTeam := list.Null("team_id", func(n Note) bool { return n.TeamID == nil })
	fmt.Println(list.Any(noTeam, list.Not(blocked)).Match(note))
	// Output:
	// false false
	// true
}
