package rbac

import (
	"fmt"
	"slices"
	"strings"
)

// A catalog is the declared permissions. A permission is known by its index in
// the sorted list, in which each wildcard matches neighbours.
type catalog[Perm ~string] struct {
	declared  []Perm // in the order of their declaration
	list      []Perm // sorted
	index     map[Perm]int
	wildcards map[string]span // that match a permission
	messages  []string        // for each permission, the message of a refusal
}

// A span is the permissions from begin up to end, excluded.
type span struct{ begin, end int }

func newCatalog[Perm ~string](declared []Perm, m *mistakes) *catalog[Perm] {
	c := &catalog[Perm]{declared: slices.Clone(declared), index: make(map[Perm]int, len(declared)), wildcards: map[string]span{}}
	for _, p := range declared {
		if err := permissionError(string(p)); err != nil {
			m.add("%v", err)
		}
		if _, seen := c.index[p]; seen {
			m.add("permission %s is declared twice", quoted(p))
		}
		c.index[p] = 0
	}
	c.list = slices.Compact(slices.Sorted(slices.Values(declared)))
	for i, p := range c.list {
		c.index[p] = i
		c.messages = append(c.messages, permissionMessage(c.list[i:i+1], ""))
		for _, w := range wildcardsOf(string(p)) {
			s, seen := c.wildcards[w]
			if !seen {
				s.begin = i
			}
			s.end = i + 1
			c.wildcards[w] = s
		}
	}
	return c
}

// separators are the characters that a wildcard may follow.
const separators = ":./"

// wildcardsOf returns the wildcards that match name.
func wildcardsOf(name string) []string {
	list := []string{"*"}
	for i := range len(name) {
		if strings.IndexByte(separators, name[i]) >= 0 {
			list = append(list, name[:i+1]+"*")
		}
	}
	return list
}

// expand adds to s the permissions that p, a permission or a wildcard, names. A nil
// within is all.
func (c *catalog[Perm]) expand(s set, p Perm, within set) error {
	matched, ok := c.wildcards[string(p)]
	if i, isPermission := c.index[p]; isPermission {
		matched, ok = span{i, i + 1}, true
	}
	if ok && s.addSpan(matched, within) {
		return nil
	}
	prefix, wildcard := strings.CutSuffix(string(p), "*")
	switch {
	case !wildcard:
		return fmt.Errorf("unknown permission %s", quoted(p))
	case prefix != "" && strings.IndexByte(separators, prefix[len(prefix)-1]) < 0:
		return fmt.Errorf("wildcard %s: an asterisk stands alone or follows one of %s", quoted(p), separators)
	}
	return fmt.Errorf("wildcard %s matches no permission", quoted(p))
}

// subset returns list as a set. A permission that is not declared is a mistake.
func (c *catalog[Perm]) subset(list []Perm, m *mistakes) set {
	s := newSet(len(c.list))
	for _, p := range list {
		switch i, ok := c.index[p]; {
		case !ok:
			m.add("permission %s is new: permissions are declared where the policy is built", quoted(p))
		case s.has(i):
			m.add("permission %s is declared twice", quoted(p))
		default:
			s.add(i)
		}
	}
	return s
}

// permissionMessage returns the message of a refusal; sep separates the names.
func permissionMessage[Perm ~string](perms []Perm, sep string) string {
	noun := "Permission '"
	if len(perms) > 1 && sep == "' and '" {
		noun = "Permissions '"
	}
	return noun + join(perms, sep) + "' required"
}

func join[Perm ~string](perms []Perm, sep string) string { return strings.Join(texts(perms), sep) }

func texts[Perm ~string](perms []Perm) []string {
	list := make([]string, len(perms))
	for i, p := range perms {
		list[i] = string(p)
	}
	return list
}
