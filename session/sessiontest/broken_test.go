package sessiontest_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// A broken store has one fault that stores tend to have.
type broken struct {
	session.Store
	how      string
	mu       sync.Mutex
	inserted map[session.Key]session.Record
	rotated  map[session.Key]session.Key
	byTag    map[[8]byte]map[string]bool // the subjects with a tag
	ended    map[string]bool             // of DeleteRef with a subject
}

// roundTrip is the time between two statements to a database.
func roundTrip() {
	for range 1000 {
		runtime.Gosched()
	}
}

func newBroken(how string) *broken {
	return &broken{
		Store: guard.Must(session.NewMemory(nil)), how: how,
		inserted: map[session.Key]session.Record{}, rotated: map[session.Key]session.Key{},
		byTag: map[[8]byte]map[string]bool{}, ended: map[string]bool{},
	}
}

var faults = []string{
	"insert overwrites", "load omits the ID", "load truncates", "touch creates", "touch goes back", "touch revives", "update creates",
	"update ignores the revision", "update keeps the revision", "rotate copies", "rotate creates", "rotate overwrites",
	"delete reports success always", "list includes other subjects", "delete all ignores keep", "delete all misses rotated", "drops records at the deadline",
	"update undoes a touch", "ignores letter case",
	"list goes by the tag", "delete all goes by the tag", "load omits the login", "load omits the reference", "load decodes the login", "guests are refused",
	"rotate leaves no forward", "rotate forgets the first forward", "load forwards", "touch forwards", "update forwards", "rotate forwards",
	"a forward deletes twice", "rotate in two steps", "update ends the forward", "rotate loses the reference",
	"insert ignores the epoch", "insert refuses older epochs only", "insert refuses every epoch", "insert adds what it refuses", "insert checks the epoch first",
	"delete all keeps the epoch", "delete all of none keeps the epoch", "delete all with kept ones keeps the epoch", "the epoch goes with the records", "any epoch is an epoch",
	"delete ref removes one", "delete ref is of one subject", "delete ref misses guests", "delete ref counts none", "delete ref goes by a prefix", "delete ref ignores letter case", "delete ref of none removes all",
	"insert ignores ended references", "insert checks references with epochs only", "insert checks the reference first", "only what was deleted has ended",
	"delete ref ignores the subject", "delete ref of a subject ends the Ref for all", "delete ref of a subject ends no Ref", "delete ref of a subject ignores the Ref", "delete ref of a subject misses rotated",
	"delete ref goes by the tag", "delete ref of a subject ignores letter case", "delete ref of a subject takes guests along", "delete ref of no Ref removes the subject's", "delete ref joins the Ref and the subject",
}

func (b *broken) Insert(ctx context.Context, rec session.Record, epoch int64) error {
	ended := func() bool { // if the correct store refuses the record
		now, _ := b.Store.Epoch(ctx, rec.Subject)
		return epoch != session.AnyEpoch && epoch != now
	}
	if b.refEnded(rec) {
		return session.ErrEnded
	}
	switch b.how {
	case "insert overwrites":
		_, _ = b.Store.Delete(ctx, rec.Key)
	case "drops records at the deadline":
		if !rec.Deadline.After(time.Now()) {
			return nil
		}
	case "guests are refused":
		if rec.Subject[0] == 0 {
			return session.ErrFull
		}
	case "insert ignores the epoch":
		epoch = session.AnyEpoch
	case "insert refuses older epochs only":
		if now, _ := b.Store.Epoch(ctx, rec.Subject); epoch >= now || epoch < 0 {
			epoch = session.AnyEpoch
		}
	case "insert refuses every epoch":
		if epoch != session.AnyEpoch {
			return session.ErrEnded
		}
	case "any epoch is an epoch":
		if epoch == session.AnyEpoch {
			epoch = 0
		}
	case "insert adds what it refuses":
		if ended() {
			_ = b.Store.Insert(ctx, rec, session.AnyEpoch)
			return session.ErrEnded
		}
	case "insert checks the epoch first":
		if ended() {
			return session.ErrEnded
		}
		roundTrip()
		epoch = session.AnyEpoch
	}
	if err := b.insert(ctx, rec, epoch); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inserted[rec.Key] = rec
	tag := [8]byte(rec.Key[:])
	if b.byTag[tag] == nil {
		b.byTag[tag] = map[string]bool{}
	}
	b.byTag[tag][rec.Subject] = true
	return nil
}

// insert checks the reference as the fault has it.
func (b *broken) insert(ctx context.Context, rec session.Record, epoch int64) error {
	plain := rec
	plain.Ref = ""
	err := b.Store.Insert(ctx, rec, epoch)
	switch {
	case rec.Ref == "":
	case b.how == "insert ignores ended references" && errors.Is(err, session.ErrEnded),
		b.how == "insert checks references with epochs only" && errors.Is(err, session.ErrEnded) && epoch == session.AnyEpoch:
		return b.Store.Insert(ctx, plain, epoch)
	case b.how == "insert checks the reference first" && err == nil:
		_, _ = b.Store.Delete(ctx, rec.Key)
		roundTrip()
		if b.Store.Insert(ctx, rec, epoch) != nil {
			return b.Store.Insert(ctx, plain, epoch)
		}
	}
	return err
}

// record returns what Load and List of the faulty store return.
func (b *broken) record(rec session.Record) session.Record {
	switch b.how {
	case "load omits the ID":
		rec.ID = session.ID{}
	case "load truncates":
		rec.Data = rec.Data[:min(len(rec.Data), 255)]
	case "load omits the login":
		rec.Login = ""
	case "load omits the reference":
		rec.Ref = ""
	case "load decodes the login":
		rec.Login = strings.ToValidUTF8(rec.Login, "\ufffd")
	}
	return rec
}

// forward returns the key that a record has after the rotations of key.
func (b *broken) forward(key session.Key) session.Key {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		to, ok := b.rotated[key]
		if !ok {
			return key
		}
		key = to
	}
}

func (b *broken) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	if b.how == "load forwards" {
		key = b.forward(key)
	}
	rec, found, err := b.Store.Load(ctx, key)
	return b.record(rec), found, err
}

// create writes the record without checking that it exists.
func (b *broken) create(ctx context.Context, key session.Key, change func(*session.Record)) {
	b.mu.Lock()
	rec, inserted := b.inserted[key]
	b.mu.Unlock()
	if _, found, _ := b.Store.Load(ctx, key); inserted && !found {
		change(&rec)
		_ = b.Store.Insert(ctx, rec, session.AnyEpoch)
	}
}

func (b *broken) Touch(ctx context.Context, key session.Key, seen, deadline time.Time) error {
	switch b.how {
	case "touch forwards":
		key = b.forward(key)
	case "touch creates":
		b.create(ctx, key, func(rec *session.Record) { rec.LastSeen, rec.Deadline = seen, deadline })
	case "touch goes back", "touch revives":
		rec, found, err := b.Store.Load(ctx, key)
		if !found || err != nil || b.how == "touch revives" && !rec.LastSeen.Before(seen) || b.how == "touch goes back" && !rec.Deadline.After(seen) {
			return err
		}
		_, _ = b.Store.Delete(ctx, key)
		rec.LastSeen, rec.Deadline = seen, deadline
		return b.Store.Insert(ctx, rec, session.AnyEpoch)
	}
	return b.Store.Touch(ctx, key, seen, deadline)
}

func (b *broken) Update(ctx context.Context, key session.Key, revision int64, data string) (bool, error) {
	if b.how == "update forwards" {
		key = b.forward(key)
	}
	rec, found, _ := b.Store.Load(ctx, key)
	replace := func(revision int64) (bool, error) {
		_, _ = b.Store.Delete(ctx, key)
		rec.Data, rec.Revision = data, revision
		return true, b.Store.Insert(ctx, rec, session.AnyEpoch)
	}
	switch {
	case b.how == "update creates":
		b.create(ctx, key, func(rec *session.Record) { rec.Data = data })
	case b.how == "update ignores the revision" && found:
		revision = rec.Revision
	case b.how == "update undoes a touch" && found && revision == rec.Revision:
		roundTrip()
		return replace(revision + 1)
	case b.how == "update keeps the revision" && found && revision == rec.Revision:
		return replace(revision)
	case b.how == "update ends the forward" && found && revision == rec.Revision:
		return replace(revision + 1)
	}
	return b.Store.Update(ctx, key, revision, data)
}
