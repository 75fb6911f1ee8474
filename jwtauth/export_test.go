package jwtauth

// Shares is the number of subjects that a Memory has an entry of.
func (m *Memory) Shares() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.shares)
}
