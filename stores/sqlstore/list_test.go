package sqlstore_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-guard/guard/owner/list"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// Types of an application's own.
type (
	teamName string
	rank     int64
)

// A listed is a row that rules of package owner/list select.
type listed struct {
	id            int
	author, label string
	team          *teamName
	level         rank
	parent        *int
	public        bool
	archived      *bool
}

func (r listed) String() string {
	return fmt.Sprintf("{author %q, label %q, team %v, level %d, parent %v, public %t, archived %v}",
		r.author, r.label, pointed(r.team), r.level, pointed(r.parent), r.public, pointed(r.archived))
}

func pointed[V any](p *V) any {
	if p == nil {
		return nil
	}
	return *p
}

var (
	listedAuthor   = list.NotNull("author", func(r listed) string { return r.author })
	listedLabel    = list.NotNull("p.label", func(r listed) string { return r.label })
	listedTeam     = list.Nullable("team", func(r listed) *teamName { return r.team })
	listedLevel    = list.NotNull("level", func(r listed) rank { return r.level })
	listedParent   = list.Nullable("p.parent", func(r listed) *int { return r.parent })
	listedPublic   = list.NotNull("public", func(r listed) bool { return r.public })
	listedArchived = list.Nullable("archived", func(r listed) *bool { return r.archived })
	listedNoTeam   = list.Null("team", func(r listed) bool { return r.team == nil })
	listedNoParent = list.Null("p.parent", func(r listed) bool { return r.parent == nil })
)

// The tables of a database whose collations ignore case, accents and trailing spaces.
// A label has another character set than the connection.
var listedTables = map[sqlstore.Dialect]string{
	sqlstore.PostgreSQL: `CREATE TABLE listed (id INT, author TEXT NOT NULL, label VARCHAR(40) NOT NULL, team VARCHAR(40),
		level BIGINT NOT NULL, parent INT, public BOOLEAN NOT NULL, archived BOOLEAN)`,
	sqlstore.MySQL: `CREATE TABLE listed (id INT, author VARCHAR(40) COLLATE utf8mb4_general_ci NOT NULL, label VARCHAR(40) CHARACTER SET latin1 NOT NULL,
		team VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, level BIGINT NOT NULL, parent INT, public BOOL NOT NULL, archived BOOL)`,
	sqlstore.SQLite: `CREATE TABLE listed (id INT, author TEXT COLLATE NOCASE NOT NULL, label VARCHAR(40) COLLATE RTRIM NOT NULL, team TEXT COLLATE NOCASE,
		level BIGINT NOT NULL, parent INT, public BOOLEAN NOT NULL, archived BOOLEAN)`,
}

var listDialects = map[sqlstore.Dialect]list.Dialect{
	sqlstore.PostgreSQL: list.PostgreSQL, sqlstore.MySQL: list.MySQL, sqlstore.SQLite: list.SQLite,
}

// Similar texts of latin1, and others.
var (
	latinTexts = []string{"", "alice", "Alice", "ALICE", "alice ", " alice", "álice", "al%ce", "al_ce", "'", `\'`, `"`, "? $1", "7", "07", "7 ", "strasse", "straße", "é"}
	allTexts   = append([]string{"🙂", "🙃", "alice\u200b", "Ａlice", "e\u0301", "жук"}, latinTexts...)
)

func chosen[V any](r *rand.Rand, values ...V) V { return values[r.IntN(len(values))] }

func nullable[V any](r *rand.Rand, values ...V) *V {
	if r.IntN(3) == 0 {
		return nil
	}
	v := chosen(r, values...)
	return &v
}

// among returns up to three values.
func among[V any](r *rand.Rand, values ...V) (some []V) {
	for range r.IntN(4) {
		some = append(some, chosen(r, values...))
	}
	return some
}

// randomRule returns a rule of at most the given depth.
func randomRule(r *rand.Rand, depth int) list.Rule[listed] {
	if depth > 0 && r.IntN(4) > 0 {
		if r.IntN(3) == 0 {
			return list.Not(randomRule(r, depth-1))
		}
		var parts []list.Rule[listed]
		for range r.IntN(4) {
			parts = append(parts, randomRule(r, depth-1))
		}
		if r.IntN(2) == 0 {
			return list.All(parts...)
		}
		return list.Any(parts...)
	}
	switch r.IntN(12) {
	case 0:
		return listedAuthor.Is(chosen(r, allTexts...))
	case 1:
		return listedAuthor.In(among(r, allTexts...)...)
	case 2:
		return listedLabel.Is(chosen(r, latinTexts...))
	case 3:
		return listedLabel.In(among(r, latinTexts...)...)
	case 4:
		return listedTeam.Is(teamName(chosen(r, allTexts...)))
	case 5:
		return listedTeam.In(among(r, "", "alice", "Alice", "alice ", teamName("🙂"))...)
	case 6:
		return listedLevel.In(among(r, rank(-1), 0, 1, 7, 1<<40)...)
	case 7:
		return listedParent.Is(chosen(r, -1, 0, 1, 7))
	case 8:
		return listedPublic.Is(chosen(r, true, false))
	case 9:
		return listedArchived.In(among(r, true, false)...)
	case 10:
		return chosen(r, listedNoTeam, listedNoParent)
	}
	return chosen(r, list.Rule[listed]{}, list.Everything[listed]())
}

// A rule selects in SQL the rows that it matches in Go: 10,000 random rules, over
// random rows with NULLs, in each database. Each statement selects by 50 rules, so that
// the arguments of one follow those of another.
func TestListsAgreeWithMatch(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b backend) {
		dialect := listDialects[b.dialect]
		db := b.create(t).open(t)
		if _, err := db.Exec(listedTables[b.dialect]); err != nil {
			t.Fatal(err)
		}
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		selected, rejected := 0, 0
		for round := range 200 {
			if round%10 == 0 {
				fillListed(t, db, r, dialect)
			}
			rows := readListed(t, db)
			var parts []string
			var args []any
			rules := make([]list.Rule[listed], 50)
			for i := range rules {
				var where string
				rules[i] = randomRule(r, 4)
				where, args = rules[i].Where(dialect, args...)
				parts = append(parts, fmt.Sprintf("SELECT %d AS rule, p.id FROM listed AS p WHERE %s", i, where))
			}
			got, err := readPairs(db, strings.Join(parts, " UNION ALL "), round%2 == 0, args)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for i, rule := range rules {
				for _, row := range rows {
					match := rule.Match(row)
					if match {
						selected++
					} else {
						rejected++
					}
					if got[[2]int{i, row.id}] != match {
						where, args := rule.Where(dialect)
						t.Fatalf("seed %d: Match of %s is %t, not so in SQL: %s %q", seed, row, match, where, args)
					}
				}
			}
		}
		if min(selected, rejected) < 10_000 {
			t.Errorf("%d rows selected, %d rejected", selected, rejected)
		}
	})
}

// readPairs reads pairs of integers, by a prepared statement or in one step: drivers
// pass arguments in different forms.
func readPairs(db *sql.DB, query string, prepared bool, args []any) (map[[2]int]bool, error) {
	ask := func() (*sql.Rows, error) { return db.Query(query, args...) }
	if prepared {
		stmt, err := db.Prepare(query)
		if err != nil {
			return nil, err
		}
		defer stmt.Close()
		ask = func() (*sql.Rows, error) { return stmt.Query(args...) }
	}
	rows, err := ask()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	pairs := map[[2]int]bool{}
	for rows.Next() {
		var pair [2]int
		if err := rows.Scan(&pair[0], &pair[1]); err != nil {
			return nil, err
		}
		pairs[pair] = true
	}
	return pairs, rows.Err()
}

// fillListed replaces the rows.
func fillListed(t *testing.T, db *sql.DB, r *rand.Rand, d list.Dialect) {
	t.Helper()
	if _, err := db.Exec("DELETE FROM listed"); err != nil {
		t.Fatal(err)
	}
	insert := "INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	if d == list.PostgreSQL {
		insert = "INSERT INTO listed VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
	}
	for id := range 40 {
		if _, err := db.Exec(insert, id, chosen(r, allTexts...), chosen(r, latinTexts...), nullable(r, allTexts...),
			chosen(r, int64(-1), 0, 1, 7, 1<<40), nullable(r, -1, 0, 1, 7), chosen(r, true, false), nullable(r, true, false)); err != nil {
			t.Fatal(err)
		}
	}
}

// readListed reads the rows as an application does.
func readListed(t *testing.T, db *sql.DB) (all []listed) {
	t.Helper()
	rows, err := db.Query("SELECT id, author, label, team, level, parent, public, archived FROM listed")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var l listed
		if err := rows.Scan(&l.id, &l.author, &l.label, &l.team, &l.level, &l.parent, &l.public, &l.archived); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%d rows: %v", len(all), err)
	}
	return all
}

// The condition of a text column can use its index, also where it forces a comparison
// of bytes.
func TestListsUseIndexes(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		db := b.create(t).open(t)
		db.SetMaxOpenConns(1) // the setting is of a connection
		statements := []string{"CREATE TABLE listed (id INT, author VARCHAR(40) NOT NULL)", "CREATE INDEX by_author ON listed (author)"}
		if b.dialect == sqlstore.PostgreSQL {
			statements = append(statements, "SET enable_seqscan = off")
		}
		for i := range 200 {
			statements = append(statements, fmt.Sprintf("INSERT INTO listed VALUES (%d, 'author%d')", i, i))
		}
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
		explain := map[sqlstore.Dialect]string{
			sqlstore.PostgreSQL: "EXPLAIN ",
			sqlstore.MySQL:      "EXPLAIN FORMAT=TRADITIONAL ", // MySQL 9 has another default
			sqlstore.SQLite:     "EXPLAIN QUERY PLAN ",
		}[b.dialect]
		where, args := listedAuthor.In("author7", "author8").Where(listDialects[b.dialect])
		rows, err := db.Query(explain+"SELECT id FROM listed WHERE "+where, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		var plan strings.Builder
		for rows.Next() {
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				fmt.Fprintf(&plan, "%s=%s ", columns[i], v.(*sql.NullString).String)
			}
		}
		used := map[sqlstore.Dialect]string{sqlstore.PostgreSQL: "by_author", sqlstore.MySQL: " key=by_author", sqlstore.SQLite: "SEARCH listed USING INDEX by_author"}
		if !strings.Contains(plan.String(), used[b.dialect]) {
			t.Errorf("%s: %s", where, plan.String())
		}
	})
}
