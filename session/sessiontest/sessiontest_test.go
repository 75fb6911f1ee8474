package sessiontest_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

func TestRun(t *testing.T) {
	sessiontest.Run(t, func(*testing.T) session.Store { return guard.Must(session.NewMemory(nil)) })
}

// A broken store has one fault that stores tend to have.
type broken struct {
	session.Store
	how string
	mu  sync.Mutex
	ids map[session.Key]session.Record // what was inserted
}

var faults = []string{
	"insert overwrites", "load omits the ID", "load truncates", "touch creates", "touch goes back", "touch revives", "update creates",
	"update ignores the revision", "update keeps the revision", "rotate copies", "rotate creates", "rotate overwrites",
	"delete reports success always", "list includes other subjects", "delete all ignores keep", "delete all misses rotated", "drops records at the deadline",
	"update undoes a touch", "ignores letter case",
}

func (b *broken) Insert(ctx context.Context, rec session.Record) error {
	b.mu.Lock()
	b.ids[rec.Key] = rec
	b.mu.Unlock()
	switch b.how {
	case "insert overwrites":
		_, _ = b.Store.Delete(ctx, rec.Key)
	case "drops records at the deadline":
		if !rec.Deadline.After(time.Now()) {
			return nil
		}
	}
	return b.Store.Insert(ctx, rec)
}

func (b *broken) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	rec, found, err := b.Store.Load(ctx, key)
	switch b.how {
	case "load omits the ID":
		rec.ID = session.ID{}
	case "load truncates":
		rec.Data = rec.Data[:min(len(rec.Data), 255)]
	}
	return rec, found, err
}

// create writes the record without checking that it exists.
func (b *broken) create(ctx context.Context, key session.Key, change func(*session.Record)) {
	b.mu.Lock()
	rec, inserted := b.ids[key]
	b.mu.Unlock()
	if _, found, _ := b.Store.Load(ctx, key); inserted && !found {
		change(&rec)
		_ = b.Store.Insert(ctx, rec)
	}
}

func (b *broken) Touch(ctx context.Context, key session.Key, seen, deadline time.Time) error {
	switch b.how {
	case "touch creates":
		b.create(ctx, key, func(rec *session.Record) { rec.LastSeen, rec.Deadline = seen, deadline })
	case "touch goes back", "touch revives":
		rec, found, err := b.Store.Load(ctx, key)
		if !found || err != nil || b.how == "touch revives" && !rec.LastSeen.Before(seen) || b.how == "touch goes back" && !rec.Deadline.After(seen) {
			return err
		}
		_, _ = b.Store.Delete(ctx, key)
		rec.LastSeen, rec.Deadline = seen, deadline
		return b.Store.Insert(ctx, rec)
	}
	return b.Store.Touch(ctx, key, seen, deadline)
}

func (b *broken) Update(ctx context.Context, key session.Key, revision int64, data string) (bool, error) {
	rec, found, _ := b.Store.Load(ctx, key)
	switch {
	case b.how == "update creates":
		b.create(ctx, key, func(rec *session.Record) { rec.Data = data })
	case b.how == "update ignores the revision" && found:
		revision = rec.Revision
	case b.how == "update undoes a touch" && found && revision == rec.Revision:
		runtime.Gosched()
		_, _ = b.Store.Delete(ctx, key)
		rec.Data, rec.Revision = data, revision+1
		return true, b.Store.Insert(ctx, rec)
	case b.how == "update keeps the revision" && found && revision == rec.Revision:
		_, _ = b.Store.Delete(ctx, key)
		rec.Data = data
		return true, b.Store.Insert(ctx, rec)
	}
	return b.Store.Update(ctx, key, revision, data)
}

func (b *broken) Rotate(ctx context.Context, from, to session.Key) (bool, error) {
	rec, found, _ := b.Store.Load(ctx, from)
	switch {
	case b.how == "rotate copies" && found:
		rec.Key = to
		return true, b.Store.Insert(ctx, rec)
	case b.how == "rotate creates":
		b.create(ctx, from, func(rec *session.Record) { rec.Key = to })
	case b.how == "rotate overwrites" && found:
		_, _ = b.Store.Delete(ctx, to)
	}
	return b.Store.Rotate(ctx, from, to)
}

func (b *broken) Delete(ctx context.Context, key session.Key) (bool, error) {
	deleted, err := b.Store.Delete(ctx, key)
	return deleted || b.how == "delete reports success always", err
}

func (b *broken) List(ctx context.Context, subject string) ([]session.Record, error) {
	list, err := b.Store.List(ctx, subject)
	if b.how == "ignores letter case" && strings.HasSuffix(subject, "a") {
		more, _ := b.Store.List(ctx, strings.TrimSuffix(subject, "a")+"A")
		list = append(list, more...)
	}
	if b.how == "list includes other subjects" {
		more, _ := b.Store.List(ctx, subject+"x")
		list = append(list, more...)
	}
	return list, err
}

func (b *broken) DeleteAll(ctx context.Context, subject string, keep []session.ID) (int, error) {
	switch b.how {
	case "delete all ignores keep":
		keep = nil
	case "delete all misses rotated":
		list, err := b.Store.List(ctx, subject)
		for _, rec := range list {
			if b.mu.Lock(); b.ids[rec.Key].Key != rec.Key {
				keep = append(keep, rec.ID)
			}
			b.mu.Unlock()
		}
		n, _ := b.Store.DeleteAll(ctx, subject, keep)
		return n, err
	}
	return b.Store.DeleteAll(ctx, subject, keep)
}

// TestBroken is run by TestFinds and fails.
func TestBroken(t *testing.T) {
	how := os.Getenv("SESSIONTEST_BROKEN")
	if how == "" {
		t.Skip("run by TestFinds")
	}
	sessiontest.Run(t, func(*testing.T) session.Store {
		return &broken{Store: guard.Must(session.NewMemory(nil)), how: how, ids: map[session.Key]session.Record{}}
	})
}

// TestFinds checks that the suite finds every fault, and none in a Memory.
func TestFinds(t *testing.T) {
	for _, how := range append(faults, "nothing") {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$")
			cmd.Env = append(os.Environ(), "SESSIONTEST_BROKEN="+how)
			out, err := cmd.CombinedOutput()
			failed := err != nil && strings.Contains(string(out), "--- FAIL: TestBroken/")
			if failed != (how != "nothing") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
