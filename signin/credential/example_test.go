package credential_test

import (
	"fmt"

	"github.com/go-guard/guard/signin/credential"
)

// The factor of a sign-in with a passkey, for session.Factors.
func ExampleRecord_Factor() {
	phone := credential.Record{Name: "Phone", BackupEligible: true} // synced by the vendor's account
	token := credential.Record{Name: "Security key"}
	fmt.Println(phone.Factor(), token.Factor())
	// Output: swk hwk
}
