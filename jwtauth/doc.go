// Package jwtauth authenticates requests by signed tokens (JWT, RFC 7519), its
// own and those of authorization servers, and issues them.
//
//	issuer := guard.Must(jwtauth.NewIssuer[Claims](jwtauth.HMAC("HS256", secret), nil))
//	mux.Handle("GET /profile", issuer.Verifier().Wrap(guard.HandlerFunc(profile)))
//
// # Guarantees
//
// The algorithm belongs to the key, never to the token. A signature is checked
// before any claim is looked at; every token needs a subject and an expiry; the
// issuer and audience must be the ones asked for, and where none were asked
// for, the token may name none. Header, payload and encoding have one accepted
// spelling: strict base64, three segments, no member twice, no name that differs
// from a known one in case only, no unknown critical header. A signature may
// have two (to ECDSA, (r, n-s) is as good as (r, s)), so tokens are denied by
// their jti or sid, never by their text. Header members that point to keys (jku,
// x5u, jwk, x5c) are never followed. Whatever is longer than MaxTokenBytes is
// refused unread.
//
// Every refusal is a 401 with one of a few fixed messages; the precise reason
// goes to guard.Observe. Keys or a denylist that cannot be had are a 503.
//
// # Not covered
//
// Encrypted tokens (JWE) and opaque ones: for the latter see package bearer.
package jwtauth
