package apikey_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
)

func TestRotate(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	first, rec := issue(t, ring, apikey.Grant{Scopes: []string{"a"}, ExpiresAt: c.t.Add(24 * time.Hour)})
	rotate := func(overlap time.Duration) string {
		t.Helper()
		k, found, err := ring.Rotate(t.Context(), rec.ID, overlap)
		if err != nil || !found {
			t.Fatalf("Rotate = %t, %v", found, err)
		}
		return k.Reveal()
	}
	check := func(when string, want map[string]int) {
		t.Helper()
		for key, status := range want {
			if got, _, _ := answer(ring, request("X-API-Key", key)); got != status {
				t.Errorf("%s: %s…: %d, want %d", when, key[:30], got, status)
			}
		}
	}
	second := rotate(time.Hour)
	check("in the overlap", map[string]int{first: 200, second: 200})
	c.pass(time.Hour)
	check("after the overlap", map[string]int{first: 401, second: 200})
	third := rotate(time.Hour)
	fourth := rotate(time.Hour)
	check("rotated twice", map[string]int{first: 401, second: 401, third: 200, fourth: 200})
	fifth := rotate(0)
	check("without overlap", map[string]int{third: 401, fourth: 401, fifth: 200})
	got, found, err := ring.Load(t.Context(), rec.ID)
	if err != nil || !found || got.Subject != "1" || !got.HasScope("a") || got.HasScope("b") || got.Last4 != fifth[len(fifth)-4:] || !got.RotatedAt.Equal(c.t) {
		t.Errorf("the record is %+v", got)
	}
	sixth := rotate(time.Hour)
	if found, err := ring.Revoke(t.Context(), rec.ID); !found || err != nil {
		t.Fatal(found, err)
	}
	check("revoked", map[string]int{fifth: 401, sixth: 401})
	if _, found, err := ring.Rotate(t.Context(), rec.ID, 0); found || err != nil {
		t.Errorf("Rotate of a revoked key = %t, %v", found, err)
	}
	if _, found, err := ring.Rotate(t.Context(), "zzzzzzzzzzzz", 0); found || err != nil {
		t.Errorf("Rotate of none = %t, %v", found, err)
	}
	if _, _, err := ring.Rotate(t.Context(), rec.ID, -1); err == nil {
		t.Error("a negative overlap is no error")
	}
	expired, erec := issue(t, ring, apikey.Grant{ExpiresAt: c.t.Add(time.Second)})
	c.pass(time.Minute)
	if _, found, err := ring.Rotate(t.Context(), erec.ID, time.Hour); found || err != nil {
		t.Errorf("Rotate of an expired key = %t, %v", found, err)
	}
	check("expired", map[string]int{expired: 401})
}

func TestPepper(t *testing.T) {
	store := apikey.NewMemory(nil)
	p1, p2 := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
	plain, _ := newRing(t, apikey.RingOptions{Store: store})
	one, _ := newRing(t, apikey.RingOptions{Store: store, Pepper: p1, OldPeppers: [][]byte{nil}})
	two, _ := newRing(t, apikey.RingOptions{Store: store, Pepper: p2, OldPeppers: [][]byte{p1}})
	key0, _ := issue(t, plain, apikey.Grant{})
	key1, rec1 := issue(t, one, apikey.Grant{})
	key2, rec2 := issue(t, two, apikey.Grant{})
	for _, tt := range []struct {
		name string
		ring *apikey.Ring
		want [3]int
	}{
		{"plain", plain, [3]int{200, 401, 401}},
		{"one", one, [3]int{200, 200, 401}},
		{"two", two, [3]int{401, 200, 200}},
	} {
		for i, key := range []string{key0, key1, key2} {
			if got, _, _ := answer(tt.ring, request("X-API-Key", key)); got != tt.want[i] {
				t.Errorf("ring %s, key %d: %d, want %d", tt.name, i, got, tt.want[i])
			}
		}
	}
	if e, _, _ := store.Load(t.Context(), rec2.ID); e.Digest == apikey.DigestOf(key2) {
		t.Error("the pepper is not in the digest")
	}
	k, found, err := two.Rotate(t.Context(), rec1.ID, time.Hour) // moves the key to the new pepper
	if err != nil || !found {
		t.Fatal(found, err)
	}
	for _, key := range []string{key1, k.Reveal()} {
		if got, _, _ := answer(two, request("X-API-Key", key)); got != 200 {
			t.Errorf("after the rotation: %d", got)
		}
	}
}
