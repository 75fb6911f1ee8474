package qr

var (
	Interleave = interleave
	Alignments = alignments
	Capacity   = capacity
	Parity     = parity
)

// Fixed reports whether a module belongs to no data.
func (c *Code) Fixed(x, y int) bool { return c.fixed[y*c.size+x] }
