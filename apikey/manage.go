package apikey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
)

const (
	// maxAttempts is how often Issue, Rotate and Update try again after a conflict.
	maxAttempts = 3

	// maxPrevious is how many previous keys are valid at a time.
	maxPrevious = 2
)

// Issue makes a key. The key is not stored and cannot be read again: show it
// once, by its Reveal method. Mistakes in g are [FieldErrors], 422. A subject with
// RingOptions.MaxPerSubject valid keys is refused with [ErrTooMany], 409. A store
// that fails or is full ([ErrFull]) is an error that guard.Refuse answers with 503.
// The outcome is reported to guard.Observe with the action "issue"; guard.Refuse does
// not report the error again.
func (k *Ring) Issue(ctx context.Context, g Grant) (Key, *Record, error) {
	key, rec, err := k.issue(ctx, g)
	return key, rec, report(ctx, "issue", g.Subject, err)
}

func (k *Ring) issue(ctx context.Context, g Grant) (Key, *Record, error) {
	now := toMillis(k.now())
	if err := g.validate(now).refusal(); err != nil {
		return Key{}, nil, err
	}
	for range maxAttempts { // an id of 71 random bits is hardly ever taken
		id := random(idLen)
		key := k.format.newKey(id)
		e := Entry{Record: Record{ID: id, Ring: k.format.name(), Last4: key.last4(), CreatedAt: now}, Digest: k.digests.digest(key.Reveal())}
		e.apply(g)
		inserted, err := k.store.Insert(ctx, e, k.max)
		switch {
		case errors.Is(err, ErrTooMany):
			return Key{}, nil, &guard.Error{
				Status: http.StatusConflict, Code: "too_many_keys", Err: ErrTooMany,
				Message: fmt.Sprintf("%d API keys are valid; revoke one of them first", k.max),
			}
		case err != nil:
			return Key{}, nil, unavailable(err)
		case inserted:
			return key, &e.Record, nil
		}
	}
	return Key{}, nil, errors.New("apikey: every new id was taken")
}

// Rotate replaces the key of a record. The record's id, subject and limits stay the
// same. With an overlap of zero, the previous key is invalid at once, and so is one
// before it: that is the rotation of a leaked key. With a longer overlap, the previous
// key remains valid for that long, so that clients can be changed one by one.
//
// A rotation whose answer was lost can be repeated. Within an overlap, a key that has
// authenticated no request is taken for one that no client received: the next rotation
// replaces it at once, and does not shorten the overlap of the key that clients use.
// One that has been used gets an overlap of its own. At most two previous
// keys are valid at a time; of three, the one that would end first is invalid at once.
//
// found is false where there is no such record, and where it has ended: that is not
// reported. Other outcomes are reported to guard.Observe with the action "rotate";
// guard.Refuse does not report the error again. A negative overlap is a [FieldErrors],
// 422.
//
// Rotate does not check the subject: see [Ring.Load].
func (k *Ring) Rotate(ctx context.Context, id string, overlap time.Duration) (key Key, found bool, err error) {
	key, subject, found, err := k.rotate(ctx, id, overlap)
	if found || err != nil {
		err = report(ctx, "rotate", subject, err)
	}
	return key, found, err
}

// rotate is Rotate without the report. It returns the record's subject.
func (k *Ring) rotate(ctx context.Context, id string, overlap time.Duration) (key Key, subject string, found bool, err error) {
	if overlap < 0 {
		return Key{}, "", false, FieldErrors{{"overlap", "is negative"}}.refusal()
	}
	for range maxAttempts { // a concurrent rotation may win
		e, now, err := k.loadValid(ctx, id)
		if e == nil {
			return Key{}, subject, false, err
		}
		subject = e.Subject
		key := k.format.newKey(id)
		rotated, err := k.store.Rotate(ctx, id, Rotation{
			From: e.Digest, To: k.digests.digest(key.Reveal()), Last4: key.last4(), At: now, Previous: previousKeys(e, now, overlap),
		})
		if err != nil {
			return Key{}, subject, false, unavailable(err)
		}
		if rotated {
			return key, subject, true, nil
		}
	}
	return Key{}, subject, false, guard.Unavailable(errors.New("apikey: the key is being rotated concurrently"))
}

// loadValid returns the entry under id, nil where there is none or it has ended.
func (k *Ring) loadValid(ctx context.Context, id string) (*Entry, time.Time, error) {
	e, err := k.load(ctx, id)
	now := toMillis(k.now())
	if e != nil && e.Ended(now) {
		e = nil
	}
	return e, now, err
}

// load returns the entry under id, nil where there is none of this ring.
func (k *Ring) load(ctx context.Context, id string) (*Entry, error) {
	if len(id) != idLen || !isAlnum(id) { // from a URL: databases fail on a NUL and on bytes that are not UTF-8
		return nil, nil
	}
	e, found, err := k.store.Load(ctx, id)
	switch {
	case err != nil:
		return nil, unavailable(err)
	case found && e == nil:
		return nil, errors.New("apikey: the store returned a nil entry as found")
	case !found || e.Ring != k.format.name():
		return nil, nil
	}
	return e, nil
}

// previousKeys returns the keys of e that remain valid after a rotation.
func previousKeys(e *Entry, now time.Time, overlap time.Duration) (list []PreviousKey) {
	until := toMillis(now.Add(overlap))
	if !until.After(now) {
		return nil
	}
	for _, p := range e.Previous {
		if now.Before(p.Until) {
			list = append(list, p)
		}
	}
	if n := len(list); n > 0 && !e.InUse { // the answer with the current key was lost
		if last := &list[n-1]; until.After(last.Until) {
			last.Until = until
		}
		return list
	}
	list = append(list, PreviousKey{e.Digest, until})
	if len(list) > maxPrevious {
		first := 0
		for i := range list {
			if list[i].Until.Before(list[first].Until) {
				first = i
			}
		}
		list = slices.Delete(list, first, first+1)
	}
	return list
}

// Update changes the record under id: change receives what it is now and changes it in
// place. It cannot change the Subject, nor remove a limit: Scopes, Networks, NotBefore,
// ExpiresAt and MaxUses that a key has can be replaced by others, and a MaxUses must be
// more than the key's Uses. Such a mistake, as one in a [Grant], is a [FieldErrors], 422.
// If change returns an error, Update returns it and writes nothing. change may be
// called again after a concurrent update; it must not keep the Grant.
//
// found is false where there is no such record, and where it has ended: that is not
// reported. Other outcomes are reported to guard.Observe with the action "update";
// guard.Refuse does not report the error again.
//
// Update does not check the subject: see [Ring.Load].
func (k *Ring) Update(ctx context.Context, id string, change func(*Grant) error) (rec *Record, found bool, err error) {
	if change == nil {
		return nil, false, errors.New("apikey: Update with a nil change")
	}
	rec, subject, err := k.update(ctx, id, change)
	if rec != nil || err != nil {
		err = report(ctx, "update", subject, err)
	}
	return rec, rec != nil, err
}

// update is Update without the report. It also returns the record's subject.
func (k *Ring) update(ctx context.Context, id string, change func(*Grant) error) (rec *Record, subject string, err error) {
	for range maxAttempts {
		e, _, err := k.loadValid(ctx, id)
		if e == nil {
			return nil, subject, err
		}
		subject = e.Subject
		g := e.grant()
		if err := change(&g); err != nil {
			return nil, subject, err
		}
		now := toMillis(k.now()) // change may have taken long
		if e.Ended(now) {
			return nil, subject, nil
		}
		if err := append(g.checkUpdate(&e.Record), g.validate(now)...).refusal(); err != nil {
			return nil, subject, err
		}
		rec := e.Record
		rec.apply(g)
		updated, err := k.store.Update(ctx, rec, e.Revision)
		if err != nil {
			return nil, subject, unavailable(err)
		}
		if updated {
			return &rec, subject, nil
		}
	}
	return nil, subject, guard.Unavailable(errors.New("apikey: the key is being updated concurrently"))
}

// Revoke permanently ends a record: its key and its previous key are refused
// from now on. found is false where there is no such record: that is not
// reported. Other outcomes are reported to guard.Observe with the action "revoke";
// guard.Refuse does not report the error again.
//
// Revoke does not check the subject: see [Ring.Load].
func (k *Ring) Revoke(ctx context.Context, id string) (found bool, err error) {
	e, err := k.load(ctx, id)
	subject := ""
	if e != nil {
		subject = e.Subject
		if found, err = k.store.Revoke(ctx, id, toMillis(k.now())); err != nil {
			found, err = false, unavailable(err)
		}
	}
	if found || err != nil {
		err = report(ctx, "revoke", subject, err)
	}
	return found, err
}

// report reports an action that was done, or not because of err, and returns err
// for guard.Refuse.
func report(ctx context.Context, action, subject string, err error) error {
	d := guard.Decision{Package: "apikey", Action: action, Subject: subject, Outcome: guard.Allowed}
	if err != nil {
		return d.Deny(ctx, err)
	}
	d.ReportTo(ctx)
	return nil
}

// Load returns the record under id, of this ring alone. Rotate, Update and Revoke trust their caller: a
// route for users must check the record's Subject first. Load has the shape of a
// loader for package owner, which does that.
func (k *Ring) Load(ctx context.Context, id string) (*Record, bool, error) {
	e, err := k.load(ctx, id)
	if e == nil {
		return nil, false, err
	}
	return &e.Record, true, nil
}

func unavailable(err error) error { return guard.Unavailable(fmt.Errorf("apikey: %w", err)) }

// toMillis is t with the precision and location that every store preserves.
func toMillis(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
