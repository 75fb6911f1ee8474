package session_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// down is a store of devices that fails.
type down struct {
	session.DeviceStore
	fails bool
}

func (d *down) LoadID(ctx context.Context, tag [8]byte, id session.ID) (session.Record, bool, error) {
	if d.fails {
		return session.Record{}, false, errDown
	}
	return d.DeviceStore.LoadID(ctx, tag, id)
}

func (d *down) SetDevice(ctx context.Context, tag [8]byte, id session.ID, old, device string) (session.Record, bool, error) {
	if d.fails {
		return session.Record{}, false, errDown
	}
	return d.DeviceStore.SetDevice(ctx, tag, id, old, device)
}

func (d *down) AdvanceDevice(ctx context.Context, tag [8]byte, id session.ID, key string, step int64) (session.Record, bool, bool, error) {
	if d.fails {
		return session.Record{}, false, false, errDown
	}
	return d.DeviceStore.AdvanceDevice(ctx, tag, id, key, step)
}

// TestDeviceStoreDown: 503 without text, and nothing ends.
func TestDeviceStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &down{DeviceStore: newMemory(t, nil)}
		b := newHolder(t, deviceManager(t, &session.Options{Store: store})).signIn("alice")
		outage := func(name string, r *http.Request) {
			t.Helper()
			store.fails = true
			defer func() { store.fails = false }()
			w, decisions := deviceDecisions(b.m.Device(), r)
			if w.Code != 503 || strings.Contains(w.Body.String(), "refused") || len(cookies(w)) != 0 || w.Header().Get("Secure-Session-Challenge") != "" ||
				len(decisions) != 1 || decisions[0].Outcome != guard.Failed {
				t.Errorf("%s: %d %s %+v", name, w.Code, w.Body, decisions)
			}
		}
		outage("registration", request("POST", "Secure-Session-Response: "+b.proofOf(b.offer)))
		b.want("200")
		if w := b.register(); w.Code != 200 {
			t.Fatal(w.Code)
		}
		outage("a refresh without a challenge", request("POST", "Sec-Secure-Session-Id: "+b.identifier))
		w := b.send(request("POST", "Sec-Secure-Session-Id: "+b.identifier))
		b.keep(w)
		outage("a refresh", request("POST", "Sec-Secure-Session-Id: "+b.identifier, "Secure-Session-Response: "+b.answerTo(b.challenge)))
		if w := b.answer(b.challenge); w.Code != 200 {
			t.Errorf("the same afterwards: %d %s", w.Code, w.Body)
		}
		// A rotation succeeds without its offer.
		c := newHolder(t, b.m).signIn("bob")
		c.offer = ""
		r := c.request("POST", "/")
		s, err := b.m.Authenticate(r)
		if err != nil {
			t.Fatal(err)
		}
		store.fails = true
		rotated := recorder()
		if _, err := b.m.Rotate(rotated, r, s); err != nil {
			t.Error(err)
		}
		store.fails = false
		c.keep(rotated)
		if c.want("200"); c.offer != "" {
			t.Error("an offer that was not stored")
		}
	})
}

// TestDeviceClocks: processes whose clocks differ, and a clock that is set back.
func TestDeviceClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory(t, nil)
		ahead := time.Duration(0)
		fast := deviceManager(t, &session.Options{Store: store, Now: func() time.Time { return time.Now().Add(ahead) }})
		exact := deviceManager(t, &session.Options{Store: store})
		ahead = 30 * time.Second
		b := bound(t, exact, "alice")
		on := func(m *profiles) *holder { b.m = m; return b }
		for range 3 {
			for _, m := range []*profiles{fast, exact} {
				if code := on(m).refresh(); code != 200 {
					t.Errorf("refresh: %d", code)
				}
				on(fast).want("200")
				on(exact).want("200")
			}
			time.Sleep(time.Minute)
		}
		// What the fast process has issued is used at the other.
		w := on(fast).send(request("POST", "Sec-Secure-Session-Id: "+b.identifier))
		b.keep(w)
		if w := on(exact).answer(b.challenge); w.Code != 200 {
			t.Errorf("a challenge of the future: %d", w.Code)
		}
		// The browser has a bound cookie that a process takes for expired: it is cleared.
		if code := on(exact).refresh(); code != 200 {
			t.Error(code)
		}
		time.Sleep(every - 29*time.Second)
		on(fast).want(notBound)
		if _, ok := b.cookies[boundName]; ok {
			t.Error("the bound cookie was not cleared")
		}
		if code := on(fast).refresh(); code != 200 {
			t.Error(code)
		}
		on(fast).want("200")
	})
}
