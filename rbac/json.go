package rbac

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-guard/guard/internal/strictjson"
)

// ParseJSON reads the roles of a policy or a tenant, for New, Swap and SwapIn:
//
//	{"roles": {
//		"admin":     {"grants": ["users:*"], "denies": ["users:delete"], "inherits": ["moderator"]},
//		"moderator": {"grants": ["posts:delete"]}
//	}}
//
// permissions are those that the policy declares, or for SwapIn those of them that
// a tenant's roles may grant. The first 20 mistakes that New would report are errors
// with their lines, and so are unknown and repeated names. A file of no roles,
// {"roles": {}}, is for SwapIn alone.
func ParseJSON[Perm ~string](data []byte, permissions []Perm) (Spec[Perm], error) {
	f := &file[Perm]{data: data, permissions: slices.Clone(permissions), offsets: map[string]*[lists][]int{}}
	if !f.scanner.Read(data, nil, strictjson.VisitorFunc(f.top), len(data)) {
		return Spec[Perm]{}, f.mistake()
	}
	return f.spec()
}

// A file is a Spec with the places of its names.
type file[Perm ~string] struct {
	data        []byte
	scanner     strictjson.Scanner
	rejected    error // why the file itself stopped the scan
	permissions []Perm
	roles       map[string]Role[Perm]    // nil where the file has none
	offsets     map[string]*[lists][]int // of each role's names
}

func (f *file[Perm]) top(s *strictjson.Scanner, m strictjson.Member) bool {
	if string(m.Name) != "roles" {
		return f.reject(m.Offset, "unknown name %s; want \"roles\"", quoted(string(m.Name)))
	}
	f.roles = map[string]Role[Perm]{}
	return f.object(s, f.role)
}

func (f *file[Perm]) role(s *strictjson.Scanner, m strictjson.Member) bool {
	name := string(m.Name)
	offsets := &[lists][]int{inName: {m.Offset}}
	f.offsets[name] = offsets
	var r Role[Perm]
	read := f.object(s, func(s *strictjson.Scanner, m strictjson.Member) bool {
		switch string(m.Name) {
		case "grants":
			return f.texts(s, &offsets[inGrants], func(text string) { r.Grants = append(r.Grants, Perm(text)) })
		case "denies":
			return f.texts(s, &offsets[inDenies], func(text string) { r.Denies = append(r.Denies, Perm(text)) })
		case "inherits":
			return f.texts(s, &offsets[inInherits], func(text string) { r.Inherits = append(r.Inherits, text) })
		}
		return f.reject(m.Offset, "unknown name %s; want \"grants\", \"denies\" or \"inherits\"", quoted(string(m.Name)))
	})
	f.roles[name] = r
	return read
}

// object reads the members of an object.
func (f *file[Perm]) object(s *strictjson.Scanner, member strictjson.VisitorFunc) bool {
	if s.Kind() != '{' {
		return f.reject(s.Offset(), "got %s; want an object", kindName(s.Kind()))
	}
	s.Object(nil, member)
	return true
}

// texts reads an array of strings, and appends where each is to offsets.
func (f *file[Perm]) texts(s *strictjson.Scanner, offsets *[]int, element func(text string)) bool {
	if s.Kind() != '[' {
		return f.reject(s.Offset(), "got %s; want an array", kindName(s.Kind()))
	}
	s.Array(nil, func(*strictjson.Shape) {
		if s.Kind() != '"' {
			f.reject(s.Offset(), "got %s; want a string", kindName(s.Kind()))
			s.Skip(nil) // which refuses what is not a value
			return
		}
		*offsets = append(*offsets, s.Offset())
		element(string(s.Text()))
	})
	return true
}

// reject stops the scan with a mistake of the file, unless it ends there or is
// not JSON.
func (f *file[Perm]) reject(offset int, format string, args ...any) bool {
	if kind := f.scanner.Kind(); f.rejected == nil && kind != -1 {
		f.rejected = fmt.Errorf("rbac: line %d: %s", strictjson.Line(f.data, offset), fmt.Sprintf(format, args...))
		f.scanner.Reject()
	}
	return false
}

// mistake is why the scan stopped.
func (f *file[Perm]) mistake() error {
	if f.rejected != nil {
		return f.rejected
	}
	e := f.scanner.Err()
	text := ""
	switch e.Reason {
	case strictjson.Repeated:
		text = fmt.Sprintf("repeated name %s", quoted(e.Name(f.data)))
	case strictjson.Trailing:
		text = "unexpected data after the object"
	case strictjson.Syntax:
		switch rest := f.data[e.Offset:]; {
		case len(rest) == 0:
			text = "the file ends too early"
		case len(bytes.TrimSpace(f.data[:e.Offset])) == 0 && bytes.IndexByte([]byte(`["tfn0123456789-`), rest[0]) >= 0:
			text = fmt.Sprintf("got %s; want an object", kindName(rune(rest[0]))) // the outermost value
		default:
			text = "invalid character"
		}
	default:
		text = e.Error()
	}
	return fmt.Errorf("rbac: line %d: %s", strictjson.Line(f.data, e.Offset), text)
}

// kindName names a value by its first byte.
func kindName(first rune) string {
	switch first {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// spec compiles the file, while the places for errors are known.
func (f *file[Perm]) spec() (Spec[Perm], error) {
	m := &mistakes{}
	c := newCatalog(f.permissions, m)
	if f.roles == nil {
		m.add(`the file has no "roles"`)
	}
	(&compiler[Perm]{catalog: c, mistakes: m, locate: func(at position) string {
		return fmt.Sprintf("line %d: ", strictjson.Line(f.data, f.offsets[at.role][at.list][at.i]))
	}}).compile(f.roles)
	if err := m.err(); err != nil {
		return Spec[Perm]{}, err
	}
	return Spec[Perm]{f.permissions, f.roles}, nil
}
