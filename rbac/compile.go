package rbac

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A role is compiled: what it inherits is in it.
type role struct {
	grants   set // without what it denies
	denies   set // nil where it denies nothing
	id       int32
	includes []int32 // the ids of the roles that it includes, itself among them, ascending
}

// includesRole reports whether a holder of r has the role other, too.
func (r *role) includesRole(other *role) bool {
	_, found := slices.BinarySearch(r.includes, other.id)
	return found
}

func (r *role) isDenied(i int) bool { return r.denies != nil && r.denies.has(i) }

// A position is a place in a Spec, for the line in an error: the i-th element of a
// list of a role, or its name.
type position struct {
	role string
	list list
	i    int
}

// A list is a field of a Role, or its name, which is a list of one.
type list int

const (
	inName list = iota
	inGrants
	inDenies
	inInherits
	lists
)

// A compiler compiles the roles of one Spec. A role's id is the index of its name.
type compiler[Perm ~string] struct {
	*catalog[Perm]
	within   set                   // what the roles may grant and name; nil is everything
	locate   func(position) string // what a mistake there begins with, such as "line 3: "; may be nil
	mistakes *mistakes
	names    []string // sorted, for a stable order of mistakes
	compiled []role
	parents  [][]int32
	states   []state
	unions   [2][]int32 // storage
}

// A state is how far a role is resolved.
type state byte

const (
	untouched state = iota
	open            // some of what it inherits is not resolved
	done
	excessive // it includes too many roles
)

// compile compiles the roles of a policy. It adds every mistake to m.
func (c *catalog[Perm]) compile(roles map[string]Role[Perm], m *mistakes) map[string]*role {
	if len(roles) == 0 {
		m.add("the policy has no roles")
	}
	return (&compiler[Perm]{catalog: c, mistakes: m}).compile(roles)
}

// compile returns nothing useful where it adds a mistake. Its time is linear in the
// size of roles, and so is its memory, since a role includes at most maxIncluded.
func (c *compiler[Perm]) compile(roles map[string]Role[Perm]) map[string]*role {
	c.names = slices.Sorted(maps.Keys(roles))
	c.compiled, c.parents, c.states = make([]role, len(roles)), make([][]int32, len(roles)), make([]state, len(roles))
	ids := make(map[string]int32, len(roles))
	for i, name := range c.names {
		ids[name] = int32(i)
	}
	result := make(map[string]*role, len(roles))
	for i, name := range c.names {
		c.compileAlone(int32(i), roles[name], ids)
		result[name] = &c.compiled[i]
	}
	for i := range c.names {
		if c.states[i] == untouched {
			c.resolve(int32(i))
		}
	}
	return result
}

// compileAlone compiles a role without what it inherits.
func (c *compiler[Perm]) compileAlone(id int32, spec Role[Perm], ids map[string]int32) {
	name, r := c.names[id], &c.compiled[id]
	r.id = id
	if err := nameError("role", name); err != nil {
		c.fail(position{name, inName, 0}, "%v", err)
	}
	r.grants = newSet(len(c.list))
	c.expandAll(r.grants, position{name, inGrants, 0}, spec.Grants)
	if len(spec.Denies) > 0 {
		r.denies = newSet(len(c.list))
		c.expandAll(r.denies, position{name, inDenies, 0}, spec.Denies)
	}
	for i, parent := range spec.Inherits {
		if p, ok := ids[parent]; ok {
			c.parents[id] = append(c.parents[id], p)
		} else {
			c.fail(position{name, inInherits, i}, "role %s inherits the unknown role %s", quoted(name), quoted(parent))
		}
	}
}

func (c *compiler[Perm]) expandAll(s set, at position, perms []Perm) {
	for i, p := range perms {
		if err := c.expand(s, p, c.within); err != nil {
			at.i = i
			c.fail(at, "role %s: %v", quoted(at.role), err)
		} else if w, ok := c.wildcards[string(p)]; ok && at.list == inDenies {
			s.addSpan(w, nil) // also what the roles may not grant
		}
	}
}

// resolve resolves a role after all that it inherits. It does not recurse: a file
// must not decide how deep the stack is.
func (c *compiler[Perm]) resolve(id int32) {
	type step struct {
		id   int32
		next int // of its parents
	}
	path := []step{{id: id}} // each is inherited by the one before
	c.states[id] = open
	for len(path) > 0 && !c.mistakes.full() {
		top := &path[len(path)-1]
		if top.next == len(c.parents[top.id]) {
			c.include(top.id)
			path = path[:len(path)-1]
			continue
		}
		parent := c.parents[top.id][top.next]
		top.next++
		switch c.states[parent] {
		case untouched:
			c.states[parent] = open
			path = append(path, step{id: parent})
		case open:
			var cycle []string
			for _, s := range path[slices.IndexFunc(path, func(s step) bool { return s.id == parent }):] {
				cycle = append(cycle, c.names[s.id])
			}
			c.failCycle(cycle)
		}
	}
}

// maxIncluded bounds the roles in one: itself and those it inherits, at any depth.
// Without it the memory of n roles would be up to n*n.
const maxIncluded = 1000

// include adds to a role what its resolved parents have.
func (c *compiler[Perm]) include(id int32) {
	r, included, other := &c.compiled[id], append(c.unions[0][:0], id), c.unions[1]
	for _, p := range c.parents[id] {
		switch parent := &c.compiled[p]; c.states[p] {
		case excessive: // reported already
			c.states[id] = excessive
			return
		case done:
			r.grants = r.grants.addAll(parent.grants)
			r.denies = r.denies.addAll(parent.denies)
			included, other = union(other[:0], included, parent.includes), included
		}
		if len(included) > maxIncluded {
			c.states[id] = excessive
			c.fail(position{c.names[id], inName, 0}, "role %s includes more than %d roles", quoted(c.names[id]), maxIncluded)
			return
		}
	}
	r.grants.remove(r.denies)
	r.includes = slices.Clone(included)
	c.unions = [2][]int32{included, other}
	c.states[id] = done
}

// union appends to dst what is in a or b. All are ascending.
func union(dst, a, b []int32) []int32 {
	for len(a) > 0 && len(b) > 0 {
		next := min(a[0], b[0])
		dst = append(dst, next)
		if a[0] == next {
			a = a[1:]
		}
		if b[0] == next {
			b = b[1:]
		}
	}
	return append(append(dst, a...), b...)
}

func (c *compiler[Perm]) fail(at position, format string, args ...any) {
	location := ""
	if c.locate != nil && !c.mistakes.full() {
		location = c.locate(at)
	}
	c.mistakes.add("%s%s", location, fmt.Sprintf(format, args...))
}

// failCycle reports a cycle by the first names of it.
func (c *compiler[Perm]) failCycle(cycle []string) {
	const most = 8
	var texts []string
	for _, name := range cycle[:min(len(cycle), most)] {
		texts = append(texts, quoted(name))
	}
	if len(cycle) > most {
		texts = append(texts, fmt.Sprintf("%d more", len(cycle)-most))
	}
	c.fail(position{cycle[0], inName, 0}, "roles inherit each other: %s > %s", strings.Join(texts, " > "), quoted(cycle[0]))
}
