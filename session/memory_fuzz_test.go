package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

// A plain store does what a Memory does, in few and slow lines.
type plain struct {
	now      func() time.Time
	records  []session.Record
	forwards []forward
	epochs   map[string]int64
	ended    map[[2]string]time.Time // by reference and subject, until when
}

type forward struct {
	key   session.Key
	id    session.ID
	until time.Time
}

func (p *plain) find(key session.Key) (i int) {
	return slices.IndexFunc(p.records, func(rec session.Record) bool { return rec.Key == key })
}

func (p *plain) remove(remove func(session.Record) bool) int {
	n := len(p.records)
	p.records = slices.DeleteFunc(p.records, remove)
	return n - len(p.records)
}

func (p *plain) Insert(_ context.Context, rec session.Record, epoch int64) error {
	if p.find(rec.Key) >= 0 {
		return errors.New("the key exists")
	}
	refEnded := func(subject string) bool {
		return rec.Ref != "" && p.now().Before(p.ended[[2]string{rec.Ref, subject}])
	}
	if epoch != session.AnyEpoch && epoch != p.epochs[rec.Subject] || refEnded("") || refEnded(rec.Subject) {
		return session.ErrEnded
	}
	p.records = append(p.records, rec)
	return nil
}

func (p *plain) Load(_ context.Context, key session.Key) (session.Record, bool, error) {
	if i := p.find(key); i >= 0 {
		return p.records[i], true, nil
	}
	return session.Record{}, false, nil
}

func (p *plain) Touch(_ context.Context, key session.Key, seen, deadline time.Time) error {
	if i := p.find(key); i >= 0 && p.records[i].LastSeen.Before(seen) && seen.Before(p.records[i].Deadline) {
		p.records[i].LastSeen, p.records[i].Deadline = seen, deadline
	}
	return nil
}

func (p *plain) Update(_ context.Context, key session.Key, revision int64, data string) (bool, error) {
	i := p.find(key)
	if i < 0 || p.records[i].Revision != revision {
		return false, nil
	}
	p.records[i].Data = data
	p.records[i].Revision++
	return true, nil
}

func (p *plain) Rotate(_ context.Context, from, to session.Key) (bool, error) {
	i := p.find(from)
	if i < 0 {
		return false, nil
	}
	p.records[i].Key = to
	p.forwards = append(p.forwards, forward{from, p.records[i].ID, p.now().Add(session.Forward)})
	return true, nil
}

func (p *plain) Delete(_ context.Context, key session.Key) (bool, error) {
	n := p.remove(func(rec session.Record) bool {
		return rec.Key == key || slices.ContainsFunc(p.forwards, func(f forward) bool {
			return f.key == key && f.id == rec.ID && p.now().Before(f.until)
		})
	})
	return n > 0, nil
}

func (p *plain) List(_ context.Context, subject string) (list []session.Record, err error) {
	for _, rec := range p.records {
		if rec.Subject == subject {
			list = append(list, rec)
		}
	}
	return list, nil
}

func (p *plain) DeleteAll(_ context.Context, subject string, keep []session.ID) (int, error) {
	p.epochs[subject]++
	return p.remove(func(rec session.Record) bool { return rec.Subject == subject && !slices.Contains(keep, rec.ID) }), nil
}

func (p *plain) DeleteRef(_ context.Context, ref, subject string) (int, error) {
	p.ended[[2]string{ref, subject}] = p.now().Add(session.Grace)
	return p.remove(func(rec session.Record) bool {
		return rec.Ref == ref && ref != "" && (subject == "" || rec.Subject == subject)
	}), nil
}

func (p *plain) findID(tag [8]byte, id session.ID) int {
	return slices.IndexFunc(p.records, func(rec session.Record) bool {
		return rec.ID == id && [8]byte(rec.Key[:]) == tag && p.now().Sub(rec.Deadline) < session.Grace
	})
}

func (p *plain) LoadID(_ context.Context, tag [8]byte, id session.ID) (rec session.Record, found bool, err error) {
	if i := p.findID(tag, id); i >= 0 {
		return p.records[i], true, nil
	}
	return rec, false, nil
}

func (p *plain) SetDevice(ctx context.Context, tag [8]byte, id session.ID, old, device string) (session.Record, bool, error) {
	if i := p.findID(tag, id); i >= 0 && p.records[i].Device == old {
		p.records[i].Device = device
		if device == "" {
			p.records[i].DeviceStep = 0
		}
	}
	return p.LoadID(ctx, tag, id)
}

func (p *plain) AdvanceDevice(ctx context.Context, tag [8]byte, id session.ID, key string, step int64) (rec session.Record, advanced, found bool, err error) {
	i := p.findID(tag, id)
	if i >= 0 && p.records[i].Device != "" && strings.HasPrefix(p.records[i].Device, key) && p.records[i].DeviceStep < step {
		p.records[i].DeviceStep, advanced = step, true
	}
	rec, found, err = p.LoadID(ctx, tag, id)
	return rec, advanced, found, err
}

func (p *plain) Epoch(_ context.Context, subject string) (int64, error) {
	return p.epochs[subject], nil
}

// step is a step of both stores. It returns what the caller learns.
func step(ctx context.Context, store session.DeviceStore, op byte, rec session.Record, key session.Key, at time.Time) string {
	var result any
	var err error
	switch op {
	case 0, 1, 2:
		err = store.Insert(ctx, rec, session.AnyEpoch)
	case 3:
		err = store.Insert(ctx, rec, 1)
	case 4:
		err = store.Touch(ctx, key, at, at.Add(time.Hour))
	case 5:
		result, err = store.Update(ctx, key, 1, "x")
	case 6, 7:
		copy(rec.Key[:8], key[:])
		result, err = store.Rotate(ctx, key, rec.Key)
	case 8, 9:
		result, err = store.Delete(ctx, key)
	case 10:
		result, err = store.DeleteAll(ctx, rec.Subject, []session.ID{{}, rec.ID})
	case 11:
		known, _, _ := store.Load(ctx, key)
		result, err = store.DeleteAll(ctx, rec.Subject, []session.ID{known.ID})
	case 12:
		subject := rec.Subject
		if rec.Deadline.Minute()%2 > 0 { // chosen by the input
			subject = ""
		}
		result, err = store.DeleteRef(ctx, rec.Ref, subject)
	case 13:
		result, err = store.Epoch(ctx, rec.Subject)
	case 16, 17, 18, 19:
		known, _, _ := store.Load(ctx, key)
		result, err = deviceStep(ctx, store, op, [8]byte(key[:]), known, at)
	}
	return fmt.Sprint(result, errors.Is(err, session.ErrEnded), err != nil)
}

// deviceStep is a step about the device of a session.
func deviceStep(ctx context.Context, store session.DeviceStore, op byte, tag [8]byte, known session.Record, at time.Time) (any, error) {
	device := []string{"a", "ab", "", strings.Repeat("c", 255)}[at.UnixMilli()&3] // chosen by the input
	var rec session.Record
	var advanced, found bool
	var err error
	switch op {
	case 16:
		rec, found, err = store.LoadID(ctx, tag, known.ID)
	case 17, 18:
		rec, found, err = store.SetDevice(ctx, tag, known.ID, known.Device, device)
	case 19:
		rec, advanced, found, err = store.AdvanceDevice(ctx, tag, known.ID, device, at.UnixMilli())
	}
	return fmt.Sprint(rec.Device, rec.DeviceStep, rec.Data, advanced, found), err
}

// FuzzMemory takes each pair of bytes of the input as a step of a Memory and of a
// plain store, and compares them.
func FuzzMemory(f *testing.F) {
	f.Add("\x00\x00\x06\x00\x08\x00\x00\x10\x01\x20\x03\x00\x0b\x00\x03\x00")
	f.Add("\x20\x00\x21\x10\x26\x00\x05\x01\x0c\x20\x20\x00\x0c\x40\x06\x01\x06\x02\x0e\x02\x08\x00")
	f.Add(strings.Repeat("\x00\x01\x41\x40\x44\x42\x86\x85\xc5\xc6\x0f\x08\x0a\xc7\x48\x21\x0e\x23\x0d\x0d", 10))
	f.Add("\x00\x00\x00\x01\x30\x01\x31\x01\x33\x02\x06\x01\x33\x01\x05\x03\x32\x03\x08\x01")
	f.Fuzz(func(t *testing.T, steps string) {
		now := harness.NewClock()
		m := newMemory(t, &session.MemoryOptions{Now: now.Now})
		p := &plain{now: now.Now, epochs: map[string]int64{}, ended: map[[2]string]time.Time{}}
		keys := []session.Key{{}}
		for i := range min(len(steps), 200) / 2 {
			op, arg := steps[2*i]&15, steps[2*i+1]
			rec := record(now, fmt.Sprint(steps[2*i]>>6), 0)
			rec.Ref = []string{"", "a", "b", "c"}[steps[2*i]>>4&3]
			rec.Deadline = now.Time.Add(time.Duration(arg) * time.Minute)
			key := keys[int(arg)%len(keys)]
			if op == 0 && rec.Ref == "c" { // an insert; there are enough of them
				op = 16 + arg&3
			}
			switch op {
			case 14:
				now.Advance(time.Duration(arg%8) * time.Second)
			case 15:
				now.Advance(time.Duration(arg) * time.Minute)
			}
			at := now.Time.Add(time.Duration(i) * time.Millisecond)
			got, want := step(t.Context(), m, op, rec, key, at), step(t.Context(), p, op, rec, key, at)
			if got != want {
				t.Fatalf("step %d, %d of %d: %s, want %s", i, op, arg, got, want)
			}
			copied := rec.Key
			copy(copied[:8], key[:])
			keys = append(keys, rec.Key, copied)
			for _, rec := range slices.Clone(p.records) { // whether a Memory has removed an expired record cannot be seen
				if now.Time.Sub(rec.Deadline) >= session.Grace {
					_, _ = m.Delete(t.Context(), rec.Key)
					_, _ = p.Delete(t.Context(), rec.Key)
				}
			}
			compare(t, m, p, keys)
		}
	})
}

func compare(t *testing.T, m *session.Memory, p *plain, keys []session.Key) {
	t.Helper()
	for _, key := range keys {
		got, found, _ := m.Load(t.Context(), key)
		want, wanted, _ := p.Load(t.Context(), key)
		got.Created, got.LastSeen, got.Deadline = got.Created.UTC(), got.LastSeen.UTC(), got.Deadline.UTC()
		if found != wanted || found && got != want {
			t.Fatalf("%+v, %t; want %+v, %t", got, found, want, wanted)
		}
	}
	for _, subject := range []string{"0", "1", "2", "3"} {
		got, _ := m.List(t.Context(), subject)
		if want, _ := p.List(t.Context(), subject); len(got) != len(want) {
			t.Fatalf("%d are listed of %s, want %d", len(got), subject, len(want))
		}
	}
	wantLen(t, m, len(p.records))
}

func wantLen(t *testing.T, m *session.Memory, want int) {
	t.Helper()
	if n, err := m.Len(); n != want || err != nil {
		t.Fatalf("%d records, %v; want %d", n, err, want)
	}
}
