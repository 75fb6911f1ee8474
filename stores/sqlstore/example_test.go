package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	_ "modernc.org/sqlite"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// API keys that outlive the process. The driver is the caller's.
func Example() {
	db, err := sql.Open("sqlite", "file::memory:?_pragma=busy_timeout(2000)")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)

	ctx := context.Background()
	stores := guard.Must(sqlstore.New(db, sqlstore.SQLite, nil))
	if err := stores.Migrate(ctx); err != nil {
		log.Fatal(err)
	}

	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Store: stores.APIKeys()}))
	_, record, err := ring.Issue(ctx, apikey.Grant{Subject: "alice", Name: "laptop"})
	if err != nil {
		log.Fatal(err)
	}
	list, err := ring.List(ctx, "alice")
	fmt.Println(record.Name, len(list), err)
	// Output: laptop 1 <nil>
}
