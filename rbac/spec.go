package rbac

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Spec is what a policy is built from.
type Spec[Perm ~string] struct {
	// Permissions are all that there are. A permission is printable ASCII
	// without spaces, quotes, backslashes or asterisks.
	Permissions []Perm
	// Roles are the roles by name.
	Roles map[string]Role[Perm]
}

// A Role is what those may do who have it.
type Role[Perm ~string] struct {
	// Grants are permissions, or wildcards: "posts:*" is every permission that
	// starts with "posts:" and "*" is all. One that grants nothing is a mistake.
	Grants []Perm
	// Inherits are other roles: who has this role has those too.
	Inherits []string
}

// Roles is a Spec of roles alone, for [Policy.RequireRole].
func Roles(names ...string) Spec[string] {
	s := Spec[string]{Roles: map[string]Role[string]{}}
	for _, n := range names {
		s.Roles[n] = Role[string]{}
	}
	return s
}

// A set holds permissions by their index.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s set) has(i int) bool { return s[uint(i)/64]>>(uint(i)%64)&1 != 0 }

func (s set) addAll(t set) {
	for i, w := range t {
		s[i] |= w
	}
}

// A role is compiled: with everything that it grants, and every role that it
// includes, itself first among them.
type role struct {
	grants   set
	includes map[string]bool
}

// A catalog is the declared permissions.
type catalog[Perm ~string] struct {
	list  []Perm
	index map[Perm]int
	// covers are, for each permission, the scopes that cover it: its name and
	// the wildcards above it.
	covers [][]string
}

func newCatalog[Perm ~string](list []Perm) (*catalog[Perm], error) {
	c := &catalog[Perm]{list: slices.Clone(list), index: make(map[Perm]int, len(list))}
	var errs []error
	for i, p := range list {
		if err := checkName("permission", string(p)); err != nil {
			errs = append(errs, err)
		}
		if _, twice := c.index[p]; twice {
			errs = append(errs, fmt.Errorf("rbac: permission %q is declared twice", p))
		}
		c.index[p] = i
		c.covers = append(c.covers, covering(string(p)))
	}
	return c, errors.Join(errs...)
}

// checkName: a permission may become a scope-token of a challenge (RFC 6749,
// section 3.3), and stands in messages.
func checkName(kind, name string) error {
	if name == "" {
		return fmt.Errorf("rbac: a %s without a name", kind)
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '*' {
			return fmt.Errorf("rbac: %s %q: only printable ASCII without spaces, quotes, backslashes and asterisks is a name", kind, name)
		}
	}
	return nil
}

const separators = ":./"

// covering is name and the wildcards that cover it.
func covering(name string) []string {
	list := []string{name}
	for i := len(name) - 1; i >= 0; i-- {
		if strings.IndexByte(separators, name[i]) >= 0 {
			list = append(list, name[:i+1]+"*")
		}
	}
	return append(list, "*")
}

// grant adds what g names to s.
func (c *catalog[Perm]) grant(s set, g Perm) error {
	if i, ok := c.index[g]; ok {
		s.add(i)
		return nil
	}
	prefix, wild := strings.CutSuffix(string(g), "*")
	if !wild {
		return fmt.Errorf("unknown permission %q", g)
	}
	if prefix != "" && strings.IndexByte(separators, prefix[len(prefix)-1]) < 0 {
		return fmt.Errorf("wildcard %q: an asterisk stands alone or behind one of %s", g, separators)
	}
	found := false
	for i, p := range c.list {
		if strings.HasPrefix(string(p), prefix) {
			s.add(i)
			found = true
		}
	}
	if !found {
		return fmt.Errorf("wildcard %q grants nothing", g)
	}
	return nil
}

// A mention is where a spec names something, for the line in an error: the
// i-th grant or inherited role of a role, or the role itself.
type mention struct {
	kind string // "role", "grant", "inherit"
	role string
	i    int
}

// compile builds the roles. Its error names every mistake, each behind what
// where says of its place.
func (c *catalog[Perm]) compile(roles map[string]Role[Perm], where func(mention) string) (map[string]*role, error) {
	if where == nil {
		where = func(mention) string { return "" }
	}
	var errs []error
	fail := func(m mention, format string, args ...any) {
		errs = append(errs, fmt.Errorf("rbac: %s%s", where(m), fmt.Sprintf(format, args...)))
	}
	names := slices.Sorted(maps.Keys(roles)) // errors in a stable order
	compiled := make(map[string]*role, len(roles))
	for _, name := range names {
		r := &role{grants: newSet(len(c.list)), includes: map[string]bool{name: true}}
		compiled[name] = r
		if err := checkName("role", name); err != nil {
			fail(mention{"role", name, 0}, "%s", strings.TrimPrefix(err.Error(), "rbac: "))
		}
		for i, g := range roles[name].Grants {
			if err := c.grant(r.grants, g); err != nil {
				fail(mention{"grant", name, i}, "role %q: %v", name, err)
			}
		}
		for i, parent := range roles[name].Inherits {
			if _, ok := roles[parent]; !ok {
				fail(mention{"inherit", name, i}, "role %q inherits the unknown role %q", name, parent)
			}
		}
	}
	for _, cycle := range inherit(names, roles, compiled) {
		fail(mention{"role", cycle[0], 0}, "roles inherit each other: %s", strings.Join(append(cycle, cycle[0]), " > "))
	}
	return compiled, errors.Join(errs...)
}

// inherit adds to each role what it inherits, and returns the cycles. It keeps
// its own stack: a file must not decide how deep ours grows.
func inherit[Perm ~string](names []string, roles map[string]Role[Perm], compiled map[string]*role) (cycles [][]string) {
	const (
		fresh = iota
		open
		done
	)
	type frame struct {
		name string
		next int
	}
	state := make(map[string]int, len(names))
	for _, start := range names {
		if state[start] != fresh {
			continue
		}
		stack := []frame{{start, 0}}
		state[start] = open
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			parents := roles[top.name].Inherits
			if top.next == len(parents) {
				state[top.name] = done
				stack = stack[:len(stack)-1]
				if len(stack) > 0 {
					compiled[stack[len(stack)-1].name].include(compiled[top.name])
				}
				continue
			}
			parent := parents[top.next]
			top.next++
			switch p, known := compiled[parent]; {
			case !known:
			case state[parent] == done:
				compiled[top.name].include(p)
			case state[parent] == fresh:
				state[parent] = open
				stack = append(stack, frame{parent, 0})
			default:
				var cycle []string
				for i := len(stack) - 1; i >= 0; i-- {
					cycle = append([]string{stack[i].name}, cycle...)
					if stack[i].name == parent {
						break
					}
				}
				cycles = append(cycles, cycle)
			}
		}
	}
	return cycles
}

func (r *role) include(p *role) {
	r.grants.addAll(p.grants)
	for name := range p.includes {
		r.includes[name] = true
	}
}
