package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	"github.com/go-guard/guard/signin/credential"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestStatements: the number of round trips that docs/running-on-sql.md names, with
// BEGIN and COMMIT. A plain login pays nothing for epochs and references.
func TestStatements(t *testing.T) {
	rec, family, now := sessiontest.Record("alice"), newFamily("alice"), time.Now()
	named := rec
	named.Ref = "sid"
	withRef := family
	withRef.Ref = "sid"
	for _, tt := range []struct {
		name string
		want int64
		run  func(ctx context.Context, s *sqlstore.Stores) error
	}{
		{"Sessions.Insert", 2, func(ctx context.Context, s *sqlstore.Stores) error {
			return s.Sessions().Insert(ctx, rec, session.AnyEpoch)
		}},
		{"Sessions.Insert at an epoch", 5, func(ctx context.Context, s *sqlstore.Stores) error { return s.Sessions().Insert(ctx, rec, 0) }},
		{"Sessions.Insert with a Ref", 5, func(ctx context.Context, s *sqlstore.Stores) error {
			return s.Sessions().Insert(ctx, named, session.AnyEpoch)
		}},
		{"Sessions.Insert with both", 5, func(ctx context.Context, s *sqlstore.Stores) error { return s.Sessions().Insert(ctx, named, 0) }},
		{"Sessions.Load", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, _, err := s.Sessions().Load(ctx, rec.Key)
			return err
		}},
		{"Sessions.Touch", 1, func(ctx context.Context, s *sqlstore.Stores) error { return s.Sessions().Touch(ctx, rec.Key, now, now) }},
		{"Sessions.Update", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Sessions().Update(ctx, rec.Key, 1, "")
			return err
		}},
		{"Sessions.Rotate", 4, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Sessions().Rotate(ctx, rec.Key, session.Key{})
			return err
		}},
		{"Sessions.Delete", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Sessions().Delete(ctx, rec.Key)
			return err
		}},
		{"Sessions.List", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Sessions().List(ctx, "alice")
			return err
		}},
		{"Sessions.DeleteAll", 4, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Sessions().DeleteAll(ctx, "alice", nil)
			return err
		}},
		{"Sessions.DeleteRef", 4, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Sessions().DeleteRef(ctx, "sid", "")
			return err
		}},
		{"Sessions.DeleteRef of a subject", 4, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Sessions().DeleteRef(ctx, "sid", "alice")
			return err
		}},
		{"Sessions.Epoch", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Sessions().Epoch(ctx, "alice")
			return err
		}},
		{"TokenFamilies.Start", 2, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.TokenFamilies().Start(ctx, family)
			return err
		}},
		{"TokenFamilies.Start with a Ref", 5, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.TokenFamilies().Start(ctx, withRef)
			return err
		}},
		{"TokenFamilies.RevokeRef", 5, func(ctx context.Context, s *sqlstore.Stores) error {
			_, _, err := s.TokenFamilies().RevokeRef(ctx, refresh.RefRevocation{Ref: "sid", Subject: "alice", Now: now, Until: now})
			return err
		}},
		{"TokenFamilies.Rotate", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.TokenFamilies().Rotate(ctx, refresh.Rotation{Subject: "alice", ID: family.ID, Generation: 1, Now: now})
			return err
		}},
		{"TokenFamilies.Load", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, _, err := s.TokenFamilies().Load(ctx, "alice", family.ID)
			return err
		}},
		{"TokenFamilies.Revoke", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			return s.TokenFamilies().Revoke(ctx, "alice", now, family.ID)
		}},
		{"Denylist.Deny", 1, func(ctx context.Context, s *sqlstore.Stores) error { return s.Denylist().Deny(ctx, now, "", "a", "b") }},
		{"Denylist.Denied", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Denylist().Denied(ctx, now, "", "a", "b")
			return err
		}},
		{"APIKeys.Load", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, _, err := s.APIKeys().Load(ctx, "a")
			return err
		}},
		{"APIKeys.Insert", 5, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.APIKeys().Insert(ctx, apikey.Entry{Record: apikey.Record{ID: "a"}}, 10)
			return err
		}},
		{"Passkeys.UserHandle of a new account", 2, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Passkeys().UserHandle(ctx, "alice", "a")
			return err
		}},
		{"Passkeys.Add", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Passkeys().Add(ctx, credential.Record{ID: "a"})
			return err
		}},
		{"Passkeys.Load", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, _, err := s.Passkeys().Load(ctx, "a")
			return err
		}},
		{"Passkeys.List", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Passkeys().List(ctx, "alice")
			return err
		}},
		{"Passkeys.Use", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Passkeys().Use(ctx, "a", credential.Use{})
			return err
		}},
		{"Passkeys.Rename", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Passkeys().Rename(ctx, "alice", "a", "b")
			return err
		}},
		{"Passkeys.Remove", 1, func(ctx context.Context, s *sqlstore.Stores) error {
			_, err := s.Passkeys().Remove(ctx, "alice", "a")
			return err
		}},
	} {
		f := &faulty{}
		s, err := sqlstore.New(sql.OpenDB(f), sqlstore.PostgreSQL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.run(t.Context(), s); err != nil || f.ran.Load() != tt.want {
			t.Errorf("%s: %d statements, %v; want %d", tt.name, f.ran.Load(), err, tt.want)
		}
	}
}
