package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"
)

// A runner is a *sql.DB, or the connection of a transaction.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// rollbackTimeout is how long a ROLLBACK may take. The deadline of the operation may be
// over by then.
const rollbackTimeout = time.Second

// inTx runs f in a transaction. It has no sql.Tx, whose Commit and Rollback have no
// deadline: in go-sql-driver/mysql they wait without end for a server that hangs. f
// returns the error of each of its statements: to the COMMIT of a transaction that has
// failed, PostgreSQL answers without an error.
func (s *Stores) inTx(ctx context.Context, f func(runner) error) error {
	return s.inTxAs(ctx, "BEGIN", f)
}

// inReadCommitted is inTx that sees what others have committed: PostgreSQL's stricter
// levels refuse to lock a row that has changed.
func (s *Stores) inReadCommitted(ctx context.Context, f func(runner) error) error {
	begin := "BEGIN"
	if s.dialect == PostgreSQL {
		begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
	}
	return s.inTxAs(ctx, begin, f)
}

func (s *Stores) inTxAs(ctx context.Context, begin string, f func(runner) error) error {
	conn, err := s.begin(ctx, begin)
	if err != nil {
		return err
	}
	defer conn.Close()
	committed := false
	defer func() {
		if !committed { // also after a panic
			s.rollBack(ctx, conn)
		}
	}()
	if err := f(conn); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	committed = err == nil
	return err
}

// begin begins a transaction. As sql.DB does, it takes another connection if the driver
// reports that the server has closed the one from the pool.
func (s *Stores) begin(ctx context.Context, statement string) (*sql.Conn, error) {
	for attempt := 1; ; attempt++ {
		conn, err := s.db().Conn(ctx)
		if err != nil {
			return nil, err
		}
		if _, err = conn.ExecContext(ctx, statement); err == nil {
			return conn, nil
		}
		s.rollBack(ctx, conn) // at the deadline, it may have begun all the same
		_ = conn.Close()
		if attempt == 3 || !errors.Is(err, driver.ErrBadConn) {
			return nil, err
		}
	}
}

// rollBack ends a transaction. If that fails, it closes the connection, so that no
// other operation continues the transaction. SQLite has no transaction any more if the
// statement was interrupted, and a database in memory would end with its connection.
func (s *Stores) rollBack(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil && s.dialect != SQLite {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}
