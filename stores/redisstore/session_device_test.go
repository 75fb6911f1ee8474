package redisstore_test

import (
	"testing"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

// TestSessionWithoutDevice: a session without a device takes no byte more than before there were
// any, and one that loses its device is such a session again.
func TestSessionWithoutDevice(t *testing.T) {
	stores, client, prefix := newStores(t)
	s := stores.Sessions().(session.DeviceStore)
	rec := sessiontest.Record("subject")
	rec.Login, rec.Data = "apwd", `{"n":1}`
	if err := s.Insert(t.Context(), rec, session.AnyEpoch); err != nil {
		t.Fatal(err)
	}
	size := func() (n int) {
		t.Helper()
		keys, err := client.Keys(t.Context(), prefix+":s*").Result()
		if err != nil || len(keys) != 1 {
			t.Fatal(keys, err)
		}
		for _, v := range must[map[string]string](t)(client.HGetAll(t.Context(), keys[0]).Result()) {
			n += len(v)
		}
		return n
	}
	const plain = 40 + len("subject") + len("apwd") + len(`{"n":1}`)
	if n := size(); n != plain {
		t.Errorf("a session takes %d bytes, want %d", n, plain)
	}
	tag := [8]byte(rec.Key[:])
	for _, tt := range []struct {
		old, device string
		want        int
	}{{"", "device", plain + 7 + 6}, {"device", "", plain}} {
		if _, found, err := s.SetDevice(t.Context(), tag, rec.ID, tt.old, tt.device); err != nil || !found {
			t.Fatal(found, err)
		}
		if n := size(); n != tt.want {
			t.Errorf("with the device %q it takes %d bytes, want %d", tt.device, n, tt.want)
		}
	}
}
