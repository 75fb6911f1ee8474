package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"strconv"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/owner"
)

// posts is how many there are; all but some are other people's.
const posts = 10_000

// existence asks whether time tells a stranger that a post of somebody else
// exists. The loader looks among the caller's own posts only, as docs/ownership
// says, in PostgreSQL; for contrast, one looks among all and leaves the hiding
// to HideAll, whose answers are the same to the byte and not to the clock.
func existence(set settings) (rows, error) {
	dsn := os.Getenv("GUARD_POSTGRES_URL")
	if dsn == "" {
		dsn = "postgres://postgres@127.0.0.1:5432/test"
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return rows{}, err
	}
	db.SetMaxOpenConns(1) // has the temporary table
	stop := func() { db.Close() }
	if _, err := db.ExecContext(ctx, fmt.Sprintf(`CREATE TEMPORARY TABLE posts AS
		SELECT (2 * i)::text AS id, (i %% 100)::text AS author, 'Post ' || i AS title FROM generate_series(1, %d) AS i`, posts)); err != nil {
		stop()
		return rows{}, missing("no PostgreSQL (" + err.Error() + ")")
	}
	for _, index := range []string{`ALTER TABLE posts ADD PRIMARY KEY (author, id)`, `CREATE UNIQUE INDEX ON posts (id)`, `ANALYZE posts`} {
		if _, err := db.ExecContext(ctx, index); err != nil {
			stop()
			return rows{}, err
		}
	}
	byQuery := func(query string, args func(r *http.Request, m member) []any) http.Handler {
		stmt := guard.Must(db.PrepareContext(ctx, query))
		post := guard.Must(owner.New(func(r *http.Request, m member) (a article, found bool, err error) {
			err = stmt.QueryRowContext(r.Context(), args(r, m)...).Scan(&a.ID, &a.Author)
			return a, err == nil, err
		}, &owner.Options{NotFound: []error{sql.ErrNoRows}})).HideAll()
		mux := http.NewServeMux()
		mux.Handle("GET /posts/{id}", guard.Chain(
			guard.Require(someone{me}), post.Require(func(m member, a article) bool { return owner.Same(m.ID, a.Author) }))(ok))
		return mux
	}
	own := byQuery(`SELECT id, author FROM posts WHERE author = $1 AND id = $2`, func(r *http.Request, m member) []any { return []any{m.ID, r.PathValue("id")} })
	all := byQuery(`SELECT id, author FROM posts WHERE id = $1`, func(r *http.Request, _ member) []any { return []any{r.PathValue("id")} })

	// asking is some requests for one post after the other; none is the caller's.
	// Those that are none have odd numbers among the even of those that are, so
	// that an index is searched in the same places.
	asking := func(h http.Handler, odd int) func(n int) {
		at, w := 0, &discard{header: http.Header{}}
		requests := make([]*http.Request, posts)
		for i := range requests {
			post := i + 1
			if post%100 == 1 { // the caller's own
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
	hidden, none := asking(own, 0), asking(own, 1)
	seen, unseen, gap := differ(set, 5*set.tries, 20, hidden, none)
	return rows{
		work: []work{
			{"guard: a post of others, among one's own", ours, hidden},
			{"guard: a post that is none, among one's own", ours, none},
			{"guard: a post of others, among all", ours, asking(all, 0)},
			{"guard: a post that is none, among all", ours, asking(all, 1)},
		},
		facts: []Fact{
			{"guard: a post of others, median", seen / 1e3, "µs"},
			{"guard: a post that is none, median", unseen / 1e3, "µs"},
			{"guard: how far the two differ", gap, ""},
		},
		bars:  []bar{factAtMost("guard: how far the two differ", 0.05)},
		close: stop,
	}, nil
}
