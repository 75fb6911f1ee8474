package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-guard/guard/apikey"
)

// APIKeys returns an [apikey.Store].
func (s *Stores) APIKeys() apikey.Store { return apiKeys{s} }

type apiKeys struct{ *Stores }

const apiKeyColumns = `id, subject, name, scopes, networks, last4, created, not_before, expires, rotated, revoked, last_used, digest, previous, previous_until`

func (s apiKeys) Insert(ctx context.Context, e apikey.Entry) (inserted bool, err error) {
	if len(e.ID) > 64 || len(e.Subject) > 1024 || len(e.Last4) > 16 { // MySQL might truncate them
		return false, fmt.Errorf("sqlstore: an API key has an ID of %d bytes, a subject of %d and last characters of %d, want at most 64, 1024 and 16", len(e.ID), len(e.Subject), len(e.Last4))
	}
	scopes, err := json.Marshal(e.Scopes)
	if err != nil {
		return false, fmt.Errorf("sqlstore: encoding the scopes of an API key: %w", err)
	}
	networks, err := json.Marshal(e.Networks)
	if err != nil {
		return false, fmt.Errorf("sqlstore: encoding the networks of an API key: %w", err)
	}
	forgetAfter := int64(math.MaxInt64) // never
	if at := e.ForgetAfter(); !at.IsZero() {
		forgetAfter = at.UnixMilli()
	}
	err = s.write(ctx, "inserting an API key", func(ctx context.Context) error {
		n, err := s.exec(ctx, s.db, "INSERT INTO guard_api_keys ("+apiKeyColumns+", forget_after) VALUES ("+placeholders(16)+")",
			[]byte(e.ID), []byte(e.Subject), []byte(e.Name), scopes, networks, []byte(e.Last4),
			toMS(e.CreatedAt), toMS(e.NotBefore), toMS(e.ExpiresAt), toMS(e.RotatedAt), toMS(e.RevokedAt), toMS(e.LastUsedAt),
			e.Digest[:], e.Previous[:], toMS(e.PreviousUntil), forgetAfter)
		if s.dialect.classify(err) == duplicate {
			return nil
		}
		if inserted = err == nil && n > 0; inserted {
			s.countInsert(ctx, apiKeyTable)
		}
		return err
	})
	return inserted, err
}

func scanAPIKey(rows *sql.Rows) (*apikey.Entry, error) {
	var id, subject, name, scopes, networks, last4, digest, previous sql.RawBytes
	var created, notBefore, expires, rotated, revoked, used, previousUntil int64
	if err := rows.Scan(&id, &subject, &name, &scopes, &networks, &last4, &created, &notBefore, &expires, &rotated, &revoked, &used,
		&digest, &previous, &previousUntil); err != nil {
		return nil, err
	}
	e := &apikey.Entry{Record: apikey.Record{
		ID: string(id), Subject: string(subject), Name: string(name), Last4: string(last4),
		CreatedAt: fromMS(created), NotBefore: fromMS(notBefore), ExpiresAt: fromMS(expires),
		RotatedAt: fromMS(rotated), RevokedAt: fromMS(revoked), LastUsedAt: fromMS(used),
	}, PreviousUntil: fromMS(previousUntil)}
	// An unreadable list of networks is an error: without it, the API key would be
	// accepted from any address.
	if err := errors.Join(json.Unmarshal(scopes, &e.Scopes), json.Unmarshal(networks, &e.Networks)); err != nil {
		return nil, fmt.Errorf("an API key has an unknown format: %w", err)
	}
	if len(digest) != len(e.Digest) || len(previous) != len(e.Previous) {
		return nil, errors.New("an API key has an unknown format")
	}
	e.Digest, e.Previous = apikey.Digest(digest), apikey.Digest(previous)
	return e, nil
}

func (s apiKeys) Load(ctx context.Context, id string) (e *apikey.Entry, found bool, err error) {
	err = s.read(ctx, "loading an API key", func(ctx context.Context) error {
		e = nil
		return s.query(ctx, s.db, func(rows *sql.Rows) (err error) {
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
	n, err := s.change(ctx, "rotating an API key", `UPDATE guard_api_keys SET digest = ?, last4 = ?, rotated = ?, previous = ?, previous_until = ?
		WHERE id = ? AND revoked = 0 AND digest = ?`,
		r.To[:], []byte(r.Last4), toMS(r.At), r.From[:], toMS(r.Until), []byte(id), r.From[:])
	return n > 0, err
}

func (s apiKeys) Revoke(ctx context.Context, id string, at time.Time) (found bool, err error) {
	forgetAfter := at.Add(apikey.Retention).UnixMilli()
	err = s.write(ctx, "revoking an API key", func(ctx context.Context) error {
		n, err := s.exec(ctx, s.db, `UPDATE guard_api_keys SET revoked = ?, forget_after = CASE WHEN forget_after > ? THEN ? ELSE forget_after END
			WHERE id = ? AND revoked = 0`, toMS(at), forgetAfter, forgetAfter, []byte(id))
		if found = n > 0; found || err != nil {
			return err
		}
		return s.query(ctx, s.db, func(*sql.Rows) error { // revoked before, or unknown
			found = true
			return nil
		}, "SELECT 1 FROM guard_api_keys WHERE id = ?", []byte(id))
	})
	return found && err == nil, err
}

func (s apiKeys) Used(ctx context.Context, id string, at time.Time) error {
	_, err := s.change(ctx, "recording the use of an API key", "UPDATE guard_api_keys SET last_used = ? WHERE id = ? AND last_used < ?", toMS(at), []byte(id), toMS(at))
	return err
}

func (s apiKeys) List(ctx context.Context, subject string) (list []apikey.Record, err error) {
	err = s.read(ctx, "listing API keys", func(ctx context.Context) error {
		list = nil
		return s.query(ctx, s.db, func(rows *sql.Rows) error {
			e, err := scanAPIKey(rows)
			if err == nil {
				list = append(list, e.Record)
			}
			return err
		}, "SELECT "+apiKeyColumns+" FROM guard_api_keys WHERE subject = ? ORDER BY created DESC, id LIMIT 1000", []byte(subject))
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
