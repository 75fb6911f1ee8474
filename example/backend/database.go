//go:build sql

package backend

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // PostgreSQL
	_ "modernc.org/sqlite"             // SQLite

	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

func (s *Stores) openDatabase(ctx context.Context, getenv func(string) string) error {
	value := getenv("DATABASE_URL")
	if value == "" {
		return nil
	}
	driver, source, dialect, err := parseDatabase(value)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: invalid %s URL", dialect) // err may contain the password
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	s.closers = append(s.closers, db.Close)
	stores, err := migrated(ctx, db, dialect, "")
	if err != nil {
		return err
	}
	s.Sessions, s.TokenFamilies, s.Denylist, s.APIKeys = stores.Sessions(), stores.TokenFamilies(), stores.Denylist(), stores.APIKeys()
	s.Once, s.Passkeys = stores.Once(), stores.Passkeys()
	if getenv("RATE_LIMITS") == inDatabase {
		s.Limits = stores.RateLimits()
	}
	others, err := migrated(ctx, db, dialect, "oauth_")
	if err != nil {
		return err
	}
	s.OAuthSessions = others.Sessions()
	accounts, err := newSQLAccounts(ctx, db, driver)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	s.Accounts = accounts
	if s.Notes, err = newSQLNotes(ctx, db, driver); err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	return nil
}

// migrated returns the stores whose tables begin with prefix, and creates these.
func migrated(ctx context.Context, db *sql.DB, dialect sqlstore.Dialect, prefix string) (*sqlstore.Stores, error) {
	stores, err := sqlstore.New(db, dialect, &sqlstore.Options{Prefix: prefix})
	if err == nil {
		err = stores.Migrate(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	return stores, nil
}

// parseDatabase converts a URL to the data source of its driver. Its errors do not
// contain the URL, which may hold a password.
func parseDatabase(value string) (driver, source string, dialect sqlstore.Dialect, err error) {
	scheme, rest, _ := strings.Cut(value, ":")
	switch scheme {
	case "postgres", "postgresql":
		return "pgx", value, sqlstore.PostgreSQL, nil
	case "mysql", "mariadb":
		u, err := url.Parse(value)
		if err != nil || u.Host == "" || len(u.Path) < 2 {
			return "", "", 0, errors.New("want mysql://user:password@host:3306/database")
		}
		c := mysql.NewConfig()
		c.Net, c.Addr, c.DBName = "tcp", u.Host, u.Path[1:]
		if u.Port() == "" {
			c.Addr += ":3306"
		}
		c.User = u.User.Username()
		c.Passwd, _ = u.User.Password()
		c.InterpolateParams = true // one round trip per statement
		_ = mysql.SetLogger(silent{})
		return "mysql", c.FormatDSN(), sqlstore.MySQL, nil
	case "sqlite":
		path := strings.TrimPrefix(rest, "//")
		if path == "" {
			return "", "", 0, errors.New("want sqlite:PATH, with the path of a file")
		}
		return "sqlite", "file:" + path + "?_pragma=busy_timeout(2000)&_pragma=journal_mode(wal)", sqlstore.SQLite, nil
	}
	return "", "", 0, fmt.Errorf("scheme %q is none of postgres, mysql and sqlite", scheme)
}
