// Package qr encodes text as a QR code (ISO/IEC 18004): in byte mode, at error
// correction level M, in the smallest of the 40 versions.
package qr

import "fmt"

// A Code is a square of light and dark modules, without the quiet zone around it.
type Code struct {
	version int
	size    int
	dark    []bool // by rows
	fixed   []bool // the modules of patterns and of the format: no data and no mask
}

// Quiet is the width of the quiet zone that a reader needs around a Code, in modules.
const Quiet = 4

// Encode returns the code of data. Its error is that data has more than 2331 bytes.
func Encode(data []byte) (*Code, error) {
	version := 1
	for ; version <= maxVersion && len(data) > capacity(version); version++ {
	}
	if version > maxVersion {
		return nil, fmt.Errorf("qr: %d bytes, want at most %d", len(data), capacity(maxVersion))
	}
	c := newCode(version)
	c.place(interleave(version, codewords(version, data)))
	c.mask()
	return c, nil
}

// Size is the number of modules of a side.
func (c *Code) Size() int { return c.size }

// Dark reports whether the module in column x and row y is dark. Those outside of the
// code are light.
func (c *Code) Dark(x, y int) bool {
	return x >= 0 && y >= 0 && x < c.size && y < c.size && c.dark[y*c.size+x]
}

// capacity is how many bytes a version has room for.
func capacity(version int) int {
	return (8*dataCodewords(version) - 4 - lengthBits(version)) / 8
}

// lengthBits is the size of the number of bytes (table 3).
func lengthBits(version int) int {
	if version < 10 {
		return 8
	}
	return 16
}

// codewords returns the data codewords of data: the mode, the length, the bytes, a
// terminator and padding (section 7.4).
func codewords(version int, data []byte) []byte {
	n := dataCodewords(version)
	b := bits{make([]byte, 0, n), 0}
	b.append(0b0100, 4) // byte mode
	b.append(len(data), lengthBits(version))
	for _, c := range data {
		b.append(int(c), 8)
	}
	b.append(0, min(4, 8*n-b.n))
	b.append(0, (8-b.n%8)%8)
	for pad := 0xec; len(b.bytes) < n; pad ^= 0xec ^ 0x11 {
		b.append(pad, 8)
	}
	return b.bytes
}

// bits are n bits, the most significant of a byte first.
type bits struct {
	bytes []byte
	n     int
}

// append appends the last width bits of v.
func (b *bits) append(v, width int) {
	for i := width - 1; i >= 0; i-- {
		if b.n%8 == 0 {
			b.bytes = append(b.bytes, 0)
		}
		b.bytes[b.n/8] |= byte(v>>i&1) << (7 - b.n%8)
		b.n++
	}
}
