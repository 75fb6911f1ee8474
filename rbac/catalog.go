package rbac

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/field"
)

// A catalog is the declared permissions. A permission is known by its index.
type catalog[Perm ~string] struct {
	list     []Perm
	index    map[Perm]int
	covers   [][]string // for each permission, the scopes that cover it
	messages []string   // for each permission, the message of a refusal
}

func newCatalog[Perm ~string](list []Perm) (*catalog[Perm], error) {
	c := &catalog[Perm]{list: slices.Clone(list), index: make(map[Perm]int, len(list))}
	var errs []error
	for i, p := range list {
		if err := checkName("permission", string(p)); err != nil {
			errs = append(errs, fmt.Errorf("rbac: %v", err))
		}
		if _, declared := c.index[p]; declared {
			errs = append(errs, fmt.Errorf("rbac: permission %q is declared twice", p))
		}
		c.index[p] = i
		c.covers = append(c.covers, covering(string(p)))
		c.messages = append(c.messages, permissionMessage(list[i:i+1], ""))
	}
	return c, errors.Join(errs...)
}

// checkName allows what fits into messages and, as a scope-token, into a
// challenge (RFC 6749, section 3.3). An asterisk would be a wildcard.
func checkName(kind, name string) error {
	if name == "" {
		return fmt.Errorf("a %s has an empty name", kind)
	}
	if !field.IsScope(name) || strings.Contains(name, "*") {
		return fmt.Errorf("%s %q: a name is printable ASCII without spaces, quotes, backslashes and asterisks", kind, name)
	}
	return nil
}

// separators are the characters that a wildcard may follow.
const separators = ":./"

// covering returns name and the wildcards that cover it.
func covering(name string) []string {
	list := []string{name}
	for i := len(name) - 1; i >= 0; i-- {
		if strings.IndexByte(separators, name[i]) >= 0 {
			list = append(list, name[:i+1]+"*")
		}
	}
	return append(list, "*")
}

// expand adds the permissions to s that g, a permission or a wildcard, grants.
func (c *catalog[Perm]) expand(s set, g Perm) error {
	if i, ok := c.index[g]; ok {
		s.add(i)
		return nil
	}
	prefix, wildcard := strings.CutSuffix(string(g), "*")
	if !wildcard {
		return fmt.Errorf("unknown permission %q", g)
	}
	if prefix != "" && strings.IndexByte(separators, prefix[len(prefix)-1]) < 0 {
		return fmt.Errorf("wildcard %q: an asterisk stands alone or follows one of %s", g, separators)
	}
	matched := false
	for i, p := range c.list {
		if strings.HasPrefix(string(p), prefix) {
			s.add(i)
			matched = true
		}
	}
	if !matched {
		return fmt.Errorf("wildcard %q grants nothing", g)
	}
	return nil
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
