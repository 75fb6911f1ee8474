package rbac

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A role is compiled: it holds everything that it grants and the names of the
// roles that it includes, itself among them.
type role struct {
	grants   set
	includes map[string]bool
	levels   int // of inheritance, itself the first; 0 until it is resolved
}

func (r *role) include(parent *role) {
	r.grants.addAll(parent.grants)
	maps.Copy(r.includes, parent.includes)
}

// A position is a place in a Spec, for the line in an error: a role, or the i-th
// element of its Grants or Inherits.
type position struct {
	kind string // "role", "grant" or "inherit"
	role string
	i    int
}

// compile compiles roles. The error reports every mistake; each follows what
// locate returns for its position, such as "line 3: ". locate may be nil.
func (c *catalog[Perm]) compile(roles map[string]Role[Perm], locate func(position) string) (map[string]*role, error) {
	var errs []error
	if len(roles) == 0 {
		errs = append(errs, errors.New("rbac: the policy has no roles"))
	}
	h := &hierarchy[Perm]{roles: roles, compiled: make(map[string]*role, len(roles))}
	h.fail = func(at position, format string, args ...any) {
		location := ""
		if locate != nil {
			location = locate(at)
		}
		errs = append(errs, fmt.Errorf("rbac: %s%s", location, fmt.Sprintf(format, args...)))
	}
	names := slices.Sorted(maps.Keys(roles)) // for a stable order of errors
	for _, name := range names {
		h.compiled[name] = c.compileGrants(name, roles, h.fail)
	}
	for _, name := range names {
		h.resolve(name)
	}
	return h.compiled, errors.Join(errs...)
}

// compileGrants compiles a role without what it inherits.
func (c *catalog[Perm]) compileGrants(name string, roles map[string]Role[Perm], fail func(position, string, ...any)) *role {
	r := &role{grants: newSet(len(c.list)), includes: map[string]bool{name: true}}
	if err := checkName("role", name); err != nil {
		fail(position{"role", name, 0}, "%v", err)
	}
	for i, g := range roles[name].Grants {
		if err := c.expand(r.grants, g); err != nil {
			fail(position{"grant", name, i}, "role %q: %v", name, err)
		}
	}
	for i, parent := range roles[name].Inherits {
		if _, ok := roles[parent]; !ok {
			fail(position{"inherit", name, i}, "role %q inherits the unknown role %q", name, parent)
		}
	}
	return r
}

const (
	maxLevels     = 64            // a limit, because a file must not decide how deep resolve recurses
	tooManyLevels = maxLevels + 1 // or more
)

// A hierarchy resolves the inheritance of compiled roles.
type hierarchy[Perm ~string] struct {
	roles    map[string]Role[Perm]
	compiled map[string]*role
	path     []string // the roles that are being resolved, each inherited by the one before
	fail     func(at position, format string, args ...any)
}

// resolve adds to the role what it inherits, and returns its levels. It reports
// each cycle, and the roles with too many levels; a role that inherits one of
// those is not reported again.
func (h *hierarchy[Perm]) resolve(name string) (levels int) {
	r := h.compiled[name]
	if r.levels > 0 {
		return r.levels
	}
	if len(h.path) == maxLevels {
		h.failLevels(h.path[0])
		return tooManyLevels
	}
	h.path = append(h.path, name)
	levels = 1
	for _, parent := range h.roles[name].Inherits {
		p, defined := h.compiled[parent]
		if !defined {
			continue // reported by compileGrants
		}
		if i := slices.Index(h.path, parent); i >= 0 {
			h.failCycle(h.path[i:])
			continue
		}
		above := h.resolve(parent)
		if above == maxLevels {
			h.failLevels(name)
		}
		levels = max(levels, min(above+1, tooManyLevels))
		if levels < tooManyLevels {
			r.include(p)
		}
	}
	h.path = h.path[:len(h.path)-1]
	r.levels = levels
	return levels
}

func (h *hierarchy[Perm]) failLevels(name string) {
	if h.compiled[name].levels == tooManyLevels {
		return // reported already
	}
	h.compiled[name].levels = tooManyLevels
	h.fail(position{"role", name, 0}, "role %q inherits through more than %d levels", name, maxLevels)
}

func (h *hierarchy[Perm]) failCycle(cycle []string) {
	h.fail(position{"role", cycle[0], 0}, "roles inherit each other: %s > %s", strings.Join(cycle, " > "), cycle[0])
}
