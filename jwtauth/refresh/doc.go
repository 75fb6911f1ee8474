// Package refresh adds refresh tokens and logout to the tokens of a
// jwtauth.Issuer.
//
//	issuer := guard.Must(jwtauth.NewIssuer[Claims](key, nil))
//	logins := guard.Must(refresh.New(issuer, claimsOf, nil))
//	mux.Handle("POST /refresh", logins.RefreshHandler())
//	mux.Handle("POST /logout", logins.LogoutHandler())
//
// For browsers, Options.Cookie keeps the refresh token in a cookie that no script
// can read.
//
// # Guarantees
//
// Each login is a token family. [Refresher.Start] returns its first pair of an access
// token and a refresh token, and a refresh token is used once, for the next pair (RFC
// 9700, section 4.14.2). Reuse means that the token was stolen: the family ends, its
// access tokens are denied, and guard.Observe receives a [ReuseError]. Within a short
// grace period after its first use, a token yields its successor again. If the
// successor was used, the token is refused, and nothing ends.
//
// No access token outlives its login, and none survives a logout. A refresh
// token is never accepted as an access token. A forged one is refused before the
// store is used. A [Store] holds no tokens and no digests of them.
//
// # Not covered
//
// If a thief uses a stolen token within the grace period, or before its owner, the
// theft is detected later: when one of them uses a token of the family after its grace
// period. A thief who always refreshes within the grace period of the owner's
// refreshes stays undetected until the login expires. Logins that are bound to a key
// of the client (StartOptions.JKT, by package dpop) are protected from both.
//
// The families of a [Memory] end with the process.
package refresh
