package totp_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/signin/totp"
)

// A user enrolls, signs in with a code, and later without the phone.
func Example() {
	key := make([]byte, 32) // in production, the same for all processes and after a restart
	rand.Read(key)
	users := guard.Must(totp.NewMemory(nil)) // or a column of the table of users: see Store
	now := time.Now()
	second := guard.Must(totp.New("Acme", key, users, clientip.Direct(), &totp.Options{Now: func() time.Time { return now }}))

	// Signed in with the password alone. The page shows e.SVG() and asks for the first code.
	ctx := context.Background()
	e, err := second.Enroll(ctx, "1", "alice@example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Replace(e.URI(), e.Secret(), "…", 1))
	r := httptest.NewRequest("POST", "/confirm", nil)
	recoveryCodes, err := second.Confirm(r, "1", authenticator(e.Secret(), now))
	fmt.Println(len(recoveryCodes), "recovery codes,", err)

	// The next sign-in: after the password, Status says whether to ask for a code.
	status, err := second.Status(ctx, "1")
	fmt.Println(status.Enabled, err)
	try := func(code string) {
		used, err := second.Verify(r, "1", code)
		switch {
		case errors.Is(err, totp.ErrLocked):
			fmt.Println("mail the owner")
		case err != nil:
			fmt.Println(err) // guard.Refuse(w, r, err)
		default:
			fmt.Printf("signed in, %+v\n", used) // sessions.Create
		}
	}
	try(authenticator(e.Secret(), now)) // the confirming code again
	now = now.Add(time.Minute)
	try(authenticator(e.Secret(), now))
	try(strings.ToLower(recoveryCodes[0])) // the phone is lost
	// Output:
	// otpauth://totp/Acme:alice%40example.com?secret=…&issuer=Acme
	// 10 recovery codes, <nil>
	// true <nil>
	// guard: 401 Unauthorized: Invalid code: totp: invalid code: used before, or older than one that was used
	// signed in, {Recovery:false RecoveryCodes:10}
	// signed in, {Recovery:true RecoveryCodes:9}
}

// authenticator is the app on a phone.
func authenticator(secret string, now time.Time) string {
	b, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	mac := hmac.New(sha1.New, b)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/30)))
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1e6)
}

// Users are in a table with a column factor, of type TEXT NOT NULL, empty at first. Here it is a map.
type Users map[string]string

// Load is SELECT factor FROM users WHERE id = $1.
func (u Users) Load(_ context.Context, id string) (record string, found bool, err error) {
	record, found = u[id]
	return record, found, nil
}

// Swap is UPDATE users SET factor = $3 WHERE id = $1 AND factor = $2: swapped is whether
// one row was affected.
func (u Users) Swap(_ context.Context, id, old, replacement string) (swapped bool, err error) {
	if u[id] != old {
		return false, nil
	}
	u[id] = replacement
	return true, nil
}

// Accounts of another program have secrets already, and their authenticators go on.
func ExampleFactors_Import() {
	key := make([]byte, 32)
	rand.Read(key)
	second := guard.Must(totp.New("Acme", key, Users{}, clientip.Direct(), nil))
	ctx := context.Background()
	secret, _ := base32.StdEncoding.DecodeString("JBSWY3DPEHPK3PXP")
	fmt.Println(second.Import(ctx, "1", secret))
	_, err := second.Verify(httptest.NewRequest(http.MethodPost, "/", nil), "1", authenticator("JBSWY3DPEHPK3PXP", time.Now()))
	fmt.Println(err)
	codes, err := second.NewRecoveryCodes(ctx, "1") // shown at the next sign-in
	fmt.Println(len(codes), err)
	// Output:
	// <nil>
	// <nil>
	// 10 <nil>
}
