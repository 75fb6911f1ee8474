package sessiontest_test

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-guard/guard/session"
)

func (b *broken) DeleteRef(ctx context.Context, ref, subject string) (int, error) {
	if subject != "" {
		return b.deleteRefOf(ctx, ref, subject)
	}
	b.mu.Lock()
	var matching []session.Record
	for _, rec := range b.inserted {
		key := rec.Key
		for to, ok := b.rotated[key]; ok; to, ok = b.rotated[key] {
			key = to
		}
		rec, found, _ := b.Store.Load(ctx, key)
		switch {
		case !found:
		case rec.Ref == ref,
			b.how == "delete ref goes by a prefix" && strings.HasPrefix(rec.Ref, ref) && ref != "",
			b.how == "delete ref ignores letter case" && strings.EqualFold(rec.Ref, ref):
			matching = append(matching, rec)
		}
	}
	b.mu.Unlock()
	deleted := 0
	remove := func(rec session.Record) {
		if ok, _ := b.Store.Delete(ctx, rec.Key); ok {
			deleted++
		}
	}
	end := func() (int, error) { n, err := b.Store.DeleteRef(ctx, ref, ""); return deleted + n, err }
	spare := func(spared func(int, session.Record) bool) (int, error) {
		n, err := b.Store.DeleteRef(ctx, ref, "")
		for i, rec := range matching {
			if spared(i, rec) {
				rec.Ref = ""
				_ = b.Store.Insert(ctx, rec, session.AnyEpoch)
			}
		}
		return n, err
	}
	switch b.how {
	case "delete ref removes one":
		return spare(func(i int, _ session.Record) bool { return i > 0 })
	case "delete ref is of one subject":
		return spare(func(_ int, rec session.Record) bool { return rec.Subject != matching[0].Subject })
	case "delete ref misses guests":
		return spare(func(_ int, rec session.Record) bool { return rec.Subject[0] == 0 })
	case "delete ref counts none":
		_, err := b.Store.DeleteRef(ctx, ref, "")
		return 0, err
	case "delete ref goes by a prefix", "delete ref ignores letter case":
		for _, rec := range matching {
			remove(rec)
		}
		return end()
	case "delete ref of none removes all":
		if ref == "" {
			for _, rec := range matching {
				remove(rec)
			}
		}
	case "only what was deleted has ended":
		if len(matching) == 0 {
			return 0, nil
		}
	}
	return b.Store.DeleteRef(ctx, ref, "")
}

// deleteRefOf is DeleteRef for one subject.
func (b *broken) deleteRefOf(ctx context.Context, ref, subject string) (deleted int, err error) {
	end := func(subject string) {
		n, err2 := b.Store.DeleteRef(ctx, ref, subject)
		deleted, err = deleted+n, errors.Join(err, err2)
	}
	remove := func(subject string, matches func(session.Record) bool) {
		list, _ := b.Store.List(ctx, subject)
		for _, rec := range list {
			if matches(rec) {
				if ok, _ := b.Store.Delete(ctx, rec.Key); ok {
					deleted++
				}
			}
		}
	}
	withRef := func(rec session.Record) bool { return rec.Ref == ref }
	switch b.how {
	case "delete ref ignores the subject":
		end("")
		return deleted, err
	case "delete ref of a subject ends the Ref for all":
		b.mu.Lock()
		b.ended[ref] = true
		b.mu.Unlock()
	case "delete ref of a subject ends no Ref":
		if ref != "" {
			remove(subject, withRef)
		}
		return deleted, nil
	case "delete ref of a subject ignores the Ref":
		remove(subject, func(session.Record) bool { return true })
	case "delete ref of a subject misses rotated":
		list, _ := b.Store.List(ctx, subject)
		end(subject)
		for _, rec := range list {
			b.mu.Lock()
			_, inserted := b.inserted[rec.Key]
			b.mu.Unlock()
			if rec.Ref == ref && !inserted {
				rec.Ref = ""
				_ = b.Store.Insert(ctx, rec, session.AnyEpoch)
			}
		}
		return deleted, err
	case "delete ref goes by the tag":
		for _, other := range b.alike(subject) {
			for _, rec := range b.records(ctx, other) {
				if ok, _ := b.Store.Delete(ctx, rec.Key); ok && withRef(rec) {
					deleted++
				}
			}
		}
	case "delete ref of a subject ignores letter case":
		remove(strings.ToUpper(subject), withRef)
	case "delete ref of a subject takes guests along":
		remove("\x00"+subject, withRef)
	case "delete ref of no Ref removes the subject's":
		if ref == "" {
			remove(subject, withRef)
		}
	case "delete ref joins the Ref and the subject":
		b.mu.Lock()
		b.ended[ref+subject] = true
		b.mu.Unlock()
	case "only what was deleted has ended":
		list, _ := b.Store.List(ctx, subject)
		if !slices.ContainsFunc(list, withRef) {
			return 0, nil
		}
	}
	end(subject)
	return deleted, err
}

// refEnded reports whether the faulty store has ended the Ref of rec.
func (b *broken) refEnded(rec session.Record) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return rec.Ref != "" && (b.how == "delete ref of a subject ends the Ref for all" && b.ended[rec.Ref] ||
		b.how == "delete ref joins the Ref and the subject" && b.ended[rec.Ref+rec.Subject])
}
