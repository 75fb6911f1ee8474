package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/owner"
)

// posts is the number of posts. One in 100 belongs to the caller.
const posts = 10_000

// existence measures whether response times reveal that another user's post exists.
// As docs/ownership.md recommends, the loader selects by author and ID, in
// PostgreSQL. For contrast, another loader selects by ID alone and relies on HideAll:
// its responses are equal, but their times are not.
func existence(set settings) (comparison, error) {
	db, err := openPostgreSQL(1) // a temporary table belongs to its connection
	if err != nil {
		return comparison{}, err
	}
	stop := func() { db.Close() }
	if _, err := db.ExecContext(ctx, fmt.Sprintf(`CREATE TEMPORARY TABLE posts AS
		SELECT (2 * i)::text AS id, (i %% 100)::text AS author, 'Post ' || i AS title FROM generate_series(1, %d) AS i`, posts)); err != nil {
		stop()
		return comparison{}, unavailable("needs PostgreSQL (" + err.Error() + ")")
	}
	for _, index := range []string{`ALTER TABLE posts ADD PRIMARY KEY (author, id)`, `CREATE UNIQUE INDEX ON posts (id)`, `ANALYZE posts`} {
		if _, err := db.ExecContext(ctx, index); err != nil {
			stop()
			return comparison{}, err
		}
	}
	byQuery := func(query string, args func(r *http.Request, m member) []any) http.Handler {
		stmt := guard.Must(db.PrepareContext(ctx, query))
		post := guard.Must(owner.New(func(r *http.Request, m member) (a article, found bool, err error) {
			err = stmt.QueryRowContext(r.Context(), args(r, m)...).Scan(&a.ID, &a.Author)
			return a, err == nil, err
		}, &owner.Options{NotFound: []error{sql.ErrNoRows}, HideAll: true}))
		mux := http.NewServeMux()
		mux.Handle("GET /posts/{id}", guard.Chain(
			guard.Require(fixedUser{caller}), post.Require(func(m member, a article) bool { return owner.Same(m.ID, a.Author) }))(ok))
		return mux
	}
	byAuthorAndID := byQuery(`SELECT id, author FROM posts WHERE author = $1 AND id = $2`, func(r *http.Request, m member) []any { return []any{m.ID, r.PathValue("id")} })
	byID := byQuery(`SELECT id, author FROM posts WHERE id = $1`, func(r *http.Request, _ member) []any { return []any{r.PathValue("id")} })

	// requesting returns a benchmark that requests posts in a scattered order, none of
	// which belongs to the caller. The IDs of existing posts are even. Those of missing
	// posts are odd and lie between them, so that both are searched in the same places
	// of the index.
	requesting := func(h http.Handler, odd int) func(n int) {
		at, w := 0, &discard{header: http.Header{}}
		requests := make([]*http.Request, posts)
		for i := range requests {
			post := i + 1
			if post%100 == 1 { // the caller's
				post++
			}
			requests[i] = request("/posts/" + strconv.Itoa(2*post-odd))
		}
		return func(n int) {
			for range n {
				w.status = 200
				h.ServeHTTP(w, requests[at])
				check(w.status == 404, "a post that is not the caller's")
				clear(w.header)
				at = (at + 7919) % len(requests)
			}
		}
	}
	hidden, missing := requesting(byAuthorAndID, 0), requesting(byAuthorAndID, 1)
	hiddenTime, missingTime, difference := compareTimes(set, 5*set.tries, 20, hidden, missing)
	return comparison{
		benchmarks: []benchmark{
			{"guard: another user's post, by author and ID", ours, hidden},
			{"guard: a missing post, by author and ID", ours, missing},
			{"guard: another user's post, by ID alone", ours, requesting(byID, 0)},
			{"guard: a missing post, by ID alone", ours, requesting(byID, 1)},
		},
		facts: []Fact{
			{"guard: another user's post, median", hiddenTime / 1e3, "µs"},
			{"guard: a missing post, median", missingTime / 1e3, "µs"},
			{"guard: relative difference of the two", difference, ""},
		},
		bars:  []bar{factAtMost("guard: relative difference of the two", 0.05)},
		close: stop,
	}, nil
}
