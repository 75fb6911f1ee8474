// Package passkey signs people in with passkeys (WebAuthn Level 3), and registers
// them. It is a separate module, on github.com/go-webauthn/webauthn.
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
// A passkey is discoverable and verifies its user at each sign-in: it is two factors,
// and login options are the same for everyone. A challenge lives five minutes. It is
// accepted once, from the browser that asked for it, over all processes that share
// Options.Once. Several may be pending. A user handle is random, and says nothing
// about the account.
//
// These are refused: another origin or relying party, a page in a frame of another
// origin, a credential of another account or without its user handle, a response
// without user verification, a backup state without eligibility, and a public key off
// its curve or of less than 2048 bits RSA.
//
// A signature counter that is not greater than the stored one is refused with the
// cause [ErrCounter], unless both are 0. The credential stays, and a higher counter
// signs in. Backup eligibility and state may change at any time.
//
// A client reads "Invalid passkey" (401) for every response that is not accepted; the reason
// reaches guard.Observe alone.
//
// # Not covered
//
// There is no attestation: the kind of authenticator is not proven. The application
// decides who may register, rename or remove a passkey, and should require a recent
// sign-in: see package stepup.
package passkey
