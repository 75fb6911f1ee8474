// Package dpop checks that the sender of an access token has the key to which the
// token is bound. So a stolen token is useless. The sender proves the key by a signed
// proof in each request (DPoP, RFC 9449), or by the client certificate of the
// connection (mutual TLS, RFC 8705). Packages jwtauth and bearer take it as their
// option Bound.
//
//	proofs := guard.Must(dpop.New("https://api.example.com", &dpop.Options{Once: stores.Once(), NonceKey: key}))
//	tokens := guard.Must(jwtauth.NewVerifier[Claims](keys, &jwtauth.VerifierOptions{Issuer: iss, Audience: aud, Bound: proofs}))
//	mux.Handle("GET /profile", tokens.Wrap(guard.HandlerFunc(profile)))
//
// # Guarantees
//
// A bound token is accepted only with a proof by its key, and only in the scheme DPoP: as
// a bearer token it is refused. A token that is not bound is refused, unless
// InsecureUnbound is set. A token with a confirmation other than jkt and x5t#S256 is
// refused, and one with both needs both.
//
// A proof is for one request: its method, its URL at the configured origin (never that
// of Host or X-Forwarded-Host), its token, and a time of at most 60 seconds ago and 5
// seconds ahead. It is accepted once, in all processes that share Options.Once. It is
// a JWT of at most 4096 bytes in one field, signed by an asymmetric algorithm with a
// sound public key, in strict JSON. Its jti is remembered only after all other checks,
// so a request that is refused for another reason can be sent again. A store that
// fails is 503.
//
// A refusal is a 401 with a challenge that names the algorithms and one of three errors:
// invalid_dpop_proof; use_dpop_nonce, after which the client repeats the request with the
// nonce from the field DPoP-Nonce in a new proof; and invalid_token for a token that is
// not bound, or bound in another way. The exact reason is reported to guard.Observe alone.
//
// # Not covered
//
// A proof does not cover the query, the body and the other fields of a request (RFC 9449,
// section 11.7). A client that retries must sign a new proof, also after a 403 or 503 of a
// handler. Authenticate a request once: a second guard with the same Once finds its proof
// used, and refuses it.
//
// For a browser, the CORS policy must expose DPoP-Nonce and WWW-Authenticate. A handler
// behind http.StripPrefix needs nothing: the URL is that which the client sent. Behind a
// proxy that changes paths, Options.Prefix has what it removes.
package dpop
