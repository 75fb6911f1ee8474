package sqlstore_test

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"io"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	"github.com/go-guard/guard/signin/credential"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// A step is a call of one method, with arguments that do not exist.
type step struct {
	name   string
	writes bool
	run    func(ctx context.Context, s *sqlstore.Stores) error
}

var steps = []step{
	{"Sessions.Insert", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.Sessions().Insert(ctx, sessiontest.Record("x"), session.AnyEpoch)
	}},
	{"Sessions.Insert at an epoch", true, func(ctx context.Context, s *sqlstore.Stores) error {
		rec := sessiontest.Record("x")
		rec.Ref = "x"
		return s.Sessions().Insert(ctx, rec, 0)
	}},
	{"Sessions.Load", false, func(ctx context.Context, s *sqlstore.Stores) error {
		_, found, err := s.Sessions().Load(ctx, session.Key{})
		return unexpected(found, err)
	}},
	{"Sessions.Touch", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.Sessions().Touch(ctx, session.Key{}, time.Now(), time.Now())
	}},
	{"Sessions.Update", true, func(ctx context.Context, s *sqlstore.Stores) error {
		done, err := s.Sessions().Update(ctx, session.Key{}, 1, "")
		return unexpected(done, err)
	}},
	{"Sessions.Rotate", true, func(ctx context.Context, s *sqlstore.Stores) error {
		done, err := s.Sessions().Rotate(ctx, session.Key{}, session.Key{1})
		return unexpected(done, err)
	}},
	{"Sessions.Delete", true, func(ctx context.Context, s *sqlstore.Stores) error {
		done, err := s.Sessions().Delete(ctx, session.Key{})
		return unexpected(done, err)
	}},
	{"Sessions.List", false, func(ctx context.Context, s *sqlstore.Stores) error {
		list, err := s.Sessions().List(ctx, "absent")
		return unexpected(len(list) > 0, err)
	}},
	{"Sessions.DeleteAll", true, func(ctx context.Context, s *sqlstore.Stores) error {
		_, err := s.Sessions().DeleteAll(ctx, "absent", []session.ID{{}})
		return err
	}},
	{"Sessions.DeleteRef", true, func(ctx context.Context, s *sqlstore.Stores) error {
		n, err := s.Sessions().DeleteRef(ctx, "absent", "absent")
		return unexpected(n > 0, err)
	}},
	{"Sessions.Epoch", false, func(ctx context.Context, s *sqlstore.Stores) error {
		epoch, err := s.Sessions().Epoch(ctx, "none")
		return unexpected(epoch != 0, err)
	}},
	{"TokenFamilies.Start", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return startFamily(ctx, s, refresh.Family{Subject: "x", ID: rand.Text(), Started: time.Now(), Expires: time.Now()})
	}},
	{"TokenFamilies.Start with a Ref", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return startFamily(ctx, s, refresh.Family{Subject: "x", ID: rand.Text(), Started: time.Now(), Expires: time.Now(), Ref: "x"})
	}},
	{"TokenFamilies.RevokeRef", true, func(ctx context.Context, s *sqlstore.Stores) error {
		listed, n, err := s.TokenFamilies().RevokeRef(ctx, refresh.RefRevocation{Ref: "absent", Now: time.Now(), Until: time.Now()})
		return unexpected(len(listed)+n > 0, err)
	}},
	{"TokenFamilies.Rotate", true, func(ctx context.Context, s *sqlstore.Stores) error {
		r, err := s.TokenFamilies().Rotate(ctx, refresh.Rotation{Subject: "x", ID: "none", Generation: 1, Now: time.Now()})
		return unexpected(r != refresh.FamilyUnknown, err)
	}},
	{"TokenFamilies.Revoke", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.TokenFamilies().Revoke(ctx, "x", time.Now(), "none")
	}},
	{"TokenFamilies.Load", false, func(ctx context.Context, s *sqlstore.Stores) error {
		_, found, err := s.TokenFamilies().Load(ctx, "x", "none")
		return unexpected(found, err)
	}},
	{"TokenFamilies.List", false, func(ctx context.Context, s *sqlstore.Stores) error {
		ids, err := s.TokenFamilies().List(ctx, "none")
		return unexpected(len(ids) > 0, err)
	}},
	{"Denylist.Deny", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.Denylist().Deny(ctx, time.Now(), "", "x")
	}},
	{"Denylist.Denied", false, func(ctx context.Context, s *sqlstore.Stores) error {
		denied, err := s.Denylist().Denied(ctx, time.Time{}, "", "y", "z")
		return unexpected(denied, err)
	}},
	{"APIKeys.Insert", true, func(ctx context.Context, s *sqlstore.Stores) error {
		_, err := s.APIKeys().Insert(ctx, apikey.Entry{Record: apikey.Record{ID: rand.Text()}}, 1000)
		return err
	}},
	{"APIKeys.Load", false, func(ctx context.Context, s *sqlstore.Stores) error {
		_, found, err := s.APIKeys().Load(ctx, "none")
		return unexpected(found, err)
	}},
	{"APIKeys.Rotate", true, func(ctx context.Context, s *sqlstore.Stores) error {
		done, err := s.APIKeys().Rotate(ctx, "none", apikey.Rotation{})
		return unexpected(done, err)
	}},
	{"APIKeys.Revoke", true, func(ctx context.Context, s *sqlstore.Stores) error {
		found, err := s.APIKeys().Revoke(ctx, "none", time.Now())
		return unexpected(found, err)
	}},
	{"APIKeys.Update", true, func(ctx context.Context, s *sqlstore.Stores) error {
		done, err := s.APIKeys().Update(ctx, apikey.Record{ID: "none"}, 0)
		return unexpected(done, err)
	}},
	{"APIKeys.Used", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.APIKeys().Used(ctx, "none", apikey.Digest{}, time.Now())
	}},
	{"APIKeys.Spend", true, func(ctx context.Context, s *sqlstore.Stores) error {
		spent, err := s.APIKeys().Spend(ctx, &apikey.Record{ID: "none"}, apikey.Digest{}, time.Now())
		return unexpected(spent, err)
	}},
	{"APIKeys.ListAll", false, func(ctx context.Context, s *sqlstore.Stores) error {
		_, _, err := s.APIKeys().ListAll(ctx, "ak_live", apikey.Position{}, 1)
		return err
	}},
	{"APIKeys.List", false, func(ctx context.Context, s *sqlstore.Stores) error {
		list, err := s.APIKeys().List(ctx, "ak_live", "x")
		return unexpected(len(list) > 0, err)
	}},
	{"Once.Take", true, func(ctx context.Context, s *sqlstore.Stores) error {
		first, err := s.Once().Take(ctx, once.Key(rand.Text()), time.Now().Add(time.Hour))
		return unexpected(err == nil && !first, err)
	}},
	{"Once.Acquire", true, func(ctx context.Context, s *sqlstore.Stores) error {
		_, state, err := s.Once().Acquire(ctx, once.Key(rand.Text()), time.Hour)
		return unexpected(err == nil && state != once.First, err)
	}},
	{"Once.Commit", true, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.Once().Commit(ctx, once.Lease{Key: once.Key(rand.Text()), Holder: [12]byte{1}}, time.Now().Add(time.Hour))
	}},
	{"Once.Release", true, func(ctx context.Context, s *sqlstore.Stores) error { return s.Once().Release(ctx, once.Lease{}) }},
	{"Once.Advance", true, func(ctx context.Context, s *sqlstore.Stores) error {
		ok, err := s.Once().Advance(ctx, once.Key(rand.Text()), 1, time.Now().Add(time.Hour))
		return unexpected(err == nil && !ok, err)
	}},
	{"RateLimits.Take", true, func(ctx context.Context, s *sqlstore.Stores) error {
		_, err := s.RateLimits().Take(ctx, []ratelimit.Take{{Limit: minutely(1 << 30), Key: rand.Text(), Cost: 1}})
		return err
	}},
	{"RateLimits.Take of two", true, func(ctx context.Context, s *sqlstore.Stores) error {
		_, err := s.RateLimits().Take(ctx, []ratelimit.Take{{Limit: minutely(5), Key: rand.Text(), Cost: 1}, {Limit: minutely(5), Key: rand.Text(), Cost: 1}})
		return err
	}},
	{"RateLimits.Take of cost 0", false, func(ctx context.Context, s *sqlstore.Stores) error {
		states, err := s.RateLimits().Take(ctx, []ratelimit.Take{{Limit: minutely(5), Key: "none"}})
		return unexpected(err == nil && states[0].Remaining != 5, err)
	}},
	{"RateLimits.GiveBack", false, func(ctx context.Context, s *sqlstore.Stores) error {
		return s.RateLimits().GiveBack(ctx, []ratelimit.Taken{{Take: ratelimit.Take{Limit: minutely(5), Key: "none", Cost: 1}}})
	}},
	{"Passkeys.UserHandle", true, func(ctx context.Context, s *sqlstore.Stores) error {
		subject, candidate := rand.Text(), rand.Text()
		handle, err := s.Passkeys().UserHandle(ctx, subject, candidate)
		return unexpected(err == nil && handle != candidate, err)
	}},
	{"Passkeys.Add", true, func(ctx context.Context, s *sqlstore.Stores) error {
		added, err := s.Passkeys().Add(ctx, credential.Record{ID: rand.Text(), Subject: rand.Text()})
		return unexpected(err == nil && !added, err)
	}},
	{"Passkeys.Load", false, func(ctx context.Context, s *sqlstore.Stores) error {
		_, found, err := s.Passkeys().Load(ctx, "none")
		return unexpected(found, err)
	}},
	{"Passkeys.List", false, func(ctx context.Context, s *sqlstore.Stores) error {
		list, err := s.Passkeys().List(ctx, "none")
		return unexpected(len(list) > 0, err)
	}},
	{"Passkeys.Use", true, func(ctx context.Context, s *sqlstore.Stores) error {
		accepted, err := s.Passkeys().Use(ctx, "none", credential.Use{})
		return unexpected(accepted, err)
	}},
	{"Passkeys.Rename", true, func(ctx context.Context, s *sqlstore.Stores) error {
		found, err := s.Passkeys().Rename(ctx, "none", "none", "none")
		return unexpected(found, err)
	}},
	{"Passkeys.Remove", true, func(ctx context.Context, s *sqlstore.Stores) error {
		found, err := s.Passkeys().Remove(ctx, "none", "none")
		return unexpected(found, err)
	}},
	{"Sweep", true, func(ctx context.Context, s *sqlstore.Stores) error { _, err := s.Sweep(ctx, 1); return err }},
}

// unexpected returns an error if a step has found something, or failed.
func unexpected(found bool, err error) error {
	if found {
		return errors.Join(errors.New("found something that does not exist"), err)
	}
	return err
}

// status returns the status with which a client is answered.
func status(err error) int {
	w := httptest.NewRecorder()
	guard.Refuse(w, httptest.NewRequest("GET", "/", nil), err)
	if strings.Contains(w.Body.String(), "sqlstore") {
		return 0 // the internal error reached the client
	}
	return w.Code
}

// expectOutage verifies that every step, or only every write, fails with 503.
func expectOutage(t *testing.T, s *sqlstore.Stores, ctx context.Context, writesOnly bool) {
	t.Helper()
	for _, step := range steps {
		err := step.run(ctx, s)
		switch {
		case writesOnly && !step.writes:
			if err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
		case err == nil || status(err) != 503:
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

// TestEmptyDatabase: no step fails in an empty database.
func TestEmptyDatabase(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, _ := b.stores(t, nil)
		for _, step := range steps {
			if err := step.run(t.Context(), s); err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
		}
	})
}

func TestNoSchema(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) { expectOutage(t, b.in(t, b.create(t), nil), t.Context(), false) })
}

func TestCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, _ := b.stores(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		expectOutage(t, s, ctx, false)
	})
}

func TestConnectionRefused(t *testing.T) {
	for _, b := range backends[:2] {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			p := b.create(t).at("127.0.0.1:1")
			s := b.in(t, p, nil)
			expectOutage(t, s, t.Context(), false)
			if err := s.Migrate(t.Context()); err == nil {
				t.Error("Migrate without a database")
			}
		})
	}
}

// TestReadOnly: in a read-only database, such as a standby, sessions are still found,
// and every write fails.
func TestReadOnly(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		rec := sessiontest.Record("alice")
		family := refresh.Family{Subject: "absent", ID: rand.Text(), Started: time.Now(), Expires: time.Now().Add(time.Hour)}
		if err := errors.Join(s.Sessions().Insert(t.Context(), rec, session.AnyEpoch), startFamily(t.Context(), s, family)); err != nil {
			t.Fatal(err)
		}
		frozen := b.in(t, p.readOnly(), nil)
		expectOutage(t, frozen, t.Context(), true)
		if got, found, err := frozen.Sessions().Load(t.Context(), rec.Key); got.Subject != "alice" || !found || err != nil {
			t.Errorf("Load = %v, %t, %v", got, found, err)
		}
		if done, err := frozen.Sessions().Delete(t.Context(), rec.Key); done || status(err) != 503 {
			t.Errorf("Delete = %t, %v", done, err)
		}
	})
}

// TestFullDisk: on a full disk, logins fail, sessions are still found and can be
// deleted, and a sweep frees space.
func TestFullDisk(t *testing.T) {
	p := sqliteDatabase(filepath.Join(t.TempDir(), "guard.db"), "&_pragma=max_page_count(50)")
	b := backends[2]
	var c clock
	s := b.in(t, p, &sqlstore.Options{Now: c.now})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var inserted []session.Record
	var err error
	for err == nil {
		rec := sessiontest.Record("alice")
		rec.Data = strings.Repeat("x", 1000)
		if err = s.Sessions().Insert(t.Context(), rec, session.AnyEpoch); err == nil {
			inserted = append(inserted, rec)
		}
	}
	if !errors.Is(err, session.ErrFull) || status(err) != 503 || len(inserted) < 10 {
		t.Fatalf("after %d: %v", len(inserted), err)
	}
	for _, rec := range inserted {
		if _, found, err := s.Sessions().Load(t.Context(), rec.Key); !found || err != nil {
			t.Fatalf("Load = %t, %v", found, err)
		}
	}
	if done, err := s.Sessions().Delete(t.Context(), inserted[0].Key); !done || err != nil {
		t.Errorf("Delete = %t, %v", done, err)
	}
	if n, err := s.Sessions().DeleteAll(t.Context(), "alice", []session.ID{inserted[2].ID}); n != len(inserted)-2 || err != nil {
		t.Errorf("DeleteAll = %d, %v", n, err)
	}
	c.advance(24 * time.Hour)
	if n, err := s.Sweep(t.Context(), 0); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if err := s.Sessions().Insert(t.Context(), sessiontest.Record("bob"), session.AnyEpoch); err != nil {
		t.Errorf("after the sweep: %v", err)
	}
}

// TestLoginWithoutEviction: a session that was inserted is a login, although the ones
// beyond the maximum cannot be deleted. Else each attempt would leave a session that no
// client has, and these would end those of the user.
func TestLoginWithoutEviction(t *testing.T) {
	s, p := backends[2].stores(t, nil)
	for range 100 {
		if err := s.Sessions().Insert(t.Context(), sessiontest.Record("alice"), session.AnyEpoch); err != nil {
			t.Fatal(err)
		}
	}
	db := p.open(t)
	if _, err := db.Exec("CREATE TRIGGER refuse BEFORE DELETE ON guard_sessions BEGIN SELECT RAISE(ABORT, 'refused'); END"); err != nil {
		t.Fatal(err)
	}
	rec := sessiontest.Record("alice")
	if err := s.Sessions().Insert(t.Context(), rec, session.AnyEpoch); err != nil {
		t.Errorf("Insert: %v", err)
	}
	if _, err := db.Exec("DROP TRIGGER refuse"); err != nil {
		t.Fatal(err)
	}
	if err := s.Sessions().Insert(t.Context(), sessiontest.Record("alice"), session.AnyEpoch); err != nil {
		t.Error(err)
	}
	if n := count(t, db, "guard_sessions"); n != 100 {
		t.Errorf("%d sessions after the next login, want 100", n)
	}
}

func (faultyConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not prepared") }
func (faultyConn) Close() error                        { return nil }

func (faultyConn) Begin() (driver.Tx, error) { return nil, errors.New("no sql.Tx") }

func (noRows) Columns() []string         { return []string{"a"} }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }

func (extended) Error() string { return "sqlite3" }
