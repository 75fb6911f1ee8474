package backend

import (
	"context"
	"errors"

	"github.com/go-guard/guard/signin/totp"
)

// An Account is someone who can sign in.
type Account struct {
	ID        string
	Email     string // in lower case; no two accounts have one
	Role      string
	Hash      string // of the password; empty without one
	Links     int64  // how many links have signed in: links by mail are bound to it
	Verified  bool   // the address was confirmed
	Suspended bool   // it signs in no one
}

// An Identity is a person at a provider. Issuer and Subject together are its key.
type Identity struct{ Issuer, Subject string }

// Accounts stores accounts, the identities at providers that sign in to them, and the
// record of each one's second factor (totp.Store). An unknown account is not an error:
// found is false. An error means that the store failed.
type Accounts interface {
	totp.Store
	ByID(ctx context.Context, id string) (a Account, found bool, err error)
	// ByEmail compares exactly, as all methods do.
	ByEmail(ctx context.Context, email string) (a Account, found bool, err error)
	All(ctx context.Context) ([]Account, error)
	// Create adds an account, unless its ID or address is taken.
	Create(ctx context.Context, a Account) (created bool, err error)
	// SetHash replaces the hash old if it is still there: a new hash of the old password
	// never undoes a change of the password.
	SetHash(ctx context.Context, id, old, replacement string) (swapped bool, err error)
	// SetEmail replaces the address old, if it is still there, by one that was confirmed and
	// is not taken.
	SetEmail(ctx context.Context, id, old, replacement string) (swapped bool, err error)
	// SetVerified records that email was confirmed, if it still is the address.
	SetVerified(ctx context.Context, id, email string) (swapped bool, err error)
	SetSuspended(ctx context.Context, id string, suspended bool) (found bool, err error)
	// SpendLink adds 1 to Links if it still is links.
	SpendLink(ctx context.Context, id string, links int64) (swapped bool, err error)

	// Identity returns the account that an identity signs in to.
	Identity(ctx context.Context, issuer, subject string) (accountID string, found bool, err error)
	// Identities returns the identities of an account, in a stable order.
	Identities(ctx context.Context, accountID string) ([]Identity, error)
	// AddIdentity adds an identity to an account, or returns ErrIdentity. added is false if another
	// account has it, where it stays, and if there is no such account.
	AddIdentity(ctx context.Context, accountID, issuer, subject string) (added bool, err error)
	// RemoveIdentity removes an identity of an account. removed is false if it has no such
	// identity, and for the last one of an account without a password: no one could sign in
	// to it anymore.
	RemoveIdentity(ctx context.Context, accountID, issuer, subject string) (removed bool, err error)
}

const (
	maxAccounts   = 100_000 // in memory
	maxIdentities = 10      // of an account
	maxIdentity   = 255     // bytes of an issuer or subject
)

var errFull = errors.New("backend: too many accounts")

// ErrIdentity is returned by AddIdentity if the account has 10 identities, and for an
// identity that no account can have: one that is empty, no text, or over 255 bytes.
var ErrIdentity = errors.New("backend: the account cannot have this identity")

// checkIdentity returns an error for an identity that some store cannot hold.
func checkIdentity(issuer, subject string) error {
	for _, part := range []string{issuer, subject} {
		if part == "" || len(part) > maxIdentity || !utf8Text(part) {
			return ErrIdentity
		}
	}
	return nil
}
