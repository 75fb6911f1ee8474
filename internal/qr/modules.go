package qr

// newCode returns a code with all patterns and the version, and without data.
func newCode(version int) *Code {
	size := 4*version + 17
	c := &Code{version: version, size: size, dark: make([]bool, size*size), fixed: make([]bool, size*size)}
	for i := range size { // timing patterns
		c.set(6, i, i%2 == 0)
		c.set(i, 6, i%2 == 0)
	}
	c.finder(3, 3)
	c.finder(size-4, 3)
	c.finder(3, size-4)
	at := alignments(version)
	for i, x := range at {
		for j, y := range at {
			if last := len(at) - 1; i == 0 && j == 0 || i == 0 && j == last || i == last && j == 0 {
				continue // a finder is there
			}
			c.square(x, y, 2, func(distance int) bool { return distance != 1 })
		}
	}
	c.format(0) // reserves the modules
	c.writeVersion()
	return c
}

// set sets a module that belongs to no data.
func (c *Code) set(x, y int, dark bool) {
	c.dark[y*c.size+x], c.fixed[y*c.size+x] = dark, true
}

// square sets the modules up to a distance from the centre, as far as they are inside.
func (c *Code) square(x, y, radius int, dark func(distance int) bool) {
	for dy := -radius; dy <= radius; dy++ {
		for dx := -radius; dx <= radius; dx++ {
			if x, y := x+dx, y+dy; x >= 0 && y >= 0 && x < c.size && y < c.size {
				c.set(x, y, dark(max(dx, -dx, dy, -dy)))
			}
		}
	}
}

// finder sets a finder pattern and the separator around it.
func (c *Code) finder(x, y int) {
	c.square(x, y, 4, func(distance int) bool { return distance != 2 && distance != 4 })
}

// alignments are the rows and columns of alignment patterns (annex E).
func alignments(version int) []int {
	if version == 1 {
		return nil
	}
	n := version/7 + 2
	step := (version*8 + n*3 + 5) / (n*4 - 4) * 2
	at := make([]int, n)
	at[0] = 6
	for i := 1; i < n; i++ {
		at[i] = 4*version + 10 - (n-1-i)*step
	}
	return at
}

// format writes the format: level M, whose bits are 00, and the mask (section 7.9).
func (c *Code) format(mask int) {
	v := (mask<<10 | parity(mask, 10, 0x537)) ^ 0x5412
	for i := range 15 {
		dark := v>>i&1 == 1
		switch { // around the first finder
		case i < 6:
			c.set(8, i, dark)
		case i < 8:
			c.set(8, i+1, dark)
		case i == 8:
			c.set(7, 8, dark)
		default:
			c.set(14-i, 8, dark)
		}
		if i < 8 { // beside the others
			c.set(c.size-1-i, 8, dark)
		} else {
			c.set(8, c.size-15+i, dark)
		}
	}
	c.set(8, c.size-8, true)
}

// writeVersion writes the version, which codes from 7 on have (section 7.10).
func (c *Code) writeVersion() {
	if c.version < 7 {
		return
	}
	v := c.version<<12 | parity(c.version, 12, 0x1f25)
	for i := range 18 {
		a, b := c.size-11+i%3, i/3
		c.set(a, b, v>>i&1 == 1)
		c.set(b, a, v>>i&1 == 1)
	}
}

// parity returns the remainder of v times x^degree by a BCH generator of that degree.
func parity(v, degree, generator int) int {
	r := v
	for range degree {
		r = r<<1 ^ r>>(degree-1)*generator
	}
	return r
}

// place writes the codewords in pairs of columns from the right, upwards and downwards
// in turn (section 7.7.3). What remains stays light.
func (c *Code) place(codewords []byte) {
	i := 0
	for right := c.size - 1; right >= 1; right -= 2 {
		if right == 6 { // the timing pattern
			right = 5
		}
		upward := (right+1)&2 == 0
		for row := range c.size {
			y := row
			if upward {
				y = c.size - 1 - row
			}
			for x := right; x > right-2; x-- {
				if !c.fixed[y*c.size+x] && i < 8*len(codewords) {
					c.dark[y*c.size+x] = codewords[i/8]>>(7-i%8)&1 == 1
					i++
				}
			}
		}
	}
}
