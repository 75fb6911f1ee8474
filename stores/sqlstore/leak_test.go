package sqlstore_test

import (
	"database/sql"
	"testing"

	"github.com/go-guard/guard/internal/testing/leak"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestNoSecretIsPrinted: no log shows the password in the DSN of the database.
func TestNoSecretIsPrinted(t *testing.T) {
	for _, p := range []struct {
		driver, dsn string
		dialect     sqlstore.Dialect
	}{
		{"sqlite", "file::memory:?password=" + leak.Marker, sqlstore.SQLite},
		{"pgx", "postgres://guard:" + leak.Marker + "@127.0.0.1:1/guard", sqlstore.PostgreSQL},
		{"mysql", "guard:" + leak.Marker + "@tcp(127.0.0.1:1)/guard", sqlstore.MySQL},
	} {
		t.Run(p.driver, func(t *testing.T) {
			db, err := sql.Open(p.driver, p.dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			stores, err := sqlstore.New(db, p.dialect, nil)
			if err != nil {
				t.Fatal(err)
			}
			leak.Check(t, ".", map[string]leak.Instance{
				"Dialect": {Value: p.dialect},
				"Options": {Value: sqlstore.Options{}},
				"Stores":  {Value: stores},
			})
			for name, store := range map[string]any{
				"APIKeys": stores.APIKeys(), "Denylist": stores.Denylist(), "Passkeys": stores.Passkeys(),
				"RateLimits": stores.RateLimits(), "Sessions": stores.Sessions(), "TokenFamilies": stores.TokenFamilies(),
			} {
				for _, l := range leak.Find(leak.Instance{Value: store}) {
					t.Errorf("%s: %s", name, l)
				}
			}
		})
	}
}
