package sqlstore

const (
	// maxPerSubject is the maximum number of sessions, and of token families, of
	// one subject.
	maxPerSubject = 100

	// maxBatch is the maximum number of rows in the lists of one statement.
	maxBatch = 500
)

// rowsOf returns the condition of SQL that selects rows of a subject by their IDs, and
// its arguments. PostgreSQL locks rows in the order of its plan, so that two
// statements may deadlock, which it finds out after a second: the rows are locked in
// the order of their IDs first.
func (d Dialect) rowsOf(table, subject string, ids []string) (args []any, where string) {
	args = []any{[]byte(subject)}
	for _, id := range ids {
		args = append(args, []byte(id))
	}
	where = "subject = ? AND id IN (" + placeholders(len(ids)) + ")"
	if d == PostgreSQL {
		args = append([]any{[]byte(subject)}, args...)
		where = "subject = ? AND id = ANY(ARRAY(SELECT id FROM " + table + " WHERE " + where + " ORDER BY id FOR UPDATE))"
	}
	return args, where
}
