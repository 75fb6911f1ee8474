package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// exampleStores returns stores with tables, as ExampleStores_Migrate makes them.
func exampleStores() (*sqlstore.Stores, *sql.DB) {
	db := guard.Must(sql.Open("sqlite", "file::memory:"))
	db.SetMaxOpenConns(1)
	stores := guard.Must(sqlstore.New(db, sqlstore.SQLite, nil))
	if err := stores.Migrate(context.Background()); err != nil {
		log.Fatal(err)
	}
	return stores, db
}

// PostgreSQL, by the driver of pgx, in a schema of its own.
func ExampleNew() {
	db, err := sql.Open("pgx", "postgres://app@db.example.com/app?sslmode=verify-full") // os.Getenv("DATABASE_URL")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(16)

	stores, err := sqlstore.New(db, sqlstore.PostgreSQL, &sqlstore.Options{Schema: "auth", Timeout: time.Second})
	fmt.Println(stores != nil, err) // the next step is stores.Migrate(ctx)
	// Output: true <nil>
}

// Every process calls Migrate when it starts.
func ExampleStores_Migrate() {
	db, err := sql.Open("sqlite", "file::memory:") // "file:app.db?_pragma=busy_timeout(2000)"
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	stores := guard.Must(sqlstore.New(db, sqlstore.SQLite, nil))

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range 2 { // the second time, the tables are there
		fmt.Println(stores.Migrate(ctx))
	}
	// Output:
	// <nil>
	// <nil>
}

// The statements for a migration of the application's own, such as a file of goose.
func ExampleStores_Schema() {
	db := guard.Must(sql.Open("pgx", "")) // Schema connects to no database
	defer db.Close()
	stores := guard.Must(sqlstore.New(db, sqlstore.PostgreSQL, &sqlstore.Options{Prefix: "app1_"}))

	statements := stores.Schema() // os.WriteFile
	fmt.Println(strings.Contains(statements, "CREATE TABLE IF NOT EXISTS app1_guard_sessions"))
	// Output: true
}

// A job at night deletes expired rows, a thousand of each table at a time.
func ExampleStores_Sweep() {
	stores, db := exampleStores() // New and Migrate
	defer db.Close()
	for {
		deleted, err := stores.Sweep(context.Background(), 1000)
		if err != nil {
			log.Fatal(err)
		}
		if deleted == 0 {
			break
		}
	}
	fmt.Println("swept")
	// Output: swept
}

// Sessions that all processes share.
func ExampleStores_Sessions() {
	stores, db := exampleStores() // New and Migrate
	defer db.Close()
	type Data struct{ Name string }
	sessions := guard.Must(session.New[Data](&session.Options{Store: stores.Sessions()}))

	s, err := sessions.Create(httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil), "1", Data{"Alice"})
	if err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	fmt.Println(s.Sub(), s.Data().Name)
	// Output: 1 Alice
}

// API keys that all processes share.
func ExampleStores_APIKeys() {
	stores, db := exampleStores() // New and Migrate
	defer db.Close()
	keys := guard.Must(apikey.NewRing(&apikey.RingOptions{Store: stores.APIKeys(), Prefix: "acme"}))

	_, record, err := keys.Issue(context.Background(), apikey.Grant{Subject: "1", Name: "nightly export"})
	if err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	fmt.Println(record.Subject, record.Name)
	// Output: 1 nightly export
}

// Logins with refresh tokens: they share the denylist of their issuer, too.
func ExampleStores_TokenFamilies() {
	stores, db := exampleStores() // New and Migrate
	defer db.Close()
	type Claims struct{ Role string }
	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{Denylist: stores.Denylist()}))
	logins := guard.Must(refresh.New(issuer, func(_ context.Context, subject string, _ map[string]any) (Claims, bool, error) {
		return Claims{"admin"}, subject == "1", nil
	}, &refresh.Options{Store: stores.TokenFamilies()}))

	tokens, err := logins.Start(context.Background(), "1", nil)
	if err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	fmt.Println(tokens.RefreshToken != "") // tokens.Respond(w)
	// Output: true
}

// A token that one process revokes is refused by all.
func ExampleStores_Denylist() {
	stores, db := exampleStores() // New and Migrate
	defer db.Close()
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), &jwtauth.IssuerOptions{Denylist: stores.Denylist()}))
	verifier, ctx := issuer.Verifier(), context.Background()

	tokens := guard.Must(issuer.Issue("1", struct{}{}))
	token := guard.Must(verifier.Verify(ctx, tokens.AccessToken))
	fmt.Println(verifier.Revoke(ctx, token))
	_, err := verifier.Verify(ctx, tokens.AccessToken)
	fmt.Println(err)
	// Output:
	// <nil>
	// guard: 401 Unauthorized: Token revoked: jwtauth: the token or its session is denied
}

// Passkeys of all accounts, for package passkey.
func ExampleStores_Passkeys() {
	stores, db := exampleStores() // New and Migrate
	defer db.Close()
	store := stores.Passkeys() // passkey.New("app.example.com", origins, key, store, nil)

	list, err := store.List(context.Background(), "1")
	fmt.Println(len(list), err)
	// Output: 0 <nil>
}

// A limit that all processes count together. A write to a disk takes longer than the
// Timeout by default allows.
func ExampleStores_RateLimits() {
	stores, db := exampleStores() // New and Migrate
	defer db.Close()
	limit := guard.Must(ratelimit.New(
		ratelimit.Limit{Name: "exports", Quota: 2, Window: 24 * time.Hour},
		ratelimit.ByIP(clientip.Direct()),
		&ratelimit.Options{Store: stores.RateLimits(), Timeout: time.Second},
	))
	h := limit.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/export", nil))
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 200
	// 429
}

// An invitation that is accepted once, over all processes.
func ExampleStores_Once() {
	stores, db := exampleStores() // New and Migrate
	defer db.Close()
	store := stores.Once() // also for totp.Options.Steps, oauth.Options.Once and others
	for range 2 {
		fmt.Println(store.Take(context.Background(), once.Key("invitation", "i-17"), time.Now().Add(time.Hour)))
	}
	// Output:
	// true <nil>
	// false <nil>
}
