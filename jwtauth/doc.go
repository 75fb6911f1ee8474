// Package jwtauth authenticates requests by signed tokens (JWT, RFC 7519). It
// verifies tokens of this program and of authorization servers, and issues
// tokens.
//
//	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", secret), nil))
//	mux.Handle("GET /profile", issuer.Verifier().Wrap(guard.HandlerFunc(profile)))
//
// # Guarantees
//
// The key determines the algorithm, never the token. The signature is checked
// before the claims. Every token needs a subject and an expiry. Issuer and
// audience must match the options; if an option is empty, the token must not have
// that claim. Of several issuers, each has its own [Trust]. Header, payload and
// encoding have one accepted spelling: strict base64, three segments, no member
// twice, no unknown critical header. A signature may have two spellings (for ECDSA,
// (r, n-s) is as valid as (r, s)), so a token is denied by its jti or sid, never by
// its text. Header members that point to keys (jku, x5u, jwk, x5c) are never
// followed. A token longer than MaxTokenBytes is refused unread.
//
// A bad token is refused with 401 and one of a few fixed messages and codes
// (see [Verifier.Authenticate]); the precise reason is reported to guard.Observe.
// If the keys or the denylist are unavailable, the answer is 503.
//
// # Not covered
//
// A stolen token works until it expires, unless it is bound to a key of its client: see
// VerifierOptions.Bound and package dpop. Encrypted tokens (JWE) are refused. For opaque
// tokens see package bearer, for refresh tokens package jwtauth/refresh.
package jwtauth
