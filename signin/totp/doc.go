// Package totp is a second factor: one-time codes of an authenticator app (RFC 6238 and
// RFC 4226), and recovery codes for the day on which its phone is lost.
//
//	second := guard.Must(totp.New("Acme", key, users, clientip.Direct(), &totp.Options{Steps: stores.Once()}))
//	e, err := second.Enroll(ctx, u.ID, u.Email)     // show e.SVG() or e.Secret()
//	codes, err := second.Confirm(r, u.ID, code)     // the first code: the factor is on, show the recovery codes
//	status, err := second.Status(ctx, u.ID)         // behind the password: is it asked?
//	used, err := second.Verify(r, u.ID, code)       // a code, or a recovery code in its place
//
// # Guarantees
//
// Each code is good once, over all processes that share Options.Steps, the confirming one
// included, and none is good after a newer one. The clocks may differ by 30 seconds. Of
// an account five wrong tries in 15 minutes are allowed, recovery codes included, and then
// right ones are refused too; after 100 wrong codes without a right one the factor is
// locked. A recovery code has 80 random bits and is good once.
//
// Secrets and digests of recovery codes are sealed (AES-256-GCM) in a record that is bound
// to its account: one that is copied to another account does not open, and is a failure of
// ours. Every change of a record is a compare-and-swap, so that none is lost. Codes are
// compared in constant time. The QR code is made here, and no secret is in an error.
//
// A client reads "Invalid code" (401) for every code that is not accepted, and the reason
// reaches guard.Observe alone.
//
// # Not covered
//
// A code can be phished: a site that relays it in time is signed in. A passkey cannot. Whether
// someone may enroll, disable a factor or read recovery codes is for the application to
// decide, by a recent sign-in with the factor where there is one: stepup.FactorIfEnrolled
// asks for that. The algorithm is HMAC-SHA-1, in which no attack on HMAC is known (RFC 6194):
// several authenticators ignore another one in the URI, and show wrong codes.
package totp
