package password

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-guard/guard"
)

// A row is what the lookup of a Login found.
type row[U any] struct {
	user  U
	hash  string // empty for an unknown account
	found bool
}

// maxChanges is how many changes of a hash a login survives that reads an epoch.
const maxChanges = 3

// verified returns the account whose password is pw.
//
// The epoch is read between two lookups of the same hash: the password was right
// after it was read. A change of the password ends with a new epoch. So if it comes
// after the second lookup, the epoch that was read is the old one. All of this
// follows a right password: before it, known accounts must not take longer.
func (l *Login[U]) verified(ctx context.Context, account, pw string) (stored row[U], rehash bool, err error) {
	if stored, err = l.load(ctx, account); err != nil {
		return stored, false, err
	}
	for range maxChanges {
		var ok bool
		ok, rehash, err = l.opts.Hasher.Verify(ctx, stored.hash, pw)
		switch {
		case err != nil:
			return stored, false, err
		case !stored.found:
			return stored, false, errUnknown
		case !ok:
			return stored, false, errWrong
		case l.opts.Epoch == nil:
			return stored, rehash, nil
		}
		if err = l.opts.Epoch(ctx, &stored.user); err != nil {
			return stored, false, failure("Epoch", err)
		}
		again, err := l.load(ctx, account)
		if err != nil {
			return stored, false, err
		}
		if again.found && again.hash == stored.hash {
			return stored, rehash, nil
		}
		stored = again // changed, or replaced by the rehash of another login
	}
	return stored, false, guard.Unavailable(errors.New("password: the hash changes all the time"))
}

// load looks the account up. An unknown one has no hash, whatever the lookup
// returned.
func (l *Login[U]) load(ctx context.Context, account string) (row[U], error) {
	if !isAccount(account) {
		return row[U]{}, nil
	}
	u, hash, found, err := l.byEmail(ctx, account)
	if err != nil {
		return row[U]{}, failure("the lookup", err)
	}
	u, err = guard.Resolve(u, found, nil, errUnknown)
	switch {
	case err == errUnknown:
		return row[U]{}, nil
	case err != nil: // a nil account
		return row[U]{}, err
	}
	return row[U]{u, hash, true}, nil
}

// isAccount reports whether an account can exist: databases fail on a NUL and on
// bytes that are not UTF-8, and may have rows with an empty name.
func isAccount(name string) bool {
	return name != "" && len(name) <= MaxLength && !strings.ContainsRune(name, utf8.RuneError) && !strings.ContainsFunc(name, unicode.IsControl)
}

// failure is the failure of a function of the application. It is never a refusal,
// which would reveal that the account exists.
func failure(what string, err error) error {
	e, isError := errors.AsType[*guard.Error](err)
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	isRefusal := isError && (e == nil || e.Status < http.StatusInternalServerError) || tooLarge
	if isRefusal || errors.Is(err, guard.ErrNoCredentials) || errors.Is(err, ErrCredentials) {
		return fmt.Errorf("password: %s cannot refuse, and returned: %v", what, err)
	}
	return fmt.Errorf("password: %s failed: %w", what, err)
}
