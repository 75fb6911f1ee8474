package passkey

import (
	"context"
	"time"
)

// A Credential is a passkey, as it is stored. It holds no secret.
type Credential struct {
	ID             string    // in base64url without padding, 1364 characters at most
	Subject        string    // of the account
	UserHandle     string    // of the account, in base64url
	PublicKey      string    // a COSE key in base64url, 1500 characters at most
	SignCount      uint32    // of the last sign-in; 0 of authenticators without a counter
	BackupEligible bool      // it may be synced to other devices
	BackedUp       bool      // it is
	Transports     []string  // for the browser, at most 8 words of at most 16 characters
	AAGUID         string    // the model of the authenticator, as a UUID; zeros if it does not say
	Name           string    // by its owner, 1 to 64 bytes
	Created        time.Time // of the registration
	LastUsed       time.Time // zero before the first sign-in
}

// Factor returns the name of RFC 8176 for a sign-in with the passkey: "swk" if it may be
// synced, else "hwk", a key that stays in its hardware.
func (c *Credential) Factor() string {
	if c.BackupEligible {
		return "swk"
	}
	return "hwk"
}

// A Use is what a sign-in changes of a credential.
type Use struct {
	SignCount                uint32
	BackupEligible, BackedUp bool
	At                       time.Time
}

// A Store has the credentials and user handles of all accounts, such as in two tables:
//
//	CREATE TABLE passkey_users (subject VARCHAR(255) PRIMARY KEY, user_handle VARCHAR(86) NOT NULL);
//	CREATE TABLE passkeys (
//	  id VARCHAR(1364) PRIMARY KEY, subject VARCHAR(255) NOT NULL, user_handle VARCHAR(86) NOT NULL,
//	  public_key VARCHAR(1500) NOT NULL, sign_count BIGINT NOT NULL, backup_eligible BOOLEAN NOT NULL, backed_up BOOLEAN NOT NULL,
//	  transports VARCHAR(135) NOT NULL, aaguid VARCHAR(36) NOT NULL, name VARCHAR(64) NOT NULL, created BIGINT NOT NULL, last_used BIGINT NOT NULL
//	); -- and an index on subject
//
// IDs and subjects are compared exactly, as PostgreSQL and SQLite do; with MySQL, they are
// VARBINARY: other columns ignore spaces at the end, or cannot be a key of this length. An error means that the store failed (503). A Store must be safe
// for use by several goroutines. Package passkeytest tests an implementation.
type Store interface {
	// UserHandle returns the user handle of an account, and makes candidate its handle if
	// it has none, in one atomic step: INSERT … ON CONFLICT DO NOTHING, and SELECT. An
	// account retains its handle without a credential, until it is deleted.
	UserHandle(ctx context.Context, subject, candidate string) (handle string, err error)

	// Add stores a credential. added is false, and nothing changes, if its ID is stored, of
	// whichever account.
	Add(ctx context.Context, c Credential) (added bool, err error)

	// Load returns the credential with an ID.
	Load(ctx context.Context, id string) (c Credential, found bool, err error)

	// List returns the credentials of an account, the oldest first.
	List(ctx context.Context, subject string) ([]Credential, error)

	// Use stores what a sign-in changes, in one atomic step, if the credential is there and
	// its counter is less, or both are 0; otherwise accepted is false, and nothing changes:
	//
	//	UPDATE passkeys SET sign_count = $new, … WHERE id = $id AND (sign_count < $new OR sign_count = 0 AND sign_count = $new)
	Use(ctx context.Context, id string, u Use) (accepted bool, err error)

	// Rename sets the name of a credential. found is false, and nothing changes, unless it
	// is one of the account. MySQL counts a row that has the name already as changed only
	// with clientFoundRows=true.
	Rename(ctx context.Context, subject, id, name string) (found bool, err error)

	// Remove removes a credential. found is false, and nothing changes, unless it is one of
	// the account.
	Remove(ctx context.Context, subject, id string) (found bool, err error)
}
