package rbac

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ParseJSON reads the roles of a policy:
//
//	{"roles": {
//		"admin":     {"grants": ["users:*"], "inherits": ["moderator"]},
//		"moderator": {"grants": ["posts:delete"]}
//	}}
//
// Unknown and repeated names are errors, and so is every permission that is not
// among permissions, with its line. The Spec is for New and Swap.
func ParseJSON[Perm ~string](data []byte, permissions []Perm) (Spec[Perm], error) {
	f := newFile(permissions)
	p := jsonParser{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.object(func(key string) {
		if key != "roles" {
			p.fail("unknown name %q; want \"roles\"", key)
			return
		}
		p.object(func(name string) {
			f.lines[mention{"role", name, 0}] = p.line()
			var r Role[Perm]
			p.object(func(field string) {
				switch field {
				case "grants":
					p.strings(func(i int, s string) {
						f.lines[mention{"grant", name, i}] = p.line()
						r.Grants = append(r.Grants, Perm(s))
					})
				case "inherits":
					p.strings(func(i int, s string) {
						f.lines[mention{"inherit", name, i}] = p.line()
						r.Inherits = append(r.Inherits, s)
					})
				default:
					p.fail("unknown name %q; want \"grants\" or \"inherits\"", field)
				}
			})
			f.roles[name] = r
		})
	})
	p.end()
	if p.err != nil {
		return Spec[Perm]{}, p.err
	}
	return f.spec()
}

// ParseCSV reads the roles of a policy, one a line, with lists separated by
// spaces:
//
//	role,grants,inherits
//	admin,users:*,moderator
//	moderator,posts:delete posts:write,
//
// Lines that start with # are comments. Errors are as with [ParseJSON].
func ParseCSV[Perm ~string](data []byte, permissions []Perm) (Spec[Perm], error) {
	f := newFile(permissions)
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))) // spreadsheets write a byte order mark
	c.Comment = '#'
	c.FieldsPerRecord = 3
	for first := true; ; first = false {
		row, err := c.Read()
		if err == io.EOF && !first {
			return f.spec()
		}
		if err == io.EOF {
			return Spec[Perm]{}, errors.New("rbac: no header; want role,grants,inherits")
		}
		if err != nil { // a *csv.ParseError, which names the line
			return Spec[Perm]{}, fmt.Errorf("rbac: %w", err)
		}
		line, _ := c.FieldPos(0)
		if first {
			if !slices.Equal(row, []string{"role", "grants", "inherits"}) {
				return Spec[Perm]{}, fmt.Errorf("rbac: line %d: header %q; want role,grants,inherits", line, strings.Join(row, ","))
			}
			continue
		}
		f.add(line, row[0], strings.Fields(row[1]), strings.Fields(row[2]))
	}
}

// Parse reads the roles of a policy in any format that unmarshal decodes into a
// *map[string]any, such as YAML: the names are those of [ParseJSON]. Lines in
// errors are those where the name in question stands.
func Parse[Perm ~string](data []byte, unmarshal func(data []byte, v any) error, permissions []Perm) (Spec[Perm], error) {
	var doc map[string]any
	if unmarshal == nil {
		return Spec[Perm]{}, errors.New("rbac: the function to unmarshal is nil")
	}
	if err := unmarshal(data, &doc); err != nil {
		return Spec[Perm]{}, fmt.Errorf("rbac: %w", err)
	}
	f := newFile(permissions)
	d := decoder{data: data}
	for name, v := range d.object("the file", doc, "roles") {
		if name != "roles" {
			continue
		}
		for role, v := range d.object("roles", v) {
			fields := d.object(fmt.Sprintf("role %q", role), v, "grants", "inherits")
			f.lines[mention{"role", role, 0}] = d.line(role)
			var r Role[Perm]
			for i, g := range d.strings(role, "grants", fields["grants"]) {
				f.lines[mention{"grant", role, i}] = d.line(g)
				r.Grants = append(r.Grants, Perm(g))
			}
			for i, parent := range d.strings(role, "inherits", fields["inherits"]) {
				f.lines[mention{"inherit", role, i}] = d.line(parent)
				r.Inherits = append(r.Inherits, parent)
			}
			f.roles[role] = r
		}
	}
	if d.errs != nil {
		return Spec[Perm]{}, errors.Join(d.errs...)
	}
	return f.spec()
}

// A file is a spec with the lines of what it mentions.
type file[Perm ~string] struct {
	permissions []Perm
	roles       map[string]Role[Perm]
	lines       map[mention]int
	errs        []error
}

func newFile[Perm ~string](permissions []Perm) *file[Perm] {
	return &file[Perm]{slices.Clone(permissions), map[string]Role[Perm]{}, map[mention]int{}, nil}
}

func (f *file[Perm]) add(line int, name string, grants, inherits []string) {
	if _, twice := f.roles[name]; twice {
		f.errs = append(f.errs, fmt.Errorf("rbac: line %d: role %q is there twice", line, name))
	}
	f.lines[mention{"role", name, 0}] = line
	var r Role[Perm]
	for i, g := range grants {
		f.lines[mention{"grant", name, i}] = line
		r.Grants = append(r.Grants, Perm(g))
	}
	for i := range inherits {
		f.lines[mention{"inherit", name, i}] = line
	}
	r.Inherits = inherits
	f.roles[name] = r
}

// spec checks the file as New would, while the lines are known.
func (f *file[Perm]) spec() (Spec[Perm], error) {
	c, err := newCatalog(f.permissions)
	errs := append(f.errs, err)
	_, err = c.compile(f.roles, func(m mention) string {
		if line := f.lines[m]; line > 0 {
			return fmt.Sprintf("line %d: ", line)
		}
		return ""
	})
	errs = append(errs, err)
	if len(f.roles) == 0 {
		errs = append(errs, errors.New("rbac: a policy without roles"))
	}
	if err := errors.Join(errs...); err != nil {
		return Spec[Perm]{}, err
	}
	return Spec[Perm]{f.permissions, f.roles}, nil
}
