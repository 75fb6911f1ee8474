package sqlstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestAutocommitOff: with autocommit=0, what a process writes is committed, and what it
// reads is not the state of its connection's first read.
func TestAutocommitOff(t *testing.T) {
	b := backends[1]
	p := b.create(t)
	db := p.open(t)
	other := b.in(t, p, nil)
	p.dsn += "&autocommit=0"
	s := b.in(t, p, nil)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "guard_schema"); n != 1 {
		t.Fatalf("%d versions", n)
	}
	ctx, now, rec := context.Background(), time.Now(), sessiontest.Record("alice")
	deleted, id, keyID := sessiontest.Record("alice"), rand.Text(), rand.Text()[:12]
	family := refresh.Family{Subject: "alice", ID: id, Started: now, Expires: now.Add(time.Hour)}
	_, err := s.APIKeys().Insert(ctx, apikey.Entry{Record: apikey.Record{ID: keyID, Subject: "alice"}}, 10)
	if err := errors.Join(err,
		s.Sessions().Insert(ctx, rec, session.AnyEpoch),
		s.Sessions().Insert(ctx, deleted, session.AnyEpoch),
		startFamily(ctx, s, family),
		s.Denylist().Deny(ctx, now.Add(time.Hour), "", "jti"),
	); err != nil {
		t.Fatal(err)
	}
	if done, err := s.Sessions().Delete(ctx, deleted.Key); !done || err != nil {
		t.Errorf("Delete = %t, %v", done, err)
	}
	live := func(s *sqlstore.Stores) (sessions, families int, key, denied bool) {
		list, err := s.Sessions().List(ctx, "alice")
		_, family, err2 := s.TokenFamilies().Load(ctx, "alice", id)
		e, key, err3 := s.APIKeys().Load(ctx, keyID)
		denied, err4 := s.Denylist().Denied(ctx, now, "", "jti")
		if err := errors.Join(err, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		if family {
			families++
		}
		return len(list), families, key && e.RevokedAt.IsZero(), denied
	}
	for _, s := range []*sqlstore.Stores{s, other} {
		if sessions, families, key, denied := live(s); sessions != 1 || families != 1 || !key || !denied {
			t.Errorf("%d sessions, %d families, API key %t, denied %t", sessions, families, key, denied)
		}
	}
	// What another process ends has ended here.
	if n, err := other.Sessions().DeleteAll(ctx, "alice", nil); n != 1 || err != nil {
		t.Errorf("DeleteAll = %d, %v", n, err)
	}
	revoked, err := other.APIKeys().Revoke(ctx, keyID, now)
	if err := errors.Join(err, other.TokenFamilies().Revoke(ctx, "alice", now, id)); err != nil || !revoked {
		t.Errorf("Revoke = %t, %v", revoked, err)
	}
	for range 10 { // every connection of the pool
		if sessions, families, key, _ := live(s); sessions != 0 || families != 0 || key {
			t.Errorf("after their end: %d sessions, %d families, API key %t", sessions, families, key)
		}
	}
	c := clock{}
	c.advance(24 * time.Hour)
	ahead := b.in(t, p, &sqlstore.Options{Now: c.now})
	if n, err := ahead.Sweep(ctx, 0); n != 3 || err != nil { // the jti, the family, and the row that orders API keys
		t.Errorf("swept %d, %v", n, err)
	}
	if n := count(t, db, "guard_denied"); n != 0 {
		t.Errorf("%d rows are left of guard_denied", n)
	}
}
