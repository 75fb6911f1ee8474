package qr_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/qr"
)

// TestVectors has what the standard prints.
func TestVectors(t *testing.T) {
	// Annex I: the codewords of "01234567" in version 1-M.
	data, _ := hex.DecodeString("10200c566180ec11ec11ec11ec11ec11")
	if got := hex.EncodeToString(qr.Interleave(1, data)[16:]); got != "a524d4c1ed36c7872c55" {
		t.Errorf("error correction %s", got)
	}
	// Annex C: level M with mask 101, before the last XOR. Annex D: version 7.
	if got := 5<<10 | qr.Parity(5, 10, 0x537); got^0x5412 != 0b100000011001110 {
		t.Errorf("format %015b", got^0x5412)
	}
	if got := 7<<12 | qr.Parity(7, 12, 0x1f25); got != 0b000111110010010100 {
		t.Errorf("version %018b", got)
	}
	for version, want := range map[int][]int{ // annex E
		1: nil, 2: {6, 18}, 7: {6, 22, 38}, 14: {6, 26, 46, 66}, 32: {6, 34, 60, 86, 112, 138}, 36: {6, 24, 50, 76, 102, 128, 154}, 40: {6, 30, 58, 86, 114, 142, 170},
	} {
		if got := qr.Alignments(version); !slices.Equal(got, want) {
			t.Errorf("version %d: alignment patterns at %v, want %v", version, got, want)
		}
	}
	for version, want := range map[int]int{ // table 7
		1: 14, 2: 26, 3: 42, 4: 62, 5: 84, 6: 106, 7: 122, 8: 152, 9: 180, 10: 213, 15: 412, 20: 666, 27: 1125, 30: 1370, 40: 2331,
	} {
		if got := qr.Capacity(version); got != want {
			t.Errorf("version %d: %d bytes, want %d", version, got, want)
		}
	}
}

// TestPicture has a code that jsQR decodes: see interop.
func TestPicture(t *testing.T) {
	c, err := qr.Encode([]byte("guard"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for y := range c.Size() {
		for x := range c.Size() {
			if c.Dark(x, y) {
				got.WriteByte('#')
			} else {
				got.WriteByte('.')
			}
		}
		got.WriteByte('\n')
	}
	if got.String() != picture {
		t.Errorf("\n%s", &got)
	}
	if c.Dark(-1, 0) || c.Dark(0, -1) || c.Dark(c.Size(), 0) || c.Dark(0, c.Size()) {
		t.Error("the quiet zone is dark")
	}
}

const picture = `#######.##..#.#######
#.....#..#.##.#.....#
#.###.#.##.##.#.###.#
#.###.#....#..#.###.#
#.###.#..#.##.#.###.#
#.....#.#..##.#.....#
#######.#.#.#.#######
............#........
#.#...##.......#..#.#
.###.#..#.##.###.#.##
.#.#.####..###.##.#.#
.#.....##.##.###.#.##
.##.#.###.########..#
........###.........#
#######.#.....#...#.#
#.....#...#.#...##.#.
#.###.#..#....#.....#
#.###.#....#.##......
#.###.#.######.###.##
#.....#....#.##..#...
#######.#.#####.##..#
`

func TestSizes(t *testing.T) {
	for _, n := range []int{0, 1, 14, 15, 26, 27, 180, 181, 213, 214, 1125, 2331} {
		data := bytes.Repeat([]byte{'a', 0xff, 0}, n/3+1)[:n]
		c, err := qr.Encode(data)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got := decode(t, c); !bytes.Equal(got, data) {
			t.Errorf("%d bytes: decoded %q", n, got)
		}
	}
	if _, err := qr.Encode(make([]byte, 2332)); err == nil {
		t.Error("2332 bytes are encoded")
	}
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte("otpauth://totp/Acme:alice%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := qr.Encode(data)
		if err != nil {
			if len(data) <= 2331 {
				t.Error(err)
			}
			return
		}
		if got := decode(t, c); !bytes.Equal(got, data) {
			t.Errorf("%q: decoded %q", data, got)
		}
	})
}
