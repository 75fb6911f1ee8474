package qr

// masks are the conditions under which a module is inverted (table 10).
var masks = [8]func(x, y int) bool{
	func(x, y int) bool { return (x+y)%2 == 0 },
	func(_, y int) bool { return y%2 == 0 },
	func(x, _ int) bool { return x%3 == 0 },
	func(x, y int) bool { return (x+y)%3 == 0 },
	func(x, y int) bool { return (x/3+y/2)%2 == 0 },
	func(x, y int) bool { return x*y%2+x*y%3 == 0 },
	func(x, y int) bool { return (x*y%2+x*y%3)%2 == 0 },
	func(x, y int) bool { return ((x+y)%2+x*y%3)%2 == 0 },
}

// mask applies the mask with the lowest penalty (section 7.8).
func (c *Code) mask() {
	best, lowest := 0, int(^uint(0)>>1)
	for m := range masks {
		c.invert(m)
		if p := c.penalty(); p < lowest {
			best, lowest = m, p
		}
		c.invert(m)
	}
	c.invert(best)
}

// invert applies a mask to the data, which a second call undoes, and writes the format.
func (c *Code) invert(mask int) {
	c.format(mask)
	for y := range c.size {
		for x := range c.size {
			if i := y*c.size + x; !c.fixed[i] && masks[mask](x, y) {
				c.dark[i] = !c.dark[i]
			}
		}
	}
}

// penalty is how hard the code is to read (table 11).
func (c *Code) penalty() int {
	total, dark := 0, 0
	for i := range c.size {
		total += c.linePenalty(func(j int) bool { return c.Dark(j, i) }) + c.linePenalty(func(j int) bool { return c.Dark(i, j) })
		for j := range c.size {
			d := c.Dark(i, j)
			if d {
				dark++
			}
			if i+1 < c.size && j+1 < c.size && c.Dark(i+1, j) == d && c.Dark(i, j+1) == d && c.Dark(i+1, j+1) == d {
				total += 3
			}
		}
	}
	all := c.size * c.size
	return total + 10*(max(20*dark-10*all, 10*all-20*dark)/all) // for each 5 % from one half
}

// linePenalty is the penalty of a row or column: for runs of one colour, and for what
// looks like a finder, with four light modules on either side.
func (c *Code) linePenalty(dark func(int) bool) (total int) {
	run := 0
	for i := range c.size {
		if i > 0 && dark(i) == dark(i-1) {
			run++
		} else {
			run = 1
		}
		switch {
		case run == 5:
			total += 3
		case run > 5:
			total++
		}
	}
	pattern := [7]bool{true, false, true, true, true, false, true}
	for i := range c.size - 6 {
		matches := true
		for j, want := range pattern {
			matches = matches && dark(i+j) == want
		}
		if matches && (light(dark, i-4, i, c.size) || light(dark, i+7, i+11, c.size)) {
			total += 40
		}
	}
	return total
}

// light reports whether all modules from i to j are light. Those outside are.
func light(dark func(int) bool, i, j, size int) bool {
	for ; i < j; i++ {
		if i >= 0 && i < size && dark(i) {
			return false
		}
	}
	return true
}
