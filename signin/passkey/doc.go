// Package passkey signs people in with passkeys (WebAuthn Level 3), and registers them. It
// is a module of its own, on github.com/go-webauthn/webauthn.
//
//	keys := guard.Must(passkey.New("app.example.com", origins, key, store, &passkey.Options{Once: stores.Once()}))
//
//	keys.RegisterOptions(w, r, passkey.Account{Subject: u.ID, Name: u.Email}) // the page: parseCreationOptionsFromJSON, create
//	c, err := keys.Register(w, r, u.ID)                                       // the page posts credential.toJSON()
//
//	keys.LoginOptions(w, r)      // the page: parseRequestOptionsFromJSON, get, with mediation "conditional" for autofill
//	c, err := keys.Login(w, r)   // then: sessions.Create(w, r, c.Subject, data, session.Factors(c.Factor()))
//
// # Guarantees
//
// A passkey is discoverable and verifies its user at each sign-in: it is two factors, and
// login options are the same for everyone. A challenge lives five minutes, in the browser
// that asked for it, and is good once over all processes that share Options.Once; several
// may be pending. A user handle is random, and says nothing about the account.
//
// Refused are: another origin or relying party, a page in a frame of another origin, a
// credential of another account or without its user handle, a response without user
// verification, a backup state without eligibility, a public key off its curve or of less
// than 2048 bits RSA, and a signature counter that is not greater than the stored one,
// unless both are 0. That counter refuses one sign-in, with the cause [ErrCounter]: the
// credential stays, and a higher counter signs in. Backup eligibility and state may change
// at any time, which refuses no one.
//
// A client reads "Invalid passkey" (401) for every response that is not accepted; the reason
// reaches guard.Observe alone.
//
// # Not covered
//
// Attestation is not asked for: what made a passkey is not proven. Whether someone may
// register, rename or remove a passkey is for the application to decide, by a recent
// sign-in: package stepup.
package passkey
