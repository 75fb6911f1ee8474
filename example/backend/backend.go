// Package backend opens the stores that several processes of an application
// share: Redis, a database, or neither.
package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/passkey"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// Stores holds the stores of an application. A nil store is in memory: the options
// of every package accept it.
type Stores struct {
	Sessions      session.Store
	TokenFamilies refresh.Store
	Denylist      jwtauth.Denylist
	Limits        ratelimit.Store
	APIKeys       apikey.Store
	Once          once.Store
	OAuthSessions session.Store // of other users than Sessions
	Accounts      Accounts      // of those whose sessions are in Sessions
	Passkeys      passkey.Store // of the Accounts

	Notes Notes

	closers []func() error
}

// Close closes the connections.
func (s *Stores) Close() error {
	var errs []error
	for _, f := range s.closers {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// KeyPrefix is the prefix of the API keys that the example issues.
const KeyPrefix = "ex"

// inDatabase is the value of RATE_LIMITS.
const inDatabase = "database"

// startup limits the time that a server may take to answer at the start.
const startup = 5 * time.Second

// Open connects to the servers of REDIS_URL and DATABASE_URL. With both, the
// database has everything except the rate limits. RATE_LIMITS=database moves these
// there, too. DATABASE_URL needs the build tag sql.
func Open(ctx context.Context, getenv func(string) string) (*Stores, error) {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	switch where := getenv("RATE_LIMITS"); {
	case where != "" && where != inDatabase:
		return nil, fmt.Errorf("RATE_LIMITS: %q is not %q", where, inDatabase)
	case where == inDatabase && getenv("DATABASE_URL") == "":
		return nil, errors.New("RATE_LIMITS: DATABASE_URL is not set")
	}
	s := &Stores{}
	for _, open := range []func(context.Context, func(string) string) error{s.openRedis, s.openDatabase} {
		if err := open(ctx, getenv); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func (s *Stores) openRedis(ctx context.Context, getenv func(string) string) error {
	url := getenv("REDIS_URL")
	if url == "" {
		return nil
	}
	opts, err := redis.ParseURL(url)
	if err != nil {
		return errors.New("REDIS_URL: want a URL such as redis://127.0.0.1:6379/0") // err contains the password
	}
	opts.ContextTimeoutEnabled, opts.MaxRetries = true, -1 // docs/running-on-redis.md
	opts.DialTimeout, opts.DialerRetries = time.Second, 1
	redis.SetLogger(silent{})
	client := redis.NewClient(opts)
	s.closers = append(s.closers, client.Close)
	stores, err := redisstore.New(ctx, client, "example")
	if err != nil {
		return fmt.Errorf("REDIS_URL: %w", err)
	}
	s.Sessions, s.TokenFamilies, s.Denylist = stores.Sessions(), stores.TokenFamilies(), stores.Denylist()
	s.Limits, s.APIKeys, s.Once = stores.RateLimits(), stores.APIKeys(), stores.Once()
	others, err := redisstore.New(ctx, client, "example-oauth")
	if err != nil {
		return fmt.Errorf("REDIS_URL: %w", err)
	}
	s.OAuthSessions = others.Sessions()
	s.Notes = redisNotes{client}
	return nil
}

// silent discards the logs of the clients: each failure is an error of a request,
// and is logged with it.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
func (silent) Print(...any)                           {}
