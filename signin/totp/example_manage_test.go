package totp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/signin/totp"
)

// The second step of a sign-in. A form shows a wrong code in place.
func ExampleFactors_Verify() {
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), &totp.Options{
		Now: func() time.Time { return time.Unix(1111111109, 0) }, // of RFC 6238, appendix B; leave it out
	}))
	if err := second.Import(context.Background(), "1", guard.Secret("12345678901234567890")); err != nil {
		log.Fatal(err)
	}
	for _, code := range []string{"123456", "081 804"} {
		used, err := second.Verify(httptest.NewRequest("POST", "/login/code", nil), "1", code)
		switch {
		case errors.Is(err, totp.ErrCode):
			fmt.Println("show the form again, with 401")
		case err != nil:
			fmt.Println(err) // guard.Refuse(w, r, err)
		default:
			fmt.Println("create a session; recovery code:", used.Recovery)
		}
	}
	// Output:
	// show the form again, with 401
	// create a session; recovery code: false
}

// After the password: does the account need a code? An error never means no.
func ExampleFactors_Status() {
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	if err := second.Import(context.Background(), "1", guard.Secret("12345678901234567890")); err != nil {
		log.Fatal(err)
	}
	for _, id := range []string{"1", "2"} {
		status, err := second.Status(context.Background(), id)
		switch {
		case err != nil:
			fmt.Println(err) // guard.Refuse(w, r, err)
		case status.Enabled:
			fmt.Println(id, "ask for a code")
		default:
			fmt.Println(id, "create a session")
		}
	}
	// Output:
	// 1 ask for a code
	// 2 create a session
}

// The owner removes the factor, by a code.
func ExampleFactors_Disable() {
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), &totp.Options{
		Now: func() time.Time { return time.Unix(1111111109, 0) }, // of RFC 6238, appendix B; leave it out
	}))
	if err := second.Import(context.Background(), "1", guard.Secret("12345678901234567890")); err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/factor/disable", nil)
	if err := second.Disable(r, "1", "081804"); err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	status, err := second.Status(r.Context(), "1")
	fmt.Println(status.Enabled, err) // mail the owner
	// Output: false <nil>
}

// An operator removes the factor of someone who lost the phone and the recovery codes,
// after another proof of who they are.
func ExampleFactors_Remove() {
	ctx := context.Background()
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	if err := second.Import(ctx, "1", guard.Secret("12345678901234567890")); err != nil {
		log.Fatal(err)
	}
	if err := second.Remove(ctx, "1"); err != nil {
		log.Fatal(err)
	}
	status, err := second.Status(ctx, "1")
	fmt.Println(status.Enabled, err) // mail the owner
	// Output: false <nil>
}

// An account whose factor was imported has no recovery codes yet.
func ExampleFactors_NewRecoveryCodes() {
	ctx := context.Background()
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	if err := second.Import(ctx, "1", guard.Secret("12345678901234567890")); err != nil {
		log.Fatal(err)
	}
	codes, err := second.NewRecoveryCodes(ctx, "1")
	if err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	status, err := second.Status(ctx, "1")
	fmt.Println(len(codes), status.RecoveryCodes, err) // show the codes, once
	// Output: 10 10 <nil>
}

// Wrong codes of a thief have used up the attempts. A reset of the password by mail ends
// the wait of the owner.
func ExampleFactors_Unlock() {
	second := guard.Must(totp.New("Acme", []byte(strings.Repeat("k", 32)), guard.Must(totp.NewMemory(nil)), clientip.Direct(), nil))
	try := func() {
		_, err := second.Verify(httptest.NewRequest("POST", "/login/code", nil), "1", "123456")
		fmt.Println(errors.Is(err, totp.ErrCode))
	}
	for range 6 {
		try()
	}
	if err := second.Unlock(context.Background(), "1"); err != nil {
		log.Fatal(err)
	}
	try()
	// Output:
	// true
	// true
	// true
	// true
	// true
	// false
	// true
}

// The key is replaced: seal the record of each account anew, and then drop the old key.
func ExampleFactors_Reseal() {
	ctx := context.Background()
	users := Users{} // a column of the table of users
	oldKey, newKey := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	before := guard.Must(totp.New("Acme", oldKey, users, clientip.Direct(), nil))
	if err := before.Import(ctx, "1", guard.Secret("12345678901234567890")); err != nil {
		log.Fatal(err)
	}

	second := guard.Must(totp.New("Acme", newKey, users, clientip.Direct(), &totp.Options{OldKeys: []guard.Secret{oldKey}}))
	for id := range users { // SELECT id FROM users WHERE factor <> ''
		fmt.Println(second.Reseal(ctx, id))
		fmt.Println(second.Reseal(ctx, id)) // it may be repeated
	}
	// Output:
	// true <nil>
	// false <nil>
}
