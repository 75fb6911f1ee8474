package rbac

// A set holds permissions by their index.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s set) has(i int) bool { return s[uint(i)/64]>>(uint(i)%64)&1 != 0 }

// addSpan adds the permissions of p that are in within, nil for all, and reports
// whether there are any.
func (s set) addSpan(p span, within set) (added bool) {
	const all = ^uint64(0)
	first, last := p.begin/64, (p.end-1)/64
	for i := first; i <= last; i++ {
		bits := all
		if i == first {
			bits &= all << (p.begin % 64)
		}
		if i == last {
			bits &= all >> (63 - (p.end-1)%64)
		}
		if within != nil {
			bits &= within[i]
		}
		s[i] |= bits
		added = added || bits != 0
	}
	return added
}

// addAll adds t, which may be nil, and returns the sum: s, or a copy of t where s
// is nil.
func (s set) addAll(t set) set {
	if s == nil {
		return append(s, t...)
	}
	for i, bits := range t {
		s[i] |= bits
	}
	return s
}

// remove removes t, which may be nil.
func (s set) remove(t set) {
	for i, bits := range t {
		s[i] &^= bits
	}
}

// keep removes what is not in t.
func (s set) keep(t set) {
	for i, bits := range t {
		s[i] &= bits
	}
}

// within reports whether t holds all of s.
func (s set) within(t set) bool {
	for i, bits := range s {
		if bits&^t[i] != 0 {
			return false
		}
	}
	return true
}

func (s set) isEmpty() bool {
	for _, bits := range s {
		if bits != 0 {
			return false
		}
	}
	return true
}
