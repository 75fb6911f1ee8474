// Package totp is a second factor: one-time codes of an authenticator app (RFC 6238 and
// RFC 4226), and recovery codes for a lost phone.
//
//	second := guard.Must(totp.New("Acme", key, users, clientip.Direct(), &totp.Options{Steps: stores.Once()}))
//	e, err := second.Enroll(ctx, u.ID, u.Email)     // show e.SVG() or e.Secret()
//	codes, err := second.Confirm(r, u.ID, code)     // the first code: the factor is on, show the recovery codes
//	status, err := second.Status(ctx, u.ID)         // after the password: is a code required?
//	used, err := second.Verify(r, u.ID, code)       // a code, or a recovery code in its place
//
// # Guarantees
//
// Each code is accepted once, over all processes that share Options.Steps, the confirming
// one included, and no code is accepted after a newer one. The clocks may differ by 30
// seconds. After five wrong codes of an account in 15 minutes, recovery codes included, right
// ones are refused too. After 100 wrong codes without a right one the factor is locked. A
// recovery code has 80 random bits and is accepted once.
//
// Secrets and digests of recovery codes are sealed (AES-256-GCM) in a record that is
// bound to its account: a record that is copied to another account cannot be
// decrypted, and is a 500. Every change of a record is a compare-and-swap, so that
// none is lost. Codes are compared in constant time. The QR code is made here, and no
// secret is in an error.
//
// A client reads "Invalid code" (401, code_invalid) for every code that is not accepted. The
// reason reaches guard.Observe alone. To change its words, see guard.OnError.
//
// # Not covered
//
// A code can be phished: a site that relays it in time is signed in. A passkey cannot.
// The application decides who may enroll, disable a factor or read recovery codes. It
// should require a recent sign-in, with the factor if there is one: see
// stepup.FactorIfEnrolled. The algorithm is HMAC-SHA-1, which the collisions of SHA-1
// do not affect (RFC 6194). Several authenticators ignore another one in the URI, and
// show wrong codes.
package totp
