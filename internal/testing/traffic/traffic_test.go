package traffic_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/traffic"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
)

func inMemory() traffic.Stores {
	return traffic.Stores{
		Sessions:      guard.Must(session.NewMemory(nil)),
		TokenFamilies: guard.Must(refresh.NewMemory(nil)),
		Denylist:      guard.Must(jwtauth.NewMemory(nil)),
		APIKeys:       guard.Must(apikey.NewMemory(nil)),
		Limits:        guard.Must(ratelimit.NewMemory(nil)),
	}
}

// run runs traffic until there are many facts of each kind.
func run(t *testing.T, s traffic.Stores) traffic.Report {
	l := traffic.Start(t, s, 0)
	for l.Facts() < 3000 {
		time.Sleep(time.Millisecond) // real clients
	}
	r := l.Stop()
	t.Log(r)
	return r
}

func TestTraffic(t *testing.T) {
	r := run(t, inMemory())
	if r.Losses() > 0 || r.Unavailable > 0 || len(r.Acknowledged) != 13 {
		t.Errorf("%v", r)
	}
}

// TestTrafficFindsLosses: each store acknowledges a change that it does not make.
func TestTrafficFindsLosses(t *testing.T) {
	s := inMemory()
	s.Sessions, s.TokenFamilies, s.Denylist = undyingSessions{s.Sessions}, undyingFamilies{s.TokenFamilies}, deaf{s.Denylist}
	s.APIKeys, s.Limits = undyingKeys{s.APIKeys}, uncounted{s.Limits}
	r := run(t, s)
	for _, kind := range []string{"logout", "revocation of a family", "denied access token", "revocation of an API key", "count"} {
		if r.Lost[kind] == 0 {
			t.Errorf("%s: no loss was found", kind)
		}
	}
}

type undyingSessions struct{ session.Store }

func (undyingSessions) Delete(context.Context, session.Key) (bool, error) { return true, nil }

type undyingFamilies struct{ refresh.Store }

func (undyingFamilies) Revoke(context.Context, string, time.Time, ...string) error { return nil }

type deaf struct{ jwtauth.Denylist }

func (deaf) Deny(context.Context, time.Time, string, ...string) error { return nil }

type undyingKeys struct{ apikey.Store }

func (undyingKeys) Revoke(context.Context, string, time.Time) (bool, error) { return true, nil }

type uncounted struct{ ratelimit.Store }

func (s uncounted) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	for i := range takes {
		takes[i].Cost = 0
	}
	return s.Store.Take(ctx, takes)
}
