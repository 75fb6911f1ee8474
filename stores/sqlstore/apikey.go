package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-guard/guard/apikey"
)

// APIKeys returns an [apikey.Store].
func (s *Stores) APIKeys() apikey.Store { return apiKeys{s} }

type apiKeys struct{ *Stores }

const apiKeyColumns = `id, ring, subject, name, scopes, networks, metadata, last4, created, not_before, expires, rotated, revoked, last_used,
	max_uses, uses, digest, in_use, previous, revision`

// apiKeyLockID returns the id of the row in guard_epochs that orders the inserts of a
// subject's API keys in one ring.
func apiKeyLockID(ring, subject string) []byte {
	return digestOf(fmt.Sprintf("k%d:%s%s", len(ring), ring, subject))
}

// Insert first writes a row that orders the inserts of the subject, so that two of them
// do not both find the last place free.
func (s apiKeys) Insert(ctx context.Context, e apikey.Entry, maxPerSubject int) (inserted bool, err error) {
	if len(e.ID) > 64 || len(e.Ring) > 33 || len(e.Subject) > 1024 || len(e.Last4) > 16 { // MySQL might truncate them
		return false, fmt.Errorf("sqlstore: an API key has an ID of %d bytes, a ring of %d, a subject of %d and last characters of %d, want at most 64, 33, 1024 and 16", len(e.ID), len(e.Ring), len(e.Subject), len(e.Last4))
	}
	lists, err := encodeLists(&e.Record)
	if err != nil {
		return false, err
	}
	args := []any{
		[]byte(e.ID), []byte(e.Ring), []byte(e.Subject), []byte(e.Name), lists[0], lists[1], lists[2], []byte(e.Last4),
		toMS(e.CreatedAt), toMS(e.NotBefore), toMS(e.ExpiresAt), toMS(e.RotatedAt), toMS(e.RevokedAt), toMS(e.LastUsedAt),
		e.MaxUses, e.Uses, e.Digest[:], toInt(e.InUse), encodePrevious(e.Previous), e.Revision, forgetAfter(&e.Record),
	}
	var tooMany bool
	err = s.write(ctx, "inserting an API key", func(ctx context.Context) error {
		err := s.inTx(ctx, func(tx runner) error {
			if err := s.lock(ctx, tx, []condition{{id: apiKeyLockID(e.Ring, e.Subject)}}); err != nil {
				return err
			}
			if err := s.makeRoom(ctx, tx, &e.Record, maxPerSubject); err != nil {
				return err
			}
			_, err := s.exec(ctx, tx, "INSERT INTO guard_api_keys ("+apiKeyColumns+", forget_after) VALUES ("+placeholders(len(args))+")", args...)
			return err
		})
		inserted, tooMany = err == nil, errors.Is(err, apikey.ErrTooMany)
		if inserted {
			s.sweepSometimes(ctx, apiKeyTable)
			s.sweepSometimes(ctx, epochTable)
		}
		switch class := s.dialect.classify(err); {
		case tooMany, errors.Is(err, errExists), class == duplicate:
			return nil
		case class == outOfSpace:
			return fmt.Errorf("%w: %w", apikey.ErrFull, err)
		}
		return err
	})
	if tooMany && err == nil {
		err = apikey.ErrTooMany
	}
	return inserted && err == nil, err
}

// makeRoom deletes the API key of the subject that ended first if the ring has as many
// as it may have. It is ErrTooMany if as many are valid, and errExists if the ID is taken.
func (s apiKeys) makeRoom(ctx context.Context, tx runner, rec *apikey.Record, most int) error {
	ring, subject := []byte(rec.Ring), []byte(rec.Subject)
	ended := s.now().Add(apikey.Retention).UnixMilli() // those that may be forgotten until then
	var valid, total, taken int
	err := s.query(ctx, tx, func(rows *sql.Rows) error { return rows.Scan(&valid, &total, &taken) },
		`SELECT (SELECT COUNT(*) FROM guard_api_keys WHERE ring = ? AND subject = ? AND forget_after > ?),
		(SELECT COUNT(*) FROM guard_api_keys WHERE ring = ? AND subject = ?), (SELECT COUNT(*) FROM guard_api_keys WHERE id = ?)`,
		ring, subject, ended, ring, subject, []byte(rec.ID))
	switch {
	case err != nil:
		return err
	case taken > 0:
		return errExists
	case valid >= most:
		return apikey.ErrTooMany
	case total < most:
		return nil
	}
	var first []byte
	err = s.query(ctx, tx, func(rows *sql.Rows) error { return rows.Scan(&first) },
		"SELECT id FROM guard_api_keys WHERE ring = ? AND subject = ? ORDER BY forget_after, id LIMIT 1", ring, subject)
	if err == nil {
		_, err = s.exec(ctx, tx, "DELETE FROM guard_api_keys WHERE id = ? AND forget_after <= ?", first, ended)
	}
	return err
}

// forgetAfter returns when a row may be deleted.
func forgetAfter(rec *apikey.Record) int64 {
	if at := rec.ForgetAfter(); !at.IsZero() {
		return at.UnixMilli()
	}
	return math.MaxInt64 // never
}

// encodeLists returns the JSON of scopes, networks and metadata.
func encodeLists(rec *apikey.Record) (lists [3][]byte, err error) {
	for i, v := range []any{rec.Scopes, rec.Networks, rec.Metadata} {
		if lists[i], err = json.Marshal(v); err != nil {
			return lists, fmt.Errorf("sqlstore: encoding an API key: %w", err)
		}
	}
	return lists, nil
}

// previousLen is the length of a previous key: its digest, and the Unix ms of its end.
const previousLen = len(apikey.Digest{}) + 8

func encodePrevious(list []apikey.PreviousKey) []byte {
	b := []byte{} // nil is NULL
	for _, p := range list {
		b = append(b, p.Digest[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(p.Until.UnixMilli()))
	}
	return b
}

func decodePrevious(b []byte) (list []apikey.PreviousKey) {
	for p := range slices.Chunk(b, previousLen) {
		list = append(list, apikey.PreviousKey{Digest: apikey.Digest(p), Until: fromMS(int64(binary.BigEndian.Uint64(p[len(apikey.Digest{}):])))})
	}
	return list
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func scanAPIKey(rows *sql.Rows) (*apikey.Entry, error) {
	var id, ring, subject, name, scopes, networks, metadata, last4, digest, previous sql.RawBytes
	var created, notBefore, expires, rotated, revoked, used int64
	e := new(apikey.Entry)
	if err := rows.Scan(&id, &ring, &subject, &name, &scopes, &networks, &metadata, &last4, &created, &notBefore, &expires, &rotated, &revoked, &used,
		&e.MaxUses, &e.Uses, &digest, &e.InUse, &previous, &e.Revision); err != nil {
		return nil, err
	}
	e.ID, e.Ring, e.Subject, e.Name, e.Last4 = string(id), string(ring), string(subject), string(name), string(last4)
	e.CreatedAt, e.NotBefore, e.ExpiresAt = fromMS(created), fromMS(notBefore), fromMS(expires)
	e.RotatedAt, e.RevokedAt, e.LastUsedAt = fromMS(rotated), fromMS(revoked), fromMS(used)
	// An unreadable list of networks is an error: without it, the API key would be
	// accepted from any address.
	if err := errors.Join(json.Unmarshal(scopes, &e.Scopes), json.Unmarshal(networks, &e.Networks), json.Unmarshal(metadata, &e.Metadata)); err != nil {
		return nil, fmt.Errorf("an API key has an unknown format: %w", err)
	}
	if len(digest) != len(e.Digest) || len(previous)%previousLen != 0 {
		return nil, errors.New("an API key has an unknown format")
	}
	e.Digest, e.Previous = apikey.Digest(digest), decodePrevious(previous)
	return e, nil
}

func (s apiKeys) Load(ctx context.Context, id string) (e *apikey.Entry, found bool, err error) {
	err = s.read(ctx, "loading an API key", func(ctx context.Context) error {
		e = nil
		return s.query(ctx, s.db(), func(rows *sql.Rows) (err error) {
			e, err = scanAPIKey(rows)
			return err
		}, "SELECT "+apiKeyColumns+" FROM guard_api_keys WHERE id = ?", []byte(id))
	})
	if err != nil {
		return nil, false, err
	}
	return e, e != nil, nil
}

func (s apiKeys) Rotate(ctx context.Context, id string, r apikey.Rotation) (bool, error) {
	n, err := s.change(ctx, "rotating an API key", `UPDATE guard_api_keys SET digest = ?, in_use = 0, last4 = ?, rotated = ?, previous = ?
		WHERE id = ? AND revoked = 0 AND digest = ?`,
		r.To[:], []byte(r.Last4), toMS(r.At), encodePrevious(r.Previous), []byte(id), r.From[:])
	return n > 0, err
}

func (s apiKeys) Update(ctx context.Context, rec apikey.Record, revision int64) (bool, error) {
	lists, err := encodeLists(&rec)
	if err != nil {
		return false, err
	}
	limit := rec.MaxUses
	if limit == 0 {
		limit = math.MaxInt64
	}
	rec.RevokedAt, rec.LastUsedAt, rec.Uses = time.Time{}, time.Time{}, 0 // a row that has ended so is not updated
	n, err := s.change(ctx, "updating an API key", `UPDATE guard_api_keys SET name = ?, scopes = ?, networks = ?, metadata = ?, not_before = ?, expires = ?,
		max_uses = ?, forget_after = ?, revision = revision + 1
		WHERE id = ? AND revoked = 0 AND revision = ? AND (max_uses = 0 OR uses < max_uses) AND uses < ?`,
		[]byte(rec.Name), lists[0], lists[1], lists[2], toMS(rec.NotBefore), toMS(rec.ExpiresAt),
		rec.MaxUses, forgetAfter(&rec), []byte(rec.ID), revision, limit)
	return n > 0, err
}

func (s apiKeys) Revoke(ctx context.Context, id string, at time.Time) (found bool, err error) {
	forgetAfter := at.Add(apikey.Retention).UnixMilli()
	err = s.write(ctx, "revoking an API key", func(ctx context.Context) error {
		n, err := s.exec(ctx, s.db(), `UPDATE guard_api_keys SET revoked = ?, forget_after = CASE WHEN forget_after > ? THEN ? ELSE forget_after END
			WHERE id = ? AND revoked = 0`, toMS(at), forgetAfter, forgetAfter, []byte(id))
		if found = n > 0; found || err != nil {
			return err
		}
		return s.query(ctx, s.db(), func(*sql.Rows) error { // revoked before, or unknown
			found = true
			return nil
		}, "SELECT 1 FROM guard_api_keys WHERE id = ?", []byte(id))
	})
	return found && err == nil, err
}

func (s apiKeys) Used(ctx context.Context, id string, key apikey.Digest, at time.Time) error {
	_, err := s.change(ctx, "recording the use of an API key", `UPDATE guard_api_keys SET last_used = CASE WHEN last_used < ? THEN ? ELSE last_used END,
		in_use = CASE WHEN digest = ? THEN 1 ELSE in_use END
		WHERE id = ? AND (last_used < ? OR in_use = 0 AND digest = ?)`,
		toMS(at), toMS(at), key[:], []byte(id), toMS(at), key[:])
	return err
}

// Spend assigns forget_after first: MySQL evaluates the assignments one after the other,
// with the values of those before.
func (s apiKeys) Spend(ctx context.Context, rec *apikey.Record, key apikey.Digest, at time.Time) (bool, error) {
	n, err := s.change(ctx, "counting the use of an API key", `UPDATE guard_api_keys SET
		forget_after = CASE WHEN uses + 1 <> max_uses THEN forget_after
			WHEN last_used > ? AND last_used + ? < forget_after THEN last_used + ?
			WHEN last_used <= ? AND ? < forget_after THEN ? ELSE forget_after END,
		uses = uses + 1, last_used = CASE WHEN last_used < ? THEN ? ELSE last_used END, in_use = CASE WHEN digest = ? THEN 1 ELSE in_use END
		WHERE id = ? AND revoked = 0 AND (max_uses = 0 OR uses < max_uses)`,
		toMS(at), apikey.Retention.Milliseconds(), apikey.Retention.Milliseconds(),
		toMS(at), toMS(at.Add(apikey.Retention)), toMS(at.Add(apikey.Retention)),
		toMS(at), toMS(at), key[:], []byte(rec.ID))
	return n > 0, err
}

func (s apiKeys) List(ctx context.Context, ring, subject string) ([]apikey.Record, error) {
	// With ORDER BY, SQLite reads all API keys of the ring in that order.
	list, err := s.list(ctx, "ring = ? AND subject = ?", []byte(ring), []byte(subject))
	slices.SortFunc(list, func(a, b apikey.Record) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return list, err
}

func (s apiKeys) ListAll(ctx context.Context, ring string, after apikey.Position, limit int) (list []apikey.Record, next apikey.Position, err error) {
	created := int64(math.MaxInt64)
	if after != (apikey.Position{}) {
		created = toMS(after.CreatedAt)
	}
	// The first conditions are the range of the index, in every dialect.
	list, err = s.list(ctx, "ring = ? AND created <= ? AND (created < ? OR id < ?) ORDER BY created DESC, id DESC LIMIT ?",
		[]byte(ring), created, created, []byte(after.ID), limit+1)
	if len(list) > limit {
		list = list[:limit]
		next = apikey.Position{CreatedAt: list[limit-1].CreatedAt, ID: list[limit-1].ID}
	}
	return list, next, err
}

// list returns the records of the rows that a condition of SQL selects.
func (s apiKeys) list(ctx context.Context, where string, args ...any) (list []apikey.Record, err error) {
	err = s.read(ctx, "listing API keys", func(ctx context.Context) error {
		list = nil
		return s.query(ctx, s.db(), func(rows *sql.Rows) error {
			e, err := scanAPIKey(rows)
			if err == nil {
				list = append(list, e.Record)
			}
			return err
		}, "SELECT "+apiKeyColumns+" FROM guard_api_keys WHERE "+where, args...)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
