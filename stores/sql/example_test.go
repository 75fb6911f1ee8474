package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	sqlstore "github.com/go-guard/guard/stores/sql"
	_ "modernc.org/sqlite"
)

type profile struct {
	Name string `json:"name"`
}

// Sessions that outlive the process: two of them, one after the other.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	start := func() (*sql.DB, *session.Manager[profile]) {
		db := guard.Must(sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db")+"?_pragma=busy_timeout(2000)&_pragma=journal_mode(WAL)"))
		stores := guard.Must(sqlstore.New(db, sqlstore.SQLite, nil))
		if err := stores.Migrate(context.Background()); err != nil {
			panic(err)
		}
		return db, guard.Must(session.New[profile](&session.Options{Store: stores.Sessions()}))
	}

	db, sessions := start()
	login := httptest.NewRecorder()
	if _, err := sessions.Create(login, httptest.NewRequest("POST", "/login", nil), "1", profile{"Alice"}); err != nil {
		panic(err)
	}
	db.Close()

	db, sessions = start()
	defer db.Close()
	hello := sessions.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[profile]) {
		fmt.Fprintf(w, "Hello, %s!", s.Data().Name)
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(login.Result().Cookies()[0])
	w := httptest.NewRecorder()
	hello.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 Hello, Alice!
}
