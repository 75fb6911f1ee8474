// Package passkeytest tests implementations of [passkey.Store], and answers as a browser
// with an authenticator does, for tests of handlers: [Authenticator].
//
//	func TestStore(t *testing.T) {
//		passkeytest.Run(t, func(t *testing.T) passkey.Store { return open(t) })
//	}
package passkeytest

import (
	"testing"

	"github.com/go-guard/guard/signin/credential/credentialtest"
	"github.com/go-guard/guard/signin/passkey"
)

// Run runs each case in a subtest. open returns a store, which need not be empty: no two
// cases use the same accounts and credentials.
func Run(t *testing.T, open func(t *testing.T) passkey.Store) { credentialtest.Run(t, open) }
