// Package credential has what a [Store] of passkeys stores: the record of each credential
// (WebAuthn Level 3, section 4). It links nothing that verifies one, so that a program whose
// store has room for passkeys does not need what they do.
//
// Applications use package passkey, which has these types under its names: Credential, Use
// and Store. Package sqlstore is a Store, and package credentialtest tests one.
package credential

import (
	"context"
	"time"
)

// A Record is a passkey, as it is stored. It holds no secret.
type Record struct {
	ID             string    // in base64url without padding, 1364 characters at most
	Subject        string    // of the account, 255 bytes at most
	UserHandle     string    // of the account, in base64url, 86 characters at most
	PublicKey      string    // a COSE key in base64url, 1500 characters at most
	SignCount      uint32    // of the last sign-in; 0 of authenticators without a counter
	BackupEligible bool      // it may be synced to other devices
	BackedUp       bool      // it is synced, as of the last use
	Transports     []string  // for the browser, at most 8 words of at most 16 characters
	AAGUID         string    // the model of the authenticator, as a UUID; zeros if it does not say
	Name           string    // by its owner, 1 to 64 bytes
	Created        time.Time // of the registration
	LastUsed       time.Time // zero before the first sign-in
}

// Factor returns the name of RFC 8176 for a sign-in with the passkey: "swk" if it may be
// synced, else "hwk", a key that stays in its hardware.
func (r *Record) Factor() string {
	if r.BackupEligible {
		return "swk"
	}
	return "hwk"
}

// A Use is what a sign-in changes of a record.
type Use struct {
	SignCount                uint32
	BackupEligible, BackedUp bool
	At                       time.Time
}

// A Store has the records and user handles of all accounts. IDs and subjects are compared
// exactly: case and spaces at the end count. Times may be rounded to seconds. An error means
// that the store failed (503). A Store must be safe for use by several goroutines.
type Store interface {
	// UserHandle returns the user handle of an account, and makes candidate its handle if
	// it has none, in one atomic step: of candidates at once, all callers get the same. An
	// account retains its handle without a credential, until it is deleted.
	UserHandle(ctx context.Context, subject, candidate string) (handle string, err error)

	// Add stores a record. added is false, and nothing changes, if its ID is stored, of
	// any account.
	Add(ctx context.Context, r Record) (added bool, err error)

	// Load returns the record with an ID.
	Load(ctx context.Context, id string) (r Record, found bool, err error)

	// List returns the records of an account, the oldest first.
	List(ctx context.Context, subject string) ([]Record, error)

	// Use stores what a sign-in changes, in one atomic step, if the record is there and
	// its counter is less, or both are 0; otherwise accepted is false, and nothing changes:
	//
	//	UPDATE passkeys SET sign_count = $new, … WHERE id = $id AND (sign_count < $new OR sign_count = 0 AND sign_count = $new)
	Use(ctx context.Context, id string, u Use) (accepted bool, err error)

	// Rename sets the name of a record, also to the one that it has. found is false, and
	// nothing changes, unless it is one of the account.
	Rename(ctx context.Context, subject, id, name string) (found bool, err error)

	// Remove removes a record. found is false, and nothing changes, unless it is one of the
	// account.
	Remove(ctx context.Context, subject, id string) (found bool, err error)
}
