package rbac

// A Spec describes a policy: the declared permissions, and the roles that grant
// them.
type Spec[Perm ~string] struct {
	// Permissions is every permission there is. A permission is printable ASCII
	// without spaces, quotes, backslashes or asterisks.
	Permissions []Perm
	// Roles maps the name of each role to its definition. At least one is
	// required. A name is up to 256 bytes of printable Unicode, with single spaces inside.
	// Names are compared byte by byte: where they come from elsewhere, write both in
	// one normal form, such as NFC.
	Roles map[string]Role[Perm]
}

// A Role defines what its holders are allowed to do. The zero value grants
// nothing. A permission that one of a principal's roles denies is denied, whatever
// its other roles grant.
type Role[Perm ~string] struct {
	// Grants lists permissions and wildcards: "posts:*" is every permission that
	// starts with "posts:", and "*" is every permission. An asterisk follows a
	// colon, a dot or a slash, or stands alone. A wildcard that matches no
	// permission is an error.
	Grants []Perm
	// Denies lists exceptions, as Grants does: "posts:delete" of a role that grants
	// "posts:*", or all that a role for suspended users takes away. A role that
	// inherits this one denies them, too. RequireRole does not depend on them.
	Denies []Perm
	// Inherits lists other roles: a holder of this role has those too. Cycles
	// are errors, and so are more than 1,000 roles in one.
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
