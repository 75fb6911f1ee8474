package passkey

import "github.com/go-guard/guard/signin/credential"

// A Credential is a passkey, as it is stored. It holds no secret.
type Credential = credential.Record

// A Use is what a sign-in changes of a credential.
type Use = credential.Use

// A Store has the credentials and user handles of all accounts: [Memory], or Passkeys of
// package sqlstore. [credential.Store] says what each method does, and
// passkeytest.Run tests an implementation. Its types are in a package without WebAuthn, so that
// a store does not link it.
type Store = credential.Store
