package session_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-guard/guard/session"
)

var errDown = errors.New("dial tcp 10.0.0.7: refused")

// failing returns a store whose methods fail if *methods contains their name.
func failing(store session.Store, methods *string) *faulty {
	return &faulty{store, func(_ context.Context, method string) error {
		if strings.Contains(*methods, method) {
			return errDown
		}
		return nil
	}}
}

// A faulty store calls before in front of each method, which can fail it.
type faulty struct {
	session.Store
	before func(ctx context.Context, method string) error
}

func (f *faulty) Insert(ctx context.Context, rec session.Record, epoch int64) error {
	if err := f.before(ctx, "Insert"); err != nil {
		return err
	}
	return f.Store.Insert(ctx, rec, epoch)
}

func (f *faulty) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	if err := f.before(ctx, "Load"); err != nil {
		return session.Record{}, false, err
	}
	return f.Store.Load(ctx, key)
}

func (f *faulty) Touch(ctx context.Context, key session.Key, seen, deadline time.Time) error {
	if err := f.before(ctx, "Touch"); err != nil {
		return err
	}
	return f.Store.Touch(ctx, key, seen, deadline)
}

func (f *faulty) Update(ctx context.Context, key session.Key, revision int64, data string) (bool, error) {
	if err := f.before(ctx, "Update"); err != nil {
		return false, err
	}
	return f.Store.Update(ctx, key, revision, data)
}

func (f *faulty) Rotate(ctx context.Context, from, to session.Key) (bool, error) {
	if err := f.before(ctx, "Rotate"); err != nil {
		return false, err
	}
	return f.Store.Rotate(ctx, from, to)
}

func (f *faulty) Delete(ctx context.Context, key session.Key) (bool, error) {
	if err := f.before(ctx, "Delete"); err != nil {
		return false, err
	}
	return f.Store.Delete(ctx, key)
}

func (f *faulty) List(ctx context.Context, subject string) ([]session.Record, error) {
	if err := f.before(ctx, "List"); err != nil {
		return nil, err
	}
	return f.Store.List(ctx, subject)
}

func (f *faulty) DeleteAll(ctx context.Context, subject string, keep []session.ID) (int, error) {
	if err := f.before(ctx, "DeleteAll"); err != nil {
		return 0, err
	}
	return f.Store.DeleteAll(ctx, subject, keep)
}

func (f *faulty) DeleteRef(ctx context.Context, ref, subject string) (int, error) {
	if err := f.before(ctx, "DeleteRef"); err != nil {
		return 0, err
	}
	return f.Store.DeleteRef(ctx, ref, subject)
}

func (f *faulty) Epoch(ctx context.Context, subject string) (int64, error) {
	if err := f.before(ctx, "Epoch"); err != nil {
		return 0, err
	}
	return f.Store.Epoch(ctx, subject)
}
