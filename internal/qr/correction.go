package qr

const maxVersion = 40

// The error correction codewords of a block, and the number of blocks, by version, at
// level M (table 9).
var (
	correctionOf = [maxVersion + 1]int{0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
		26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28}
	blocksOf = [maxVersion + 1]int{0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
		17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49}
)

// allCodewords is how many codewords a version has room for (table 1).
func allCodewords(version int) int {
	modules := (16*version+128)*version + 64
	if version >= 2 {
		n := version/7 + 2 // alignment patterns of a side
		modules -= (25*n-10)*n - 55
	}
	if version >= 7 {
		modules -= 36 // the version
	}
	return modules / 8
}

func dataCodewords(version int) int {
	return allCodewords(version) - correctionOf[version]*blocksOf[version]
}

// interleave divides data into blocks, and returns their codewords in turn, followed by
// those of their error correction (section 7.6).
func interleave(version int, data []byte) []byte {
	n, count := correctionOf[version], blocksOf[version]
	short, long := len(data)/count, len(data)%count // the last blocks have one codeword more
	divisor := generator(n)
	var blocks, corrections [][]byte
	for i := range count {
		size := short
		if i >= count-long {
			size++
		}
		blocks = append(blocks, data[:size])
		corrections = append(corrections, remainder(data[:size], divisor))
		data = data[size:]
	}
	var out []byte
	for i := range short + 1 {
		for _, b := range blocks {
			if i < len(b) {
				out = append(out, b[i])
			}
		}
	}
	for i := range n {
		for _, c := range corrections {
			out = append(out, c[i])
		}
	}
	return out
}

// generator returns the Reed-Solomon generator polynomial of a degree, without its
// first coefficient, which is 1 (annex A): the product of x - 2^i.
func generator(degree int) []byte {
	g := make([]byte, degree)
	g[degree-1] = 1
	root := byte(1)
	for range degree {
		for i := range g {
			g[i] = multiply(g[i], root)
			if i+1 < degree {
				g[i] ^= g[i+1]
			}
		}
		root = multiply(root, 2)
	}
	return g
}

// remainder returns the error correction codewords of a block.
func remainder(data, divisor []byte) []byte {
	out := make([]byte, len(divisor))
	for _, b := range data {
		factor := b ^ out[0]
		copy(out, out[1:])
		out[len(out)-1] = 0
		for i, d := range divisor {
			out[i] ^= multiply(d, factor)
		}
	}
	return out
}

// multiply multiplies in GF(256), modulo x^8 + x^4 + x^3 + x^2 + 1.
func multiply(a, b byte) byte {
	p := 0
	for i := 7; i >= 0; i-- {
		p = p<<1 ^ p>>7*0x11d
		p ^= int(b>>i&1) * int(a)
	}
	return byte(p)
}
