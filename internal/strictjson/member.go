package strictjson

// A Visitor receives the members of an object. Member either reads the value,
// which begins at the Scanner's cursor, by one call of Text, Number, Object,
// Array or Skip, and returns true; or it returns false, and the Scanner skips the
// value. Either way the value is read strictly.
type Visitor interface {
	Member(s *Scanner, m Member) (read bool)
}

// VisitorFunc is a function that is a Visitor.
type VisitorFunc func(s *Scanner, m Member) (read bool)

// Member calls f.
func (f VisitorFunc) Member(s *Scanner, m Member) bool { return f(s, m) }

// A Member is a member of an object, in front of its value.
type Member struct {
	Name   []byte // without escapes; part of the data where it has none
	Shape  *Shape // of the value
	Offset int    // where the name's quote is
}

// A nameSet holds the names of one object's members: a dozen without a map.
type nameSet struct {
	few  [12][]byte
	n    int
	many map[string]bool
}

// add reports whether name is new.
func (n *nameSet) add(name []byte) bool {
	if n.n < len(n.few) {
		for _, have := range n.few[:n.n] {
			if string(have) == string(name) {
				return false
			}
		}
		n.few[n.n] = name
		n.n++
		return true
	}
	if n.many == nil {
		n.many = make(map[string]bool, 2*len(n.few))
		for _, have := range n.few {
			n.many[string(have)] = true
		}
	}
	if n.many[string(name)] {
		return false
	}
	n.many[string(name)] = true
	return true
}
