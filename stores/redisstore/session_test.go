package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// insert adds a new session of subject, which change may change.
func insert(t testing.TB, s session.Store, subject string, change func(*session.Record)) session.Record {
	t.Helper()
	rec := sessiontest.Record(subject)
	if change != nil {
		change(&rec)
	}
	if err := s.Insert(t.Context(), rec, session.AnyEpoch); err != nil {
		t.Fatal(err)
	}
	return rec
}

func live(t testing.TB, s session.Store, rec session.Record) bool {
	t.Helper()
	_, found, err := s.Load(t.Context(), rec.Key)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSessionsOfSubject: the session that was not used for the longest time goes, and
// sessions of a subject with the same tag neither count nor end.
func TestSessionsOfSubject(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, ctx := stores.Sessions(), t.Context()
	victim := insert(t, s, "u", func(rec *session.Record) { rec.LastSeen = rec.LastSeen.Add(-time.Second) })
	hash := must[[]string](t)(c.Keys(ctx, prefix+":s*").Result())[0]
	for field, v := range must[map[string]string](t)(c.HGetAll(ctx, hash).Result()) {
		for i := range 100 { // 100 sessions of the subject "x"
			copied := []byte(field)
			copied[20] ^= byte(i + 1)
			if err := c.HSet(ctx, hash, copied, strings.Replace(v, "u{", "x{", 1)).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 99 {
		insert(t, s, "u", nil)
	}
	if list := must[[]session.Record](t)(s.List(ctx, "u")); len(list) != 100 || !live(t, s, victim) {
		t.Fatalf("%d sessions of the subject, want 100", len(list))
	}
	insert(t, s, "u", nil)
	if list := must[[]session.Record](t)(s.List(ctx, "u")); len(list) != 100 || live(t, s, victim) {
		t.Errorf("%d sessions after one more; the least recently used is live: %t", len(list), live(t, s, victim))
	}
	if n := must[int](t)(s.DeleteAll(ctx, "u", nil)); n != 100 {
		t.Errorf("DeleteAll deleted %d, want 100", n)
	}
	if n := must[int64](t)(c.HLen(ctx, hash).Result()); n != 100 {
		t.Errorf("%d sessions of the other subject are left, want 100", n)
	}
}

// TestSessionsExpire: everything has a time to live, which covers every session; a
// login deletes what has ended before, and a logout the rotations.
func TestSessionsExpire(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, ctx := stores.Sessions(), t.Context()
	ttl := func(kind string) (key string, ends time.Time) {
		t.Helper()
		keys := must[[]string](t)(c.Keys(ctx, prefix+":"+kind+"*").Result())
		if len(keys) != 1 {
			t.Fatalf("keys %q", keys)
		}
		return keys[0], time.UnixMilli(must[time.Duration](t)(c.PExpireTime(ctx, keys[0]).Result()).Milliseconds())
	}
	want := func(kind string, ends time.Time) (key string) {
		t.Helper()
		key, got := ttl(kind)
		if !got.Equal(ends) {
			t.Errorf("%s expires at %v, want %v", kind, got, ends)
		}
		return key
	}
	long := insert(t, s, "u", nil)
	short := insert(t, s, "u", func(rec *session.Record) { rec.Deadline = rec.LastSeen.Add(time.Minute) })
	hash := want("s", long.Deadline.Add(session.Grace))
	later := long.Deadline.Add(time.Hour)
	if err := s.Touch(ctx, short.Key, short.LastSeen.Add(time.Second), later); err != nil {
		t.Fatal(err)
	}
	want("s", later.Add(session.Grace))
	ended := insert(t, s, "u", func(rec *session.Record) {
		rec.Deadline = time.Now().Add(50*time.Millisecond - session.Grace).Truncate(time.Millisecond)
	})
	want("s", later.Add(session.Grace))
	for live(t, s, ended) {
		time.Sleep(time.Millisecond) // the clock of a real server
	}
	if done := must[bool](t)(s.Update(ctx, ended.Key, 1, "{}")) || must[bool](t)(s.Rotate(ctx, ended.Key, sessiontest.Key("u"))) || must[bool](t)(s.Delete(ctx, ended.Key)); done {
		t.Error("a session was found after its grace period")
	}
	if list := must[[]session.Record](t)(s.List(ctx, "u")); len(list) != 2 {
		t.Errorf("%d sessions are listed, want 2", len(list))
	}
	insert(t, s, "u", nil)
	if n := must[int64](t)(c.HLen(ctx, hash).Result()); n != 3 {
		t.Errorf("%d sessions are stored after a login, want 3", n)
	}
	must[bool](t)(s.Rotate(ctx, long.Key, sessiontest.Key("u")))
	if n := must[int](t)(s.DeleteAll(ctx, "u", nil)); n != 3 {
		t.Errorf("DeleteAll deleted %d, want 3", n)
	}
	if n := must[int64](t)(c.Exists(ctx, hash).Result()); n != 0 {
		t.Error("the rotations outlive the sessions")
	}
	if _, ends := ttl("e"); ends.Before(time.Now().Add(400 * 24 * time.Hour)) {
		t.Errorf("the epoch expires at %v", ends)
	}
}

// TestEpochGrows: it does so after the server's clock was set back or the epoch was lost.
func TestEpochGrows(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, ctx := stores.Sessions(), t.Context()
	must[int](t)(s.DeleteAll(ctx, "u", nil))
	key := must[[]string](t)(c.Keys(ctx, prefix+":e*").Result())[0]
	ahead := time.Now().Add(time.Hour).UnixMilli()
	if err := c.Set(ctx, key, ahead, 0).Err(); err != nil {
		t.Fatal(err)
	}
	must[int](t)(s.DeleteAll(ctx, "u", nil))
	if n := must[int64](t)(s.Epoch(ctx, "u")); n != ahead+1 {
		t.Errorf("epoch %d after a step back of the clock, want %d", n, ahead+1)
	}
	lost := time.Now().Add(-time.Hour).UnixMilli()
	if err := c.Set(ctx, key, lost, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Del(ctx, key).Err(); err != nil {
		t.Fatal(err)
	}
	must[int](t)(s.DeleteAll(ctx, "u", nil))
	if n := must[int64](t)(s.Epoch(ctx, "u")); n <= lost {
		t.Errorf("epoch %d, that was lost was %d", n, lost)
	}
}

// TestSessionsInFullRedis: logins are refused and evict nothing; logouts work.
func TestSessionsInFullRedis(t *testing.T) {
	server := startServer(t)
	s, c, ctx := newStoresAt(t, server.addr).Sessions(), newClient(t, server.addr), t.Context()
	var recs []session.Record
	for range 100 {
		recs = append(recs, insert(t, s, "u", func(rec *session.Record) { rec.Ref, rec.Device = "ref", "device" }))
	}
	if err := c.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"", "ref", "another"} {
		rec := sessiontest.Record("u")
		rec.Ref = ref
		if err := s.Insert(ctx, rec, session.AnyEpoch); !errors.Is(err, session.ErrFull) {
			t.Errorf("a login with the Ref %q: %v, want ErrFull", ref, err)
		}
	}
	if list := must[[]session.Record](t)(s.List(ctx, "u")); len(list) != 100 {
		t.Errorf("%d sessions are left of 100", len(list))
	}
	if updated, err := s.Update(ctx, recs[0].Key, 1, `{"n":1}`); updated || err == nil {
		t.Errorf("an update: %t, %v; want an error", updated, err)
	}
	seen, to := recs[0].LastSeen.Add(time.Minute), sessiontest.Key("u")
	if err := s.Touch(ctx, recs[0].Key, seen, seen.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	devices := s.(session.DeviceStore)
	if _, advanced, found, err := devices.AdvanceDevice(ctx, [8]byte(recs[3].Key[:]), recs[3].ID, "device", 7); !advanced || !found || err != nil {
		t.Errorf("a refresh of a bound session: %t, %t, %v", advanced, found, err)
	}
	if _, _, err := devices.SetDevice(ctx, [8]byte(recs[4].Key[:]), recs[4].ID, "device", "another"); !errors.Is(err, session.ErrFull) {
		t.Errorf("a registration: %v, want ErrFull", err)
	}
	if !must[bool](t)(s.Rotate(ctx, recs[0].Key, to)) {
		t.Error("no rotation")
	}
	if rec, found, err := s.Load(ctx, to); !found || err != nil || !rec.LastSeen.Equal(seen) || rec.ID != recs[0].ID {
		t.Errorf("after a touch and a rotation: %t, %v", found, err)
	}
	if !must[bool](t)(s.Delete(ctx, recs[1].Key)) || live(t, s, recs[1]) {
		t.Error("a logout did not end the session")
	}
	if n := must[int](t)(s.DeleteAll(ctx, "u", []session.ID{recs[2].ID})); n != 98 {
		t.Errorf("DeleteAll deleted %d, want 98", n)
	}
	if n := must[int](t)(s.DeleteRef(ctx, "ref", "v")); n != 0 || !live(t, s, recs[2]) {
		t.Errorf("DeleteRef of another subject deleted %d", n)
	}
	if n := must[int](t)(s.DeleteRef(ctx, "ref", "")); n != 1 || live(t, s, recs[2]) {
		t.Errorf("DeleteRef deleted %d, want 1", n)
	}
	for _, subject := range []string{"u", "without sessions"} {
		must[int](t)(s.DeleteAll(ctx, subject, nil))
		if must[int64](t)(s.Epoch(ctx, subject)) == 0 {
			t.Errorf("the epoch of %q was not raised", subject)
		}
	}
}
