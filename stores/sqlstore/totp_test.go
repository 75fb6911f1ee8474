package sqlstore_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/signin/totp"
	"github.com/go-guard/guard/signin/totp/totptest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// factorColumn is a totp.Store in a column of an application's table of users, as the
// documentation of totp.Store has it.
type factorColumn struct {
	db      *sql.DB
	dialect sqlstore.Dialect
}

// newFactorColumn creates the table.
func newFactorColumn(t *testing.T, b backend, p database) factorColumn {
	t.Helper()
	c := factorColumn{p.open(t), b.dialect}
	text := "TEXT"
	if b.dialect == sqlstore.MySQL {
		text = "VARCHAR(700) CHARACTER SET ascii COLLATE ascii_bin"
	}
	if _, err := c.db.Exec("CREATE TABLE users (id VARCHAR(255) PRIMARY KEY, factor " + text + " NOT NULL DEFAULT '')"); err != nil {
		t.Fatal(err)
	}
	return c
}

// query replaces the placeholders of PostgreSQL.
func (c factorColumn) query(q string) string {
	if c.dialect == sqlstore.PostgreSQL {
		return q
	}
	return strings.NewReplacer("$1", "?", "$2", "?", "$3", "?").Replace(q)
}

func (c factorColumn) add(t *testing.T, id string) {
	t.Helper()
	if _, err := c.db.Exec(c.query("INSERT INTO users (id) VALUES ($1)"), id); err != nil {
		t.Fatal(err)
	}
}

func (c factorColumn) Load(ctx context.Context, id string) (record string, found bool, err error) {
	err = c.db.QueryRowContext(ctx, c.query("SELECT factor FROM users WHERE id = $1"), id).Scan(&record)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return record, err == nil, err
}

func (c factorColumn) Swap(ctx context.Context, id, old, replacement string) (swapped bool, err error) {
	result, err := c.db.ExecContext(ctx, c.query("UPDATE users SET factor = $1 WHERE id = $2 AND factor = $3"), replacement, id, old)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// TestTOTP: a column of users is a totp.Store, and of 64 uses of one code, over two
// processes, one wins.
func TestTOTP(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		users := newFactorColumn(t, b, p)
		totptest.Run(t, func(*testing.T) totp.Store { return users }, users.add)
		t.Run("ParallelCodes", func(t *testing.T) { parallelCodes(t, users, s, b.in(t, p, nil)) })
	})
}

// codeAt is the authenticator.
func codeAt(secret []byte, now time.Time) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/30)))
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

func parallelCodes(t *testing.T, users factorColumn, processes ...*sqlstore.Stores) {
	ctx := t.Context()
	key := guard.Secret("0123456789abcdef0123456789abcdef")
	now := time.Now()
	var factors []*totp.Factors
	for _, s := range processes {
		factors = append(factors, guard.Must(totp.New("Acme", key, users, clientip.Direct(), &totp.Options{
			Steps: s.Once(), Now: func() time.Time { return now },
			Attempts: ratelimit.LoginOptions{
				Store: s.RateLimits(), Secret: key,
				Account: ratelimit.Limit{Quota: 1000, Window: time.Hour}, Address: ratelimit.Limit{Quota: 1000, Window: time.Hour},
			},
		})))
	}
	users.add(t, "1")
	secret := guard.Secret("12345678901234567890")
	if err := factors[0].Import(ctx, "1", secret); err != nil {
		t.Fatal(err)
	}
	recovery := guard.Must(factors[0].NewRecoveryCodes(ctx, "1"))
	for what, code := range map[string]string{"code": codeAt(secret, now), "recovery code": recovery[0]} {
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				_, err := factors[i%len(factors)].Verify(httptest.NewRequest("POST", "/", nil), "1", code)
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, totp.ErrCode) {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("of 64 uses of one %s %d won", what, won.Load())
		}
	}
	if s := guard.Must(factors[0].Status(ctx, "1")); s.RecoveryCodes != 9 {
		t.Errorf("%+v", s)
	}
}
