package sqlstore

import (
	"context"
)

// execute decides the calls of a batch in order, and writes the counts on the
// condition that they are as they were: as in the copies or, if that fails, as in the
// table. If another process has changed them meanwhile, it locks them first. It does
// not end when ctx does: then the caller could not know whether the units were taken.
func (r *rateLimits) execute(ctx context.Context, batch []*call) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	if rows, ok := r.copies.find(batch[0].targets); ok {
		if done, err := r.decideByCopies(ctx, batch, rows); done || err != nil {
			return err
		}
	}
	if done, err := r.decideByTable(ctx, batch); done || err != nil {
		return err
	}
	for {
		if done, err := r.decideLocked(ctx, batch); done || err != nil {
			return err
		}
	}
}

// decideByCopies returns false if the copies do not suffice: a grant needs a write of
// all of them, and a refusal ones that are fresh.
func (r *rateLimits) decideByCopies(ctx context.Context, batch []*call, rows []row) (done bool, err error) {
	now := r.now().UnixNano()
	updates, err := decide(batch, rows, now)
	if err != nil {
		return false, nil // the table may have another state by now
	}
	if len(updates) == 0 {
		for _, c := range batch {
			if c.fresh {
				return false, nil
			}
		}
		for i := range rows {
			if age := now - rows[i].read; age < 0 || age >= int64(freshFor) {
				return false, nil
			}
		}
		return true, nil
	}
	for i := range rows {
		if rows[i].shared {
			return false, nil
		}
	}
	if len(updates) < len(rows) {
		return false, nil
	}
	return r.writeAll(ctx, updates)
}

// decideByTable returns false if another process has changed a count since it was read.
func (r *rateLimits) decideByTable(ctx context.Context, batch []*call) (done bool, err error) {
	rows, err := r.load(ctx, batch[0].targets)
	if err != nil {
		return false, err
	}
	updates, err := decide(batch, rows, r.now().UnixNano())
	if err != nil || len(updates) == 0 {
		return true, r.failed("deciding by counts", err)
	}
	return r.writeAll(ctx, updates)
}

// decideLocked reads, decides and writes in one transaction, which locks the rows. It
// returns false if another process has inserted one that was missing.
func (r *rateLimits) decideLocked(ctx context.Context, batch []*call) (done bool, err error) {
	var updates []update
	done, err = r.changeAll(ctx, func(ctx context.Context) error {
		return r.inReadCommitted(ctx, func(tx runner) error {
			rows, err := r.lockRows(ctx, tx, batch[0].targets)
			if err != nil {
				return err
			}
			if updates, err = decide(batch, rows, r.now().UnixNano()); err != nil {
				return err
			}
			return r.updateAll(ctx, tx, updates)
		})
	})
	if done {
		r.wrote(ctx, updates)
	}
	return done, err
}
