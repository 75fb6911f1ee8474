package password

// Occupy takes the room for one hash and returns what gives it back.
func (h *Hasher) Occupy() (release func()) {
	h.slots <- struct{}{}
	return h.release
}

// Dummy is what an empty encoding stands for.
func (h *Hasher) Dummy() string { return h.dummy() }
