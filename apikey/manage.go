package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-guard/guard"
)

// maxAttempts is how often Issue and Rotate try again after a conflict.
const maxAttempts = 3

// Issue makes a key. The key is not stored and cannot be read again: show it
// once, by its Reveal method. A mistake in g is an error. A store that fails or
// is full ([ErrFull]) is one that guard.Refuse answers with 503. The outcome is
// reported to guard.Observe with the action "issue"; guard.Refuse does not report
// the error again.
func (k *Ring) Issue(ctx context.Context, g Grant) (Key, *Record, error) {
	key, rec, err := k.issue(ctx, g)
	return key, rec, report(ctx, "issue", g.Subject, err)
}

func (k *Ring) issue(ctx context.Context, g Grant) (Key, *Record, error) {
	now := toMillis(k.now())
	if err := g.validate(now); err != nil {
		return Key{}, nil, err
	}
	for range maxAttempts { // an id of 71 random bits is hardly ever taken
		id := random(idLen)
		key := k.format.newKey(id)
		e := Entry{
			Record: Record{
				ID: id, Subject: g.Subject, Name: g.Name, Scopes: slices.Clone(g.Scopes), Networks: masked(g.Networks),
				Last4: key.last4(), CreatedAt: now, NotBefore: toMillis(g.NotBefore), ExpiresAt: toMillis(g.ExpiresAt),
			},
			Digest: k.digests.digest(key.Reveal()),
		}
		inserted, err := k.store.Insert(ctx, e)
		if err != nil {
			return Key{}, nil, unavailable(err)
		}
		if inserted {
			return key, &e.Record, nil
		}
	}
	return Key{}, nil, errors.New("apikey: every new id was taken")
}

// Rotate replaces the key of a record. The record's id, subject and limits stay
// the same. The previous key remains valid for overlap, so that clients can be
// changed one by one; a key before that is invalid at once. found is false where
// there is no such record, and where it is revoked or expired: that is not
// reported. Other outcomes are reported to guard.Observe with the action "rotate";
// guard.Refuse does not report the error again.
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
		return Key{}, "", false, errors.New("apikey: a negative overlap")
	}
	for range maxAttempts { // a concurrent rotation may win
		e, found, err := k.store.Load(ctx, id)
		if err != nil {
			return Key{}, subject, false, unavailable(err)
		}
		now := toMillis(k.now())
		if !found || e.ended(now) {
			return Key{}, "", false, nil
		}
		subject = e.Subject
		key := k.format.newKey(id)
		rotated, err := k.store.Rotate(ctx, id, Rotation{
			From: e.Digest, To: k.digests.digest(key.Reveal()), Last4: key.last4(), At: now, Until: toMillis(now.Add(overlap)),
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

// Revoke permanently ends a record: its key and its previous key are refused
// from now on. found is false where there is no such record: that is not
// reported. Other outcomes are reported to guard.Observe with the action "revoke";
// guard.Refuse does not report the error again. Only inside an Observe, the record
// is then loaded for its subject.
//
// Revoke does not check the subject: see [Ring.Load].
func (k *Ring) Revoke(ctx context.Context, id string) (found bool, err error) {
	found, err = k.store.Revoke(ctx, id, toMillis(k.now()))
	if err != nil {
		found, err = false, unavailable(err)
	}
	if found || err != nil {
		err = report(ctx, "revoke", k.observedSubject(ctx, id, err), err)
	}
	return found, err
}

// observedSubject returns the subject of a record for Observe, "" if it cannot be
// known. A store that has just failed with err is not called again.
func (k *Ring) observedSubject(ctx context.Context, id string, err error) string {
	if err != nil || !guard.Observed(ctx) {
		return ""
	}
	if e, found, err := k.store.Load(ctx, id); err == nil && found && e != nil {
		return e.Subject
	}
	return ""
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

// Load returns the record under id. Rotate and Revoke trust their caller: a
// route for users must check the record's Subject first. Load has the shape of a
// loader for package owner, which does that.
func (k *Ring) Load(ctx context.Context, id string) (*Record, bool, error) {
	e, found, err := k.store.Load(ctx, id)
	if err != nil {
		return nil, false, unavailable(err)
	}
	if !found {
		return nil, false, nil
	}
	return &e.Record, true, nil
}

// List returns all records of a subject, the newest first. Revoked and expired
// ones are included for [Retention].
func (k *Ring) List(ctx context.Context, subject string) ([]Record, error) {
	list, err := k.store.List(ctx, subject)
	if err != nil {
		return nil, unavailable(err)
	}
	return list, nil
}

func unavailable(err error) error { return guard.Unavailable(fmt.Errorf("apikey: %w", err)) }

// toMillis is t with the precision and location that every store preserves.
func toMillis(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
