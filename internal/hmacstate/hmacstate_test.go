package hmacstate_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard/internal/hmacstate"
	"github.com/go-guard/guard/internal/testing/race"
)

var hashes = []func() hash.Hash{sha256.New, sha512.New384, sha512.New}

// plain is the MAC as crypto/hmac computes it with a new state.
func plain(h func() hash.Hash, key, text []byte) []byte {
	m := hmac.New(h, key)
	m.Write(text)
	return m.Sum(nil)
}

// No text has a part in the MAC of the next one.
func TestTextsAreIndependent(t *testing.T) {
	for n, h := range hashes {
		key := hmacstate.New(h, []byte("a key"))
		for _, size := range []int{0, 1, 63, 64, 511, 512, 513, 5000, 0, 1} {
			text := bytes.Repeat([]byte{byte(size)}, size)
			want := plain(h, []byte("a key"), text)
			if got := hmacstate.Append(key, []byte("x"), text); !bytes.Equal(got, append([]byte("x"), want...)) {
				t.Errorf("hash %d, %d bytes: %x; want x and %x", n, size, got, want)
			}
			if !hmacstate.Equal(key, string(text), want) {
				t.Errorf("hash %d, %d bytes: its MAC differs", n, size)
			}
			for _, bad := range [][]byte{nil, {}, want[1:], append(want[:len(want):len(want)], 0), append([]byte{want[0] ^ 1}, want[1:]...)} {
				if hmacstate.Equal(key, text, bad) {
					t.Errorf("hash %d, %d bytes: %x equals the MAC %x", n, size, bad, want)
				}
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	keys := []hmacstate.Key{hmacstate.New(sha256.New, []byte("a")), hmacstate.New(sha256.New, []byte("b"))}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := []string{"a", "b"}[i%2]
			for j := range 500 {
				text := strings.Repeat(fmt.Sprint(i, j), 1+j%300)
				want := plain(sha256.New, []byte(name), []byte(text))
				if got := hmacstate.Append(keys[i%2], nil, text); !bytes.Equal(got, want) || !hmacstate.Equal(keys[i%2], text, want) {
					t.Errorf("%s: %x; want %x", text[:5], got, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestKeysAreCopies(t *testing.T) {
	mine := []byte("a key")
	key := hmacstate.New(sha256.New, mine)
	clear(mine)
	if !hmacstate.Equal(key, "text", plain(sha256.New, []byte("a key"), []byte("text"))) {
		t.Error("the key is not copied")
	}
}

func TestZeroAndPrinted(t *testing.T) {
	key := hmacstate.New(sha256.New, []byte("a key of the test"))
	hmacstate.Append(key, nil, "text")
	if !(hmacstate.Key{}).IsZero() || key.IsZero() {
		t.Error("IsZero")
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
		if text := fmt.Sprintf(format, struct{ k hmacstate.Key }{key}); strings.Contains(text, "97 32 107") || strings.Contains(text, "hash") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	key := hmacstate.New(sha256.New, []byte("a key"))
	text, mac := strings.Repeat("t", 1000), plain(sha256.New, []byte("a key"), bytes.Repeat([]byte("t"), 1000))
	for name, f := range map[string]func(){
		"Append": func() {
			var buf [32]byte
			hmacstate.Append(key, buf[:0], text)
		},
		"Equal": func() { hmacstate.Equal(key, text, mac) },
	} {
		if n := testing.AllocsPerRun(100, f); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzAppend(f *testing.F) {
	f.Add([]byte("key"), []byte("text"), []byte("second text"))
	f.Add([]byte{}, []byte{}, bytes.Repeat([]byte("x"), 513))
	f.Add(bytes.Repeat([]byte("k"), 200), bytes.Repeat([]byte("x"), 2000), []byte{0})
	f.Fuzz(func(t *testing.T, key, first, second []byte) {
		for n, h := range hashes {
			k := hmacstate.New(h, key)
			for _, text := range [][]byte{first, second, first} {
				want := plain(h, key, text)
				if got := hmacstate.Append(k, nil, text); !bytes.Equal(got, want) || !hmacstate.Equal(k, text, want) {
					t.Errorf("hash %d: the MAC of %x under %x is %x; want %x", n, text, key, got, want)
				}
			}
		}
	})
}
