package sealed_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/sealed"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, sealed.MinKey) }

func newBox(t *testing.T, purpose string, keys ...[]byte) sealed.Box {
	t.Helper()
	b, err := sealed.New(purpose, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpen(t *testing.T) {
	b := newBox(t, "p", key(1))
	for _, plain := range []string{"", "a", strings.Repeat("x", 4000)} {
		text := b.Seal([]byte(plain), "c")
		if got, ok := b.Open(text, "c"); !ok || string(got) != plain {
			t.Errorf("Open = %.20q, %t", got, ok)
		}
		if text == b.Seal([]byte(plain), "c") {
			t.Error("two seals are equal")
		}
		for name, other := range map[string]struct {
			box           sealed.Box
			text, context string
		}{
			"another context": {b, text, "d"}, "no context": {b, text, ""}, "another purpose": {newBox(t, "q", key(1)), text, "c"},
			"another key": {newBox(t, "p", key(2)), text, "c"}, "zero": {sealed.Box{}, text, "c"}, "padded": {b, text + "=", "c"},
			"a line end": {b, text + "\n", "c"}, "short": {b, text[:len(text)-1], "c"}, "long": {b, text + "A", "c"}, "none": {b, "", "c"},
			"changed": {b, flip(text), "c"},
		} {
			if got, ok := other.box.Open(other.text, other.context); ok {
				t.Errorf("%s: %.20q", name, got)
			}
		}
	}
}

func flip(text string) string {
	b := []byte(text)
	b[len(b)/2] ^= 'A' ^ 'B'
	return string(b)
}

// TestOneSpelling: bits that the last character does not use are zero.
func TestOneSpelling(t *testing.T) {
	b := newBox(t, "p", key(1))
	text := b.Seal([]byte("abc"), "")
	opened := 0
	for c := byte('-'); c <= 'z'; c++ {
		if _, ok := b.Open(text[:len(text)-1]+string(c), ""); ok {
			opened++
		}
	}
	if opened != 1 {
		t.Errorf("%d spellings open", opened)
	}
}

func TestRotation(t *testing.T) {
	older, newer, both := newBox(t, "p", key(1)), newBox(t, "p", key(2)), newBox(t, "p", key(2), key(1))
	if _, ok := both.Open(older.Seal(nil, ""), ""); !ok {
		t.Error("what the old key sealed does not open")
	}
	if _, ok := newer.Open(both.Seal(nil, ""), ""); !ok {
		t.Error("the new key does not seal")
	}
}

func TestKeys(t *testing.T) {
	if _, err := sealed.New[[]byte]("p"); err == nil {
		t.Error("no key is no error")
	}
	_, err := sealed.New("p", key(1), nil, key(1)[1:])
	if want := "key 2 has 0 bytes, want at least 32\nkey 3 has 31 bytes, want at least 32"; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	// One that was never filled is known to everyone.
	_, err = sealed.New("p", key(1), make([]byte, 32), make([]byte, 33))
	if want := "key 2 has zeros only: fill it from crypto/rand\nkey 3 has zeros only: fill it from crypto/rand"; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}
