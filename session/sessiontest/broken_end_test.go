package sessiontest_test

import (
	"context"
	"slices"
	"strings"

	"github.com/go-guard/guard/session"
)

func (b *broken) Rotate(ctx context.Context, from, to session.Key) (bool, error) {
	if b.how == "rotate forwards" {
		from = b.forward(from)
	}
	rec, found, _ := b.Store.Load(ctx, from)
	move := func() (bool, error) {
		if _, occupied, _ := b.Store.Load(ctx, to); occupied {
			return b.Store.Rotate(ctx, from, to)
		}
		_, _ = b.Store.Delete(ctx, from)
		rec.Key = to
		return true, b.Store.Insert(ctx, rec, session.AnyEpoch)
	}
	switch {
	case b.how == "rotate copies" && found:
		rec.Key = to
		return true, b.Store.Insert(ctx, rec, session.AnyEpoch)
	case b.how == "rotate creates":
		b.create(ctx, from, func(rec *session.Record) { rec.Key = to })
	case b.how == "rotate overwrites" && found:
		_, _ = b.Store.Delete(ctx, to)
	case b.how == "rotate leaves no forward" && found:
		return move()
	case b.how == "rotate forgets the first forward" && found:
		b.mu.Lock()
		_, first := b.inserted[from]
		b.mu.Unlock()
		if !first { // to another record, so that only this rotation leaves a forward
			middle := to
			middle[31] ^= 1
			if ok, err := b.Store.Rotate(ctx, from, to); !ok || err != nil {
				return ok, err
			}
			_, _ = b.Store.Delete(ctx, to)
			rec.Key = middle
			_ = b.Store.Insert(ctx, rec, session.AnyEpoch)
			return b.Store.Rotate(ctx, middle, to)
		}
	case b.how == "rotate in two steps" && found:
		deleted, _ := b.Store.Delete(ctx, from)
		roundTrip()
		rec.Key = to
		if deleted {
			return true, b.Store.Insert(ctx, rec, session.AnyEpoch)
		}
	case b.how == "rotate loses the reference" && found && rec.Ref != "":
		rec.Ref = ""
		return move()
	}
	rotated, err := b.Store.Rotate(ctx, from, to)
	if rotated {
		b.mu.Lock()
		b.rotated[from] = to
		b.mu.Unlock()
	}
	return rotated, err
}

func (b *broken) Delete(ctx context.Context, key session.Key) (bool, error) {
	deleted, err := b.Store.Delete(ctx, key)
	b.mu.Lock()
	defer b.mu.Unlock()
	_, forwards := b.rotated[key]
	return deleted || b.how == "delete reports success always" || b.how == "a forward deletes twice" && forwards, err
}

// alike returns the other subjects with keys that begin as those of subject.
func (b *broken) alike(subject string) (others []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, subjects := range b.byTag {
		if subjects[subject] && len(subjects) > 1 {
			for other := range subjects {
				others = append(others, other)
			}
		}
	}
	return others
}

// records returns the records of the subject, which the correct store does not list if
// they are under the keys of another.
func (b *broken) records(ctx context.Context, subject string) (list []session.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, rec := range b.inserted {
		if got, found, _ := b.Store.Load(ctx, key); found && rec.Subject == subject {
			list = append(list, got)
		}
	}
	return list
}

func (b *broken) List(ctx context.Context, subject string) ([]session.Record, error) {
	list, err := b.Store.List(ctx, subject)
	switch {
	case b.how == "ignores letter case" && strings.HasSuffix(subject, "a"):
		more, _ := b.Store.List(ctx, strings.TrimSuffix(subject, "a")+"A")
		list = append(list, more...)
	case b.how == "list includes other subjects":
		more, _ := b.Store.List(ctx, subject+"x")
		list = append(list, more...)
	case b.how == "list goes by the tag":
		for _, other := range b.alike(subject) {
			if other != subject {
				list = append(list, b.records(ctx, other)...)
			}
		}
	}
	for i := range list {
		list[i] = b.record(list[i])
	}
	return list, err
}

func (b *broken) DeleteAll(ctx context.Context, subject string, keep []session.ID) (int, error) {
	list, err := b.Store.List(ctx, subject)
	deleteList := func() (n int, err error) {
		for _, rec := range list {
			if deleted, _ := b.Store.Delete(ctx, rec.Key); deleted && !slices.Contains(keep, rec.ID) {
				n++
			} else if deleted {
				_ = b.Store.Insert(ctx, rec, session.AnyEpoch)
			}
		}
		return n, nil
	}
	switch b.how {
	case "delete all keeps the epoch":
		return deleteList()
	case "delete all of none keeps the epoch":
		if len(list) == 0 {
			return 0, err
		}
	case "delete all with kept ones keeps the epoch":
		if len(keep) > 0 {
			return deleteList()
		}
	case "delete all goes by the tag":
		for _, other := range b.alike(subject) {
			list = append(list, b.records(ctx, other)...)
		}
		defer func() { _, _ = b.Store.DeleteAll(ctx, subject, keep) }()
		return deleteList()
	case "delete all ignores keep":
		keep = nil
	case "delete all misses rotated":
		for _, rec := range list {
			if b.mu.Lock(); b.inserted[rec.Key].Key != rec.Key {
				keep = append(keep, rec.ID)
			}
			b.mu.Unlock()
		}
	}
	return b.Store.DeleteAll(ctx, subject, keep)
}

func (b *broken) Epoch(ctx context.Context, subject string) (int64, error) {
	if list, _ := b.Store.List(ctx, subject); b.how == "the epoch goes with the records" && len(list) == 0 {
		return 0, nil
	}
	return b.Store.Epoch(ctx, subject)
}
