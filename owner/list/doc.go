// Package list selects the resources that a principal may see. One rule checks a
// resource in Go and selects a list in SQL.
//
//	var (
//		author = list.NotNull("author_id", func(p Post) string { return p.AuthorID })
//		team   = list.Nullable("team_id", func(p Post) *string { return p.TeamID })
//		public = list.NotNull("public", func(p Post) bool { return p.Public })
//	)
//
//	func readable(u User) list.Rule[Post] {
//		return list.Any(author.Is(u.ID), team.In(u.Teams...), public.Is(true))
//	}
//
//	post := posts.Visible(func(u User, p Post) bool { return readable(u).Match(p) })
//	where, args := readable(u).Where(list.PostgreSQL)
//	rows, err := db.QueryContext(ctx, "SELECT id, title FROM posts WHERE "+where, args...)
//
// Match and Where agree, with the logic of SQL: a comparison with NULL is unknown,
// neither true nor false, and so is its negation. An unknown result is not selected.
// An empty rule is unknown, and so is a comparison with an empty string or 0, as in
// owner.Same: an empty ID selects nothing, even under Not.
//
// SQL contains the names of columns, which the program declares, and placeholders.
// Values are arguments, and never part of the text.
//
// Text is equal if its bytes are. In MySQL and SQLite that holds for columns of any
// collation. In PostgreSQL it holds for text and varchar of a deterministic collation,
// which is the default. It does not hold for citext, char(n) and uuid, which equal
// other spellings. In MySQL, a value outside the character set of its column is an
// error of the query.
package list
