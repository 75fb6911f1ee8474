package sqlstore_test

import (
	"crypto/rand"
	"database/sql"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

func TestNew(t *testing.T) {
	db := database{driver: "sqlite", dsn: "file::memory:"}.open(t)
	_, err := sqlstore.New(nil, 0, &sqlstore.Options{Timeout: -1})
	for _, want := range []string{"the database is nil", "Dialect(0) is not a supported dialect", "-1ns is negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if _, err := sqlstore.New(db, 4, nil); err == nil {
		t.Error("a dialect beyond the last")
	}
	for _, d := range []sqlstore.Dialect{sqlstore.PostgreSQL, sqlstore.MySQL, sqlstore.SQLite} {
		if strings.Contains(d.String(), "Dialect") {
			t.Error(d)
		}
	}
}

// TestMigrateConcurrently also covers a current schema and a newer one.
func TestMigrateConcurrently(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		p := b.create(t)
		var wg sync.WaitGroup
		for range 8 {
			s := b.in(t, p, nil)
			wg.Go(func() {
				if err := s.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		db := p.open(t)
		if n := count(t, db, "guard_schema"); n != 1 {
			t.Errorf("%d versions", n)
		}
		if err := b.in(t, p.readOnly(), nil).Migrate(t.Context()); err != nil {
			t.Errorf("with a current schema and without permissions: %v", err)
		}
		if _, err := db.Exec("INSERT INTO guard_schema VALUES (2)"); err != nil {
			t.Fatal(err)
		}
		if err := b.in(t, p, nil).Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "version 2") {
			t.Errorf("a newer schema: %v", err)
		}
	})
}

// TestMigrateFails: Migrate fails in an empty, read-only database.
func TestMigrateFails(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		p := b.create(t)
		if b.dialect == sqlstore.SQLite { // the file, in WAL mode
			if err := p.open(t).Ping(); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.in(t, p.readOnly(), nil).Migrate(t.Context()); err == nil {
			t.Error("no error")
		}
	})
}

func count(t testing.TB, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDenylist(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		var c clock
		s, _ := b.stores(t, &sqlstore.Options{Now: c.now})
		d := s.Denylist()
		deny := func(id string, until time.Time) {
			t.Helper()
			if err := d.Deny(t.Context(), until, "", id); err != nil {
				t.Fatal(err)
			}
		}
		want := func(want bool, ids ...string) {
			t.Helper()
			if got, err := d.Denied(t.Context(), time.Time{}, "", ids...); got != want || err != nil {
				t.Errorf("Denied(%.20q) = %t, %v; want %t", ids, got, err, want)
			}
		}
		now, long := c.now(), strings.Repeat("x", 10_000)
		want(false)
		want(false, "a", "b")
		deny("a", now.Add(time.Minute))
		want(true, "a")
		want(true, "b", "a")
		want(false, "A", "a ", "a\x00", "")
		deny(long, now.Add(time.Minute))
		want(true, long)
		want(false, long+"x")
		deny("a", now.Add(time.Second)) // never shortens
		deny("b", now.Add(time.Second))
		deny("b", now.Add(time.Hour)) // prolongs
		c.advance(30 * time.Second)
		want(true, "a")
		want(true, "b")
		c.advance(time.Minute)
		want(false, "a", long)
		want(true, "b")
		// Rounded up to a millisecond.
		c.ahead.Store(0)
		deny("c", time.UnixMilli(c.now().Add(time.Hour).UnixMilli()).Add(time.Microsecond))
		c.advance(time.Hour - time.Second)
		want(true, "c")
	})
}

// TestLengths: values that MySQL might truncate are refused.
func TestLengths(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, _ := b.stores(t, nil)
		for _, subject := range []string{"", strings.Repeat("x", 256)} {
			if err := s.Sessions().Insert(t.Context(), sessiontest.Record(subject), session.AnyEpoch); err == nil {
				t.Errorf("a session of a subject of %d bytes", len(subject))
			}
		}
		login, ref := sessiontest.Record("x"), sessiontest.Record("x")
		login.Login, ref.Ref = strings.Repeat("x", 256), strings.Repeat("x", 256)
		for _, rec := range []session.Record{login, ref} {
			if err := s.Sessions().Insert(t.Context(), rec, session.AnyEpoch); err == nil {
				t.Errorf("a session with a Login of %d bytes and a Ref of %d", len(rec.Login), len(rec.Ref))
			}
		}
		now := time.Now()
		for _, f := range []refresh.Family{{Subject: strings.Repeat("x", refresh.MaxStoreSubject+1), ID: rand.Text()}, {Subject: "x", ID: strings.Repeat("x", 33)}} {
			f.Started, f.Expires = now, now.Add(time.Hour)
			if err := startFamily(t.Context(), s, f); err == nil {
				t.Errorf("a family of %d and %d bytes", len(f.Subject), len(f.ID))
			}
		}
		for _, r := range []apikey.Record{{ID: strings.Repeat("x", 65)}, {ID: "a", Ring: strings.Repeat("x", 34)}, {ID: "a", Subject: strings.Repeat("x", 1025)}, {ID: "a", Last4: strings.Repeat("x", 17)}} {
			if ok, err := s.APIKeys().Insert(t.Context(), apikey.Entry{Record: r}, 1000); ok || err == nil {
				t.Errorf("an API key with %d, %d, %d and %d bytes", len(r.ID), len(r.Ring), len(r.Subject), len(r.Last4))
			}
		}
		f := refresh.Family{Subject: "x", ID: rand.Text(), Started: now, Expires: now.Add(time.Hour)}
		if err := startFamily(t.Context(), s, f); err != nil {
			t.Error(err)
		}
		if err := startFamily(t.Context(), s, f); err == nil {
			t.Error("a family was started twice")
		}
	})
}

// TestConcurrentRefreshHasOneSuccessor: of 200 uses of a token in 8 processes, one is a
// rotation and all others are repetitions. Deletions take effect in all processes.
func TestConcurrentRefreshHasOneSuccessor(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		now := time.Now()
		f := refresh.Family{Subject: "alice", ID: rand.Text(), Started: now, Expires: now.Add(time.Hour)}
		if err := startFamily(t.Context(), s, f); err != nil {
			t.Fatal(err)
		}
		use := refresh.Rotation{Subject: f.Subject, ID: f.ID, Generation: 1, Now: now.Add(time.Second), Grace: 10 * time.Second, Idle: time.Hour}
		var wg sync.WaitGroup
		var counts [refresh.Reused + 1]atomic.Int32
		var processes []*sqlstore.Stores
		for range 8 {
			process := b.in(t, p, nil)
			processes = append(processes, process)
			for range 25 {
				wg.Go(func() {
					result, err := process.TokenFamilies().Rotate(t.Context(), use)
					if err != nil {
						t.Error(err)
					}
					counts[result].Add(1)
				})
			}
		}
		wg.Wait()
		if counts[refresh.Rotated].Load() != 1 || counts[refresh.Repeated].Load() != 199 {
			t.Errorf("%d rotated, %d repeated", counts[refresh.Rotated].Load(), counts[refresh.Repeated].Load())
		}
		rec := sessiontest.Record("alice")
		if err := processes[0].Sessions().Insert(t.Context(), rec, session.AnyEpoch); err != nil {
			t.Fatal(err)
		}
		if n, err := processes[1].Sessions().DeleteAll(t.Context(), "alice", nil); n != 1 || err != nil {
			t.Errorf("DeleteAll = %d, %v", n, err)
		}
		ids, err := processes[2].TokenFamilies().List(t.Context(), "alice")
		if len(ids) != 1 || err != nil {
			t.Errorf("List = %v, %v", ids, err)
		}
		if err := processes[3].TokenFamilies().Revoke(t.Context(), "alice", time.Now(), ids...); err != nil {
			t.Errorf("Revoke: %v", err)
		}
		for _, process := range processes {
			if _, found, err := process.Sessions().Load(t.Context(), rec.Key); found || err != nil {
				t.Errorf("a session that another process deleted: %t, %v", found, err)
			}
			use.Generation = 2
			if r, err := process.TokenFamilies().Rotate(t.Context(), use); r != refresh.FamilyUnknown || err != nil {
				t.Errorf("a family that another process revoked: %d, %v", r, err)
			}
		}
	})
}

// TestManyFamilies: a subject with more families than fit into one statement.
func TestManyFamilies(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		db := p.open(t)
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		query := "INSERT INTO guard_families VALUES (?, ?, 1, 0, '', 0, ?, x'')"
		if b.dialect == sqlstore.PostgreSQL {
			query = "INSERT INTO guard_families VALUES ($1, $2, 1, 0, '', 0, $3, $3)"
		}
		const n = 1001
		for range n {
			if _, err := tx.Exec(query, []byte("x"), []byte(rand.Text()), []byte{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		ids, err := s.TokenFamilies().List(t.Context(), "x")
		if err == nil {
			err = s.TokenFamilies().Revoke(t.Context(), "x", time.Now(), ids...)
		}
		if left := count(t, db, "guard_families WHERE generation > 0"); err != nil || len(ids) != n || left != 0 {
			t.Errorf("%d ids, %d left, %v", len(ids), left, err)
		}
	})
}

// TestSchemaWithoutMigrate: the statements of Schema replace Migrate. Those of no schema
// and no prefix are the files of schema/.
func TestSchemaWithoutMigrate(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		p := b.create(t)
		db, schema := p.open(t), b.in(t, p, nil).Schema()
		file, err := os.ReadFile("schema/" + strings.ToLower(b.name) + ".sql")
		if err != nil || string(file) != schema {
			t.Errorf("%v, %s", err, schema)
		}
		for range 2 {
			for statement := range strings.SplitSeq(strings.TrimSpace(schema), ";\n") {
				if _, err := db.Exec(statement); err != nil {
					t.Fatalf("%v: %s", err, statement)
				}
			}
		}
		s := b.in(t, p.readOnly(), nil)
		if err := s.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
		fill(t, b.in(t, p, nil), time.Now(), time.Minute)
	})
}

// TestSessionsPerSubjectAreLimited: beyond the limit, the session that has been idle for
// the longest time is deleted.
func TestSessionsPerSubjectAreLimited(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, _ := b.stores(t, nil)
		other := sessiontest.Record("bob")
		if err := s.Sessions().Insert(t.Context(), other, session.AnyEpoch); err != nil {
			t.Fatal(err)
		}
		var all []session.Record
		for i := range 103 {
			rec := sessiontest.Record("alice")
			rec.LastSeen = rec.LastSeen.Add(time.Duration(i) * time.Second)
			if err := s.Sessions().Insert(t.Context(), rec, session.AnyEpoch); err != nil {
				t.Fatal(err)
			}
			all = append(all, rec)
		}
		for i, rec := range append(all, other) {
			if _, found, err := s.Sessions().Load(t.Context(), rec.Key); found != (i >= 3) || err != nil {
				t.Errorf("session %d: %t, %v", i, found, err)
			}
		}
	})
}
