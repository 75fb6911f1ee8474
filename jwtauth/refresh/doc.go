// Package refresh adds refresh tokens and logout to the tokens of a
// jwtauth.Issuer.
//
//	issuer := guard.Must(jwtauth.NewIssuer[Claims](key, nil))
//	logins := guard.Must(refresh.New(issuer, claimsOf, nil))
//	mux.Handle("POST /refresh", logins.RefreshHandler())
//	mux.Handle("POST /logout", logins.LogoutHandler())
//
// # Guarantees
//
// Each login is a token family. [Refresher.Start] returns its first pair of an
// access token and a refresh token, and a refresh token is used once, for the
// next pair (RFC 9700, section 4.14.2). Reuse means that the token was stolen:
// the family ends, its access tokens are denied, and guard.Observe receives a
// [ReuseError]. Only within a short grace period does a used token yield its
// successor again.
//
// No access token outlives its login, and none survives a logout. A refresh
// token is never accepted as an access token. A forged one is refused before the
// store is used. A [Store] holds no tokens and no digests of them.
//
// # Not covered
//
// A thief who uses a stolen token within the grace period, or before its owner
// does, is not detected until the other of the two uses a token of the family.
// The families of a [Memory] end with the process.
package refresh
