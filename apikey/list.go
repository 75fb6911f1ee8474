package apikey

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// List returns all records of a subject, the newest first. Those that have ended are
// included for [Retention], unless they made room for new ones.
func (k *Ring) List(ctx context.Context, subject string) ([]Record, error) {
	list, err := k.store.List(ctx, k.format.name(), subject)
	if err != nil {
		return nil, unavailable(err)
	}
	return list, nil
}

// ListAll returns records of all subjects, the newest first, for administrators. The
// cursor of the first page is "", and next is that of the following page, "" after
// the last one. A page has at most limit records, 1 to 1000; it may have fewer or none
// where there are more. Records that are issued between two calls are on no page after
// the first. A malformed cursor or another limit is a [FieldErrors], 422.
func (k *Ring) ListAll(ctx context.Context, cursor string, limit int) (list []Record, next string, err error) {
	after, ok := parseCursor(cursor)
	var bad FieldErrors
	if !ok {
		bad.add("cursor", "is malformed")
	}
	if limit < 1 || limit > maxPage {
		bad.add("limit", "is %d; 1 to %d are allowed", limit, maxPage)
	}
	if err := bad.refusal(); err != nil {
		return nil, "", err
	}
	list, position, err := k.store.ListAll(ctx, k.format.name(), after, limit)
	if err != nil {
		return nil, "", unavailable(err)
	}
	return list, position.cursor(), nil
}

const maxPage = 1000

// cursor is the position in text: Unix milliseconds and the id.
func (p Position) cursor() string {
	if p == (Position{}) {
		return ""
	}
	return fmt.Sprintf("%d-%s", p.CreatedAt.UnixMilli(), p.ID)
}

// parseCursor is the inverse of Position.cursor.
func parseCursor(s string) (p Position, ok bool) {
	if s == "" {
		return p, true
	}
	created, id, _ := strings.Cut(s, "-")
	ms, err := strconv.ParseInt(created, 10, 64)
	if err != nil || ms <= 0 || ms > maxMillis || len(id) != idLen || !isAlnum(id) {
		return p, false
	}
	return Position{time.UnixMilli(ms).UTC(), id}, true
}

// maxMillis is the end of the year 9999.
const maxMillis = 253402300799999
