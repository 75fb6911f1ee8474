package apikey_test

import (
	"hash/crc32"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// TestRingsShareAStore: of two rings on one store, none accepts, finds, lists, counts or
// changes the keys of the other.
func TestRingsShareAStore(t *testing.T) {
	for _, names := range [][2]apikey.RingOptions{
		{{Env: "live"}, {Env: "test"}},
		{{Prefix: "ak"}, {Prefix: "svc"}},
		{{Prefix: "ab", Env: "c"}, {Prefix: "abc", Env: "c"}},
	} {
		store := guard.Must(apikey.NewMemory(nil))
		for i := range names {
			names[i].Store, names[i].MaxPerSubject = store, 1
		}
		ring, c := newRing(t, names[0])
		names[1].Now = c.Now
		other, _ := newRing(t, names[1])
		key, rec := issue(t, ring, apikey.Grant{})
		otherKey, _ := issue(t, other, apikey.Grant{}) // the maximum is of each ring
		if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 200 {
			t.Fatalf("a good key: %d", status)
		}
		if again := rename(key, head(key)); again != key {
			t.Fatalf("%q with the same head: %q", key, again)
		}
		for name, text := range map[string]string{"as it is": key, "with the other's head": rename(key, head(otherKey))} {
			if status, message, _ := answer(t, other, request("X-API-Key", text)); status != 401 || message != "Invalid API key" {
				t.Errorf("a key of the other ring, %s: %d, %q", name, status, message)
			}
			if _, found, err := other.Verify(t.Context(), text); found || err != nil {
				t.Errorf("Verify of a key of the other ring, %s: %t, %v", name, found, err)
			}
		}
		if _, found, err := other.Load(t.Context(), rec.ID); found || err != nil {
			t.Errorf("Load: %t, %v", found, err)
		}
		if _, found, err := other.Rotate(t.Context(), rec.ID, 0); found || err != nil {
			t.Errorf("Rotate: %t, %v", found, err)
		}
		if _, found, err := other.Update(t.Context(), rec.ID, func(g *apikey.Grant) error { g.Name = "new"; return nil }); found || err != nil {
			t.Errorf("Update: %t, %v", found, err)
		}
		if found, err := other.Revoke(t.Context(), rec.ID); found || err != nil {
			t.Errorf("Revoke: %t, %v", found, err)
		}
		for _, r := range []*apikey.Ring{ring, other} {
			list, err := r.List(t.Context(), "1")
			all, next, allErr := r.ListAll(t.Context(), "", 10)
			if len(list) != 1 || err != nil || len(all) != 1 || next != "" || allErr != nil || (list[0].ID == rec.ID) != (r == ring) || list[0].ID != all[0].ID {
				t.Errorf("List = %v, %v; ListAll = %v, %q, %v", list, err, all, next, allErr)
			}
		}
		if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 200 {
			t.Errorf("the key after what the other ring did: %d", status)
		}
	}
}

// head returns what precedes the ID in a key.
func head(key string) string { return key[:len(key)-51] }

// rename returns a key with another head, and the right checksum.
func rename(key, head string) string {
	const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := head + key[len(key)-51:len(key)-6]
	var sum strings.Builder
	for n, div := crc32.ChecksumIEEE([]byte(body)), uint32(62*62*62*62*62); div > 0; div /= 62 {
		sum.WriteByte(base62[n/div%62])
	}
	return body + sum.String()
}
