package session_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

func (c *counting) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	c.calls.Add(1)
	return c.DeviceStore.Load(ctx, key)
}

func (c *counting) Delete(ctx context.Context, key session.Key) (bool, error) {
	c.calls.Add(1)
	return c.DeviceStore.Delete(ctx, key)
}

func (c *counting) List(ctx context.Context, subject string) ([]session.Record, error) {
	c.calls.Add(1)
	return c.DeviceStore.List(ctx, subject)
}

func (c *counting) Touch(ctx context.Context, key session.Key, seen, deadline time.Time) error {
	c.calls.Add(1)
	return c.DeviceStore.Touch(ctx, key, seen, deadline)
}

func (c *counting) LoadID(ctx context.Context, tag [8]byte, id session.ID) (session.Record, bool, error) {
	c.calls.Add(1)
	return c.DeviceStore.LoadID(ctx, tag, id)
}

func (c *counting) SetDevice(ctx context.Context, tag [8]byte, id session.ID, old, device string) (session.Record, bool, error) {
	c.calls.Add(1)
	return c.DeviceStore.SetDevice(ctx, tag, id, old, device)
}

func (c *counting) AdvanceDevice(ctx context.Context, tag [8]byte, id session.ID, key string, step int64) (session.Record, bool, bool, error) {
	c.calls.Add(1)
	return c.DeviceStore.AdvanceDevice(ctx, tag, id, key, step)
}

// TestDeviceCalls: a registration, a challenge, a refresh and a GET are one call of the
// store each, and what no one has signed is none.
func TestDeviceCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{DeviceStore: newMemory(t, nil)}
		b := newHolder(t, deviceManager(t, &session.Options{Store: store})).signIn("alice")
		calls := func(name string, want int64, f func()) {
			t.Helper()
			before := store.calls.Load()
			if f(); store.calls.Load()-before != want {
				t.Errorf("%s: %d calls, want %d", name, store.calls.Load()-before, want)
			}
		}
		calls("a registration", 1, func() { b.register() })
		time.Sleep(11 * time.Second)
		calls("a challenge", 1, func() { b.keep(b.send(request("POST", byID+b.identifier))) })
		calls("a refresh", 1, func() { b.keep(b.answer(b.challenge)) })
		calls("a GET", 1, func() { b.want("200") })
		thief := b.copied()
		thief.identifier, thief.offer = b.identifier, "x"
		calls("a wrong signature", 0, func() { thief.answer(b.challenge) })
		calls("a wrong registration", 0, func() { thief.register() })
		store.calls.Store(0)
		delete(b.cookies, boundName)
		calls("a GET without the bound cookie", 1, func() { b.want(notBound) })
	})
}

var nothing = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// TestDeviceAllocs: the bound cookie costs a GET at most one allocation.
func TestDeviceAllocs(t *testing.T) {
	m := deviceManager(t, nil)
	b := newHolder(t, m).signIn("alice")
	d := harness.NewDiscard()
	h := m.Wrap(nothing)
	r := b.request("GET", "/")
	before := d.Allocs(h, r)
	if w := b.register(); w.Code != 200 {
		t.Fatal(w.Code)
	}
	r = b.request("GET", "/")
	if after := d.Allocs(h, r); d.Status >= 400 || after > before+1 {
		t.Errorf("%v allocations, %v without a device; status %d", after, before, d.Status)
	}
}

func BenchmarkDevice(b *testing.B) {
	m := deviceManager(b, nil)
	holder := newHolder(b, m).signIn("alice")
	d := harness.NewDiscard()
	run := func(name string) {
		h, r := m.Wrap(nothing), holder.request("GET", "/")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				clear(d.Fields)
				h.ServeHTTP(d, r)
			}
		})
	}
	run("not bound")
	holder.register()
	run("bound")
}
