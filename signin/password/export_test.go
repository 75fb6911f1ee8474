package password

// Occupy takes one slot, and returns the function that releases it.
func (h *Hasher) Occupy() (release func()) {
	h.slots <- struct{}{}
	return h.release
}

// Dummy returns the encoding that is verified in place of an empty one.
func (h *Hasher) Dummy() string {
	if b, ok := h.dummy().(bcryptHash); ok {
		return b.encoded
	}
	return h.dummy().(argon2Hash).String()
}
