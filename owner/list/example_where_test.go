package list_test

import (
	"fmt"

	"github.com/go-guard/guard/owner/list"
)

// A statement has conditions of its own, and their arguments.
func ExampleRule_Where() {
	where, args := readable(User{ID: "alice"}).Where(list.PostgreSQL, "blog-7")
	fmt.Println("SELECT id FROM posts WHERE blog_id = $1 AND " + where)
	fmt.Println(args)
	// Output:
	// SELECT id FROM posts WHERE blog_id = $1 AND ((author_id IN ($2)) OR (1 = 0) OR (public IN ($3)))
	// [blog-7 alice true]
}

// What is NULL is neither in a list nor outside of it: Null selects it.
func ExampleNull() {
	blocked := teamID.In("red")
	post := Post{ID: "1"} // in no team
	fmt.Println(blocked.Match(post), list.Not(blocked).Match(post))

	noTeam := list.Null("team_id", func(p Post) bool { return p.TeamID == nil })
	fmt.Println(list.Any(noTeam, list.Not(blocked)).Match(post))
	// Output:
	// false false
	// true
}
