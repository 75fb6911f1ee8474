package apikey_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

func TestPepper(t *testing.T) {
	store := guard.Must(apikey.NewMemory(nil))
	p1, p2 := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
	plain, _ := newRing(t, apikey.RingOptions{Store: store})
	one, _ := newRing(t, apikey.RingOptions{Store: store, Pepper: p1, OldPeppers: []guard.Secret{nil}})
	two, _ := newRing(t, apikey.RingOptions{Store: store, Pepper: p2, OldPeppers: []guard.Secret{p1}})
	key0, _ := issue(t, plain, apikey.Grant{})
	key1, rec1 := issue(t, one, apikey.Grant{})
	key2, rec2 := issue(t, two, apikey.Grant{})
	clear(p1) // the rings have copies
	clear(p2)
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
			if got, _, _ := answer(t, tt.ring, request("X-API-Key", key)); got != tt.want[i] {
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
		if got, _, _ := answer(t, two, request("X-API-Key", key)); got != 200 {
			t.Errorf("after the rotation: %d", got)
		}
	}
}
