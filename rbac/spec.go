package rbac

// A Spec describes a policy: the declared permissions, and the roles that grant
// them.
type Spec[Perm ~string] struct {
	// Permissions is every permission there is. A permission is printable ASCII
	// without spaces, quotes, backslashes or asterisks.
	Permissions []Perm
	// Roles maps the name of each role to its definition. At least one is
	// required. The same characters are allowed as in permissions.
	Roles map[string]Role[Perm]
}

// A Role defines what its holders are allowed to do. The zero value grants
// nothing.
type Role[Perm ~string] struct {
	// Grants lists permissions and wildcards: "posts:*" is every permission that
	// starts with "posts:", and "*" is every permission. An asterisk follows a
	// colon, a dot or a slash, or stands alone. A wildcard that matches no
	// permission is an error.
	Grants []Perm
	// Inherits lists other roles: a holder of this role has those too. Cycles
	// and more than 64 levels are errors.
	Inherits []string
}

// Roles returns a Spec of roles without permissions, for [Policy.RequireRole].
func Roles(names ...string) Spec[string] {
	s := Spec[string]{Roles: map[string]Role[string]{}}
	for _, n := range names {
		s.Roles[n] = Role[string]{}
	}
	return s
}
