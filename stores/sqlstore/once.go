package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-guard/guard/once"
)

// Once returns a [once.Store]. Take is one statement for the first caller; on MySQL it
// is two for the others.
func (s *Stores) Once() once.Store { return onceStore{s} }

type onceStore struct{ *Stores }

// The steps of a row that Advance did not write. No step is larger than done.
const (
	leased = -1
	done   = math.MaxInt64
)

// put writes the row of a key if there is none, if that is over, or if Advance wrote it
// and its step is less than above, which leased is for no step. A row is remembered until
// the later of the two times.
func (s onceStore) put(ctx context.Context, key [32]byte, holder []byte, step, above, expires int64) (bool, error) {
	now, n := s.now().UnixMilli(), int64(0)
	const insert = "INSERT INTO guard_once (id, holder, step, expires) VALUES (?, ?, ?, ?)"
	const over = "(guard_once.expires <= ? OR guard_once.step >= 0 AND guard_once.step < ?)"
	var err error
	switch s.dialect {
	case MySQL:
		n, err = s.exec(ctx, s.db(), insert, key[:], holder, step, expires)
		if s.dialect.classify(err) == duplicate {
			n, err = s.exec(ctx, s.db(), "UPDATE guard_once SET holder = ?, step = ?, expires = GREATEST(expires, ?) WHERE id = ? AND "+over,
				holder, step, expires, key[:], now, above)
		}
	default:
		n, err = s.exec(ctx, s.db(), insert+" ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, step = excluded.step, expires = "+
			s.dialect.greatest()+"(guard_once.expires, excluded.expires) WHERE "+over, key[:], holder, step, expires, now, above)
	}
	if err == nil && n > 0 {
		s.sweepSometimes(ctx, onceTable)
	}
	return n > 0, err
}

// write is write of Stores, which says when the database is full.
func (s onceStore) write(ctx context.Context, operation string, f func(context.Context) error) error {
	return s.Stores.write(ctx, operation, func(ctx context.Context) error {
		err := f(ctx)
		if s.dialect.classify(err) == outOfSpace {
			err = fmt.Errorf("%w: %w", once.ErrFull, err)
		}
		return err
	})
}

func (s onceStore) Take(ctx context.Context, key [32]byte, until time.Time) (first bool, err error) {
	return s.advance(ctx, "taking a key of package once", key, done, leased, until)
}

func (s onceStore) Advance(ctx context.Context, key [32]byte, step int64, until time.Time) (ok bool, err error) {
	if step < 0 {
		return false, errors.New("sqlstore: a step of package once is negative")
	}
	return s.advance(ctx, "advancing a step", key, step, step, until)
}

func (s onceStore) advance(ctx context.Context, operation string, key [32]byte, step, above int64, until time.Time) (ok bool, err error) {
	if !until.After(s.now()) {
		return false, nil
	}
	err = s.write(ctx, operation, func(ctx context.Context) (err error) {
		ok, err = s.put(ctx, key, []byte{}, step, above, expiry(until))
		return err
	})
	return ok && err == nil, err
}

// expiry returns when what is remembered until a time is over. What is later than an
// int64 of milliseconds is never over.
func expiry(until time.Time) int64 {
	until = until.Add(once.Slack + time.Millisecond - 1)
	if until.Unix() >= math.MaxInt64/1000 {
		return math.MaxInt64
	}
	return until.UnixMilli()
}

func (s onceStore) Acquire(ctx context.Context, key [32]byte, lease time.Duration) (l once.Lease, state once.State, err error) {
	if lease <= 0 {
		return l, once.Busy, fmt.Errorf("sqlstore: a lease of %v is not positive", lease)
	}
	got := once.Lease{Key: key}
	rand.Read(got.Holder[:])
	err = s.write(ctx, "acquiring a lease", func(ctx context.Context) error {
		l, state = once.Lease{}, once.Busy
		first, err := s.put(ctx, key, got.Holder[:], leased, leased, s.now().UnixMilli()+lease.Milliseconds()+1)
		switch {
		case err != nil:
			return err
		case first:
			l, state = got, once.First
			return nil
		}
		return s.find(ctx, key, func(_ []byte, step int64) {
			if step != leased {
				state = once.Done
			}
		})
	})
	if err != nil {
		return once.Lease{}, once.Busy, err
	}
	return l, state, nil
}

// find calls found with the row of a key, if there is one.
func (s onceStore) find(ctx context.Context, key [32]byte, found func(holder []byte, step int64)) error {
	return s.query(ctx, s.db(), func(rows *sql.Rows) error {
		var holder []byte
		var step int64
		err := rows.Scan(&holder, &step)
		found(holder, step)
		return err
	}, "SELECT holder, step FROM guard_once WHERE id = ?", key[:])
}

func (s onceStore) Commit(ctx context.Context, l once.Lease, until time.Time) error {
	if now := s.now(); until.Before(now) {
		until = now // it is done all the same
	}
	committed := false
	err := s.write(ctx, "committing a lease", func(ctx context.Context) error {
		n, err := s.exec(ctx, s.db(), "UPDATE guard_once SET step = ?, expires = ? WHERE id = ? AND holder = ? AND step = ?",
			int64(done), expiry(until), l.Key[:], l.Holder[:], leased)
		if committed = n > 0; committed || err != nil {
			return err
		}
		// The lease ran out and its row is gone, or the Commit is repeated.
		if committed, err = s.put(ctx, l.Key, l.Holder[:], done, leased, expiry(until)); committed || err != nil {
			return err
		}
		return s.find(ctx, l.Key, func(holder []byte, step int64) { committed = string(holder) == string(l.Holder[:]) })
	})
	if err == nil && !committed {
		return once.ErrLost
	}
	return err
}

func (s onceStore) Release(ctx context.Context, l once.Lease) error {
	return s.write(ctx, "releasing a lease", func(ctx context.Context) error {
		_, err := s.exec(ctx, s.db(), "DELETE FROM guard_once WHERE id = ? AND holder = ? AND step = ?", l.Key[:], l.Holder[:], leased)
		return err
	})
}
