package rbac

import (
	"errors"
	"fmt"
	"slices"
)

// ParseJSON reads the roles of a policy, for New and Swap:
//
//	{"roles": {
//		"admin":     {"grants": ["users:*"], "inherits": ["moderator"]},
//		"moderator": {"grants": ["posts:delete"]}
//	}}
//
// permissions are those that the policy declares. Every mistake that New would
// report is an error with its line, and so are unknown and repeated names.
func ParseJSON[Perm ~string](data []byte, permissions []Perm) (Spec[Perm], error) {
	f := &file[Perm]{permissions: slices.Clone(permissions), roles: map[string]Role[Perm]{}, lines: map[position]int{}}
	d := newJSONReader(data)
	d.object(func(name string) {
		if name != "roles" {
			d.fail("unknown name %q; want \"roles\"", name)
			return
		}
		d.object(func(role string) { f.readRole(d, role) })
	})
	d.end()
	if d.err != nil {
		return Spec[Perm]{}, d.err
	}
	return f.spec()
}

// A file is a Spec with the lines of its roles, grants and inherited roles.
type file[Perm ~string] struct {
	permissions []Perm
	roles       map[string]Role[Perm]
	lines       map[position]int
}

func (f *file[Perm]) readRole(d *jsonReader, name string) {
	f.lines[position{"role", name, 0}] = d.line()
	var r Role[Perm]
	d.object(func(field string) {
		switch field {
		case "grants":
			d.strings(func(i int, s string) {
				f.lines[position{"grant", name, i}] = d.line()
				r.Grants = append(r.Grants, Perm(s))
			})
		case "inherits":
			d.strings(func(i int, s string) {
				f.lines[position{"inherit", name, i}] = d.line()
				r.Inherits = append(r.Inherits, s)
			})
		default:
			d.fail("unknown name %q; want \"grants\" or \"inherits\"", field)
		}
	})
	f.roles[name] = r
}

// spec compiles the file, while the lines for errors are known.
func (f *file[Perm]) spec() (Spec[Perm], error) {
	c, declarationErr := newCatalog(f.permissions)
	_, rolesErr := c.compile(f.roles, func(at position) string {
		if line := f.lines[at]; line > 0 {
			return fmt.Sprintf("line %d: ", line)
		}
		return ""
	})
	if err := errors.Join(declarationErr, rolesErr); err != nil {
		return Spec[Perm]{}, err
	}
	return Spec[Perm]{f.permissions, f.roles}, nil
}
