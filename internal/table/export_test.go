package table

var (
	Fingerprint = fingerprint
	Match       = match
)

// CanGrow reports whether Place would grow t before it evicts or refuses.
func CanGrow(t *Table, now int64) bool { return t.canGrow(now) }

// Groups returns the groups of a tag.
func Groups(t *Table, tag uint64) [2]int { return t.groupsOf(tag) }
