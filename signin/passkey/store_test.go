package passkey_test

import (
	"context"
	"errors"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

func TestMemory(t *testing.T) {
	passkeytest.Run(t, func(*testing.T) passkey.Store { return guard.Must(passkey.NewMemory(nil)) })
}

func TestMemoryMax(t *testing.T) {
	ctx := context.Background()
	m := guard.Must(passkey.NewMemory(&passkey.MemoryOptions{Max: 1}))
	if added, err := m.Add(ctx, passkey.Credential{ID: "a", Subject: "1"}); err != nil || !added {
		t.Fatal(added, err)
	}
	if added, err := m.Add(ctx, passkey.Credential{ID: "a", Subject: "2"}); err != nil || added {
		t.Errorf("an ID that is there: %t, %v", added, err)
	}
	if added, err := m.Add(ctx, passkey.Credential{ID: "b", Subject: "1"}); !errors.Is(err, passkey.ErrFull) || added {
		t.Errorf("Add: %t, %v", added, err)
	}
	if _, err := m.UserHandle(ctx, "1", "h"); err != nil {
		t.Error(err)
	}
	if _, err := m.UserHandle(ctx, "2", "h"); !errors.Is(err, passkey.ErrFull) {
		t.Errorf("UserHandle: %v", err)
	}
	if h, err := m.UserHandle(ctx, "1", "other"); err != nil || h != "h" {
		t.Errorf("UserHandle: %q, %v", h, err)
	}
	if found, err := m.Remove(ctx, "1", "a"); err != nil || !found {
		t.Error(found, err)
	}
	if added, err := m.Add(ctx, passkey.Credential{ID: "b", Subject: "1"}); err != nil || !added {
		t.Errorf("Add after Remove: %t, %v", added, err)
	}
	if _, err := passkey.NewMemory(&passkey.MemoryOptions{Max: -1}); err == nil {
		t.Error("a negative Max is no mistake")
	}
}

// TestMemoryCopies: a caller that changes what it got changes nothing.
func TestMemoryCopies(t *testing.T) {
	ctx := context.Background()
	m := guard.Must(passkey.NewMemory(nil))
	words := []string{"usb"}
	if _, err := m.Add(ctx, passkey.Credential{ID: "a", Subject: "1", Transports: words}); err != nil {
		t.Fatal(err)
	}
	words[0] = "x"
	for range 2 {
		c, _, _ := m.Load(ctx, "a")
		l, _ := m.List(ctx, "1")
		if c.Transports[0] != "usb" || l[0].Transports[0] != "usb" {
			t.Errorf("%v, %v", c, l)
		}
		c.Transports[0], l[0].Transports[0] = "y", "z"
	}
}
