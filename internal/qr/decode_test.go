package qr_test

import (
	"testing"

	"github.com/go-guard/guard/internal/qr"
)

// decode reads a code without errors: both formats agree, and each block is a multiple
// of the generator polynomial. It computes in GF(256) by tables, as the encoder does not.
func decode(t *testing.T, c *qr.Code) []byte {
	t.Helper()
	words := modules(c, formatOf(t, c)&7)
	version := (c.Size() - 17) / 4
	// Interleaved numbers show where each codeword of a block is.
	correction, blocks := shape(version)
	data := make([]byte, 0, len(words))
	short, long := (len(words)-correction*blocks)/blocks, (len(words)-correction*blocks)%blocks
	for i := range blocks {
		var block []byte
		for j := range short {
			block = append(block, words[j*blocks+i])
		}
		if n := i - (blocks - long); n >= 0 {
			block = append(block, words[short*blocks+n])
		}
		data = append(data, block...)
		for j := range correction {
			block = append(block, words[short*blocks+long+j*blocks+i])
		}
		for root := range correction {
			if s := evaluate(block, exponents[root]); s != 0 {
				t.Fatalf("block %d: syndrome %d is %d", i, root, s)
			}
		}
	}
	return payload(t, version, data)
}

// payload returns the bytes of the segment, and checks the padding.
func payload(t *testing.T, version int, data []byte) []byte {
	t.Helper()
	at := 0
	read := func(n int) (v int) {
		for range n {
			v = v<<1 | int(data[at/8]>>(7-at%8)&1)
			at++
		}
		return v
	}
	if mode := read(4); mode != 4 {
		t.Fatalf("mode %04b", mode)
	}
	width := 8
	if version > 9 {
		width = 16
	}
	out := make([]byte, read(width))
	for i := range out {
		out[i] = byte(read(8))
	}
	if left := 8*len(data) - at; left > 0 && read(min(4, left)) != 0 {
		t.Fatal("no terminator")
	}
	pad := (at + 7) / 8
	for i, b := range data[pad:] {
		if want := []byte{0xec, 0x11}[i%2]; b != want {
			t.Fatalf("padding %x, want %x", b, want)
		}
	}
	return out
}

// formatOf returns the format, of which the last 3 bits are the mask.
func formatOf(t *testing.T, c *qr.Code) int {
	t.Helper()
	around := [][2]int{{0, 8}, {1, 8}, {2, 8}, {3, 8}, {4, 8}, {5, 8}, {7, 8}, {8, 8}, {8, 7}, {8, 5}, {8, 4}, {8, 3}, {8, 2}, {8, 1}, {8, 0}}
	a, b := 0, 0
	for i, at := range around {
		x, y := c.Size()-15+i, 8
		if i < 7 {
			x, y = 8, c.Size()-1-i
		}
		a, b = a<<1, b<<1
		if c.Dark(at[0], at[1]) {
			a |= 1
		}
		if c.Dark(x, y) {
			b |= 1
		}
	}
	if a != b || !c.Dark(8, c.Size()-8) {
		t.Fatalf("formats %015b and %015b", a, b)
	}
	return (a ^ 0b101010000010010) >> 10
}

// modules returns the codewords, in the order in which they are placed.
func modules(c *qr.Code, mask int) (words []byte) {
	inverted := func(i, j int) bool { // row and column
		switch mask {
		case 0:
			return (i+j)%2 == 0
		case 1:
			return i%2 == 0
		case 2:
			return j%3 == 0
		case 3:
			return (i+j)%3 == 0
		case 4:
			return (i/2+j/3)%2 == 0
		case 5:
			return (i*j)%2+(i*j)%3 == 0
		case 6:
			return ((i*j)%2+(i*j)%3)%2 == 0
		}
		return ((i+j)%2+(i*j)%3)%2 == 0
	}
	n := 0
	up := true
	for x := c.Size() - 1; x > 0; x -= 2 {
		if x == 6 {
			x--
		}
		for k := range c.Size() {
			y := k
			if up {
				y = c.Size() - 1 - k
			}
			for _, x := range []int{x, x - 1} {
				if c.Fixed(x, y) {
					continue
				}
				if n%8 == 0 {
					words = append(words, 0)
				}
				if c.Dark(x, y) != inverted(y, x) {
					words[n/8] |= 0x80 >> (n % 8)
				}
				n++
			}
		}
		up = !up
	}
	return words[:n/8]
}

// shape returns the error correction codewords of a block and the number of blocks at
// level M, for the versions that the tests use: all, by what Interleave returns.
func shape(version int) (correction, blocks int) {
	data := make([]byte, qr.Capacity(version)+2) // mode and length
	if version > 9 {
		data = append(data, 0)
	}
	all := len(qr.Interleave(version, data))
	// One codeword that is not 0 changes the correction of its block alone.
	data[0] = 1
	changed := 0
	for _, b := range qr.Interleave(version, data)[len(data):] {
		if b != 0 {
			changed++
		}
	}
	return changed, (all - len(data)) / changed
}

var exponents, logarithms = func() (e [255]byte, l [256]int) {
	x := 1
	for i := range e {
		e[i] = byte(x)
		l[x] = i
		if x *= 2; x > 255 {
			x ^= 0x11d
		}
	}
	return e, l
}()

func evaluate(block []byte, x byte) (sum byte) {
	for _, b := range block {
		if sum != 0 {
			sum = exponents[(logarithms[sum]+logarithms[x])%255]
		}
		sum ^= b
	}
	return sum
}
