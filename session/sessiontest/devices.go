package sessiontest

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/session"
)

// devices are the cases of a [session.DeviceStore]. Other stores pass them.
var devices = []testCase{
	{"a device is kept by insert, update, touch and rotate", deviceIsKept},
	{"load by ID", loadID},
	{"set a device", setDevice},
	{"advance a device", advanceDevice},
	{"an ended session has no device", deviceOfEnded},
	{"devices of several sessions", devicesAreSeparate},
	{"set a device, racing", setDeviceRaces},
	{"advance a device, racing", advanceDeviceRaces},
	{"set a device, racing an end", setDeviceRacesDelete},
}

// device runs a case for a store of devices.
func (s *suite) device() session.DeviceStore {
	s.Helper()
	store, ok := s.store.(session.DeviceStore)
	if !ok {
		s.Skip("it is no session.DeviceStore")
	}
	return store
}

func tagOf(rec session.Record) [8]byte { return [8]byte(rec.Key[:]) }

// longDevice has all bytes, as a key has.
var longDevice = "\x00\xff'\\ \n\x01" + strings.Repeat("k\x00", 124)

func deviceIsKept(s *suite) {
	store := s.device()
	rec := s.insert(func(rec *session.Record) {
		rec.Device, rec.DeviceStep, rec.Login, rec.Ref = longDevice, 1<<41, "apwd", newRef()
	})
	plain := s.insert(func(rec *session.Record) { rec.Ref = newRef() })
	s.wantRecord(rec)
	s.wantList(rec, plain)
	updated, err := s.store.Update(s.ctx, rec.Key, rec.Revision, `{"n":1}`)
	check(s, "update", updated, err, true)
	rec.Data, rec.Revision = `{"n":1}`, rec.Revision+1
	s.wantRecord(rec)
	rec.LastSeen, rec.Deadline = s.now.Add(time.Minute), s.now.Add(2*time.Hour)
	s.must(s.store.Touch(s.ctx, rec.Key, rec.LastSeen, rec.Deadline))
	s.wantRecord(rec)
	s.rotate(&rec)
	s.wantRecord(rec)
	rec.DeviceStep++
	s.wantAdvanced(store, rec, longDevice, rec.DeviceStep, true)
	n, err := s.store.DeleteRef(s.ctx, rec.Ref, "")
	check(s, "delete ref", n, err, 1)
	s.wantAbsent(rec.Key)
	s.wantList(plain)
}

// wantByID checks that LoadID returns exactly this record.
func (s *suite) wantByID(store session.DeviceStore, want session.Record) {
	s.Helper()
	got, found, err := store.LoadID(s.ctx, tagOf(want), want.ID)
	s.must(err)
	if !found || !equal(got, want) {
		s.Errorf("by its ID, the record is\n%s (%t), want\n%s", show(got), found, show(want))
	}
}

func loadID(s *suite) {
	store := s.device()
	rec, other := s.insert(nil), s.insert(nil)
	s.wantByID(store, rec)
	s.rotate(&rec)
	s.wantByID(store, rec)
	s.wantByID(store, other)
	for _, unknown := range []session.Record{Record(s.subject), {Key: Key("another"), ID: rec.ID}} {
		_, found, err := store.LoadID(s.ctx, tagOf(unknown), unknown.ID)
		check(s, "load by another ID or tag", found, err, false)
	}
	expired := s.insert(func(rec *session.Record) {
		rec.Deadline = s.now.Add(-session.Grace - time.Minute)
		rec.Created, rec.LastSeen = rec.Deadline.Add(-time.Hour), rec.Deadline.Add(-time.Hour)
	})
	_, found, err := store.LoadID(s.ctx, tagOf(expired), expired.ID)
	check(s, "load by the ID of an expired record", found, err, false)
}

// wantSet checks what SetDevice returns: want is the record afterwards.
func (s *suite) wantSet(store session.DeviceStore, want session.Record, old, device string) {
	s.Helper()
	got, found, err := store.SetDevice(s.ctx, tagOf(want), want.ID, old, device)
	s.must(err)
	if !found || !equal(got, want) {
		s.Errorf("set device returns\n%s (%t), want\n%s", show(got), found, show(want))
	}
	s.wantRecord(want)
}

func setDevice(s *suite) {
	store := s.device()
	rec := s.insert(nil)
	s.wantSet(store, rec, "another", "device")
	rec.Device = "first"
	s.wantSet(store, rec, "", "first")
	s.wantSet(store, rec, "", "second")
	s.wantSet(store, rec, "First", "second")
	s.wantSet(store, rec, "firs", "second")
	rec.Device = longDevice
	s.wantSet(store, rec, "first", longDevice)
	rec.DeviceStep = 5
	s.wantAdvanced(store, rec, longDevice[:64], 5, true)
	rec.Device = "short"
	s.wantSet(store, rec, longDevice, "short")
	if _, _, err := store.SetDevice(s.ctx, tagOf(rec), rec.ID, "short", strings.Repeat("x", 256)); err == nil {
		s.Error("a device of 256 bytes is no error")
	}
	s.wantByID(store, rec)
	unknown := Record(s.subject)
	_, found, err := store.SetDevice(s.ctx, tagOf(unknown), unknown.ID, "", "device")
	check(s, "set the device of an unknown record", found, err, false)
}

// wantAdvanced checks what AdvanceDevice returns: want is the record afterwards.
func (s *suite) wantAdvanced(store session.DeviceStore, want session.Record, key string, step int64, advanced bool) {
	s.Helper()
	got, ok, found, err := store.AdvanceDevice(s.ctx, tagOf(want), want.ID, key, step)
	s.must(err)
	if !found || ok != advanced || !equal(got, want) {
		s.Errorf("advance to %d returns %t,\n%s (%t), want %t,\n%s", step, ok, show(got), found, advanced, show(want))
	}
	s.wantRecord(want)
}

func advanceDevice(s *suite) {
	store := s.device()
	rec := s.insert(nil)
	s.wantAdvanced(store, rec, "", 1, false) // it has no device
	rec.Device = longDevice
	s.wantSet(store, rec, "", longDevice)
	s.wantAdvanced(store, rec, "\x00\xfe", 1, false)
	s.wantAdvanced(store, rec, longDevice+"x", 1, false)
	rec.DeviceStep = 1
	s.wantAdvanced(store, rec, longDevice[:64], 1, true)
	s.wantAdvanced(store, rec, longDevice[:64], 1, false)
	rec.DeviceStep = s.now.UnixMilli()
	s.wantAdvanced(store, rec, longDevice, rec.DeviceStep, true)
	s.wantAdvanced(store, rec, longDevice, rec.DeviceStep-1, false)
	unknown := Record(s.subject)
	_, ok, found, err := store.AdvanceDevice(s.ctx, tagOf(unknown), unknown.ID, "", 1)
	check(s, "advance an unknown record", ok || found, err, false)
}

func deviceOfEnded(s *suite) {
	store := s.device()
	rec := s.insert(func(rec *session.Record) { rec.Device = "device" })
	n, err := s.store.DeleteAll(s.ctx, s.subject, nil)
	check(s, "delete all", n, err, 1)
	_, found, err := store.LoadID(s.ctx, tagOf(rec), rec.ID)
	check(s, "load by ID", found, err, false)
	_, found, err = store.SetDevice(s.ctx, tagOf(rec), rec.ID, "device", "other")
	check(s, "set the device", found, err, false)
	_, ok, found, err := store.AdvanceDevice(s.ctx, tagOf(rec), rec.ID, "device", 1)
	check(s, "advance", ok || found, err, false)
	s.wantAbsent(rec.Key)
	s.wantList()
}

func devicesAreSeparate(s *suite) {
	store := s.device()
	a, b := s.insert(nil), s.insert(nil)
	a.Device = "a"
	s.wantSet(store, a, "", "a")
	s.wantRecord(b)
	b.Device = "b"
	s.wantSet(store, b, "", "b")
	a.DeviceStep = 3
	s.wantAdvanced(store, a, "a", 3, true)
	s.wantList(a, b)
}

func setDeviceRaces(s *suite) {
	store := s.device()
	rec := s.insert(nil)
	results := make([]string, 16)
	var calls []func()
	for i := range results {
		calls = append(calls, func() {
			got, _, err := store.SetDevice(s.ctx, tagOf(rec), rec.ID, "", string(rune('a'+i)))
			s.noError(err)
			results[i] = got.Device
		})
	}
	together(calls...)
	got, _, err := store.LoadID(s.ctx, tagOf(rec), rec.ID)
	s.must(err)
	for i, result := range results {
		if result != got.Device || result == "" {
			s.Errorf("call %d returned the device %q, and it is %q", i, result, got.Device)
		}
	}
}

func advanceDeviceRaces(s *suite) {
	store := s.device()
	rec := s.insert(func(rec *session.Record) { rec.Device = "device" })
	var n atomic.Int64
	var calls []func()
	for range 16 {
		calls = append(calls, func() {
			_, advanced, _, err := store.AdvanceDevice(s.ctx, tagOf(rec), rec.ID, "device", 7)
			s.noError(err)
			if advanced {
				n.Add(1)
			}
		})
	}
	together(calls...)
	if n.Load() != 1 {
		s.Errorf("%d calls advance to one step", n.Load())
	}
}

func setDeviceRacesDelete(s *suite) {
	store := s.device()
	for range rounds {
		rec := s.insert(nil)
		deleted := false
		together(s.deleting(rec.Key, &deleted), func() {
			_, _, err := store.SetDevice(s.ctx, tagOf(rec), rec.ID, "", "device")
			s.noError(err)
		})
		s.wantGone(deleted, rec.Key)
	}
}
