// Package dpop checks that the sender of an access token has the key that the token is
// bound to, so that a stolen token is useless: by a signed proof in each request (DPoP,
// RFC 9449), or by the client certificate of the connection (mutual TLS, RFC 8705). It is
// the option Bound of packages jwtauth and bearer.
//
//	proofs := guard.Must(dpop.New("https://api.example.com", &dpop.Options{Once: stores.Once(), NonceKey: key}))
//	tokens := guard.Must(jwtauth.NewVerifier[Claims](keys, &jwtauth.VerifierOptions{Issuer: iss, Audience: aud, Bound: proofs}))
//	mux.Handle("GET /profile", tokens.Wrap(guard.HandlerFunc(profile)))
//
// # Guarantees
//
// A bound token is accepted with a proof by its key alone, and only in the scheme DPoP: as
// a bearer token it is refused. A token that is not bound is refused, unless
// InsecureUnbound is set. So is one with a confirmation that is not checked here: a token
// with both jkt and x5t#S256 needs both.
//
// A proof is for one request: its method, its URL at the configured origin (never that
// of Host or X-Forwarded-Host), its token, and a time of at most 60 seconds ago and 5
// seconds ahead. It is accepted once, in all processes that share Options.Once. It is a
// JWT of at most 4096 bytes in one field, signed by an asymmetric algorithm with a sound
// public key, in strict JSON. All else is checked before its jti is remembered: a
// request that is refused for another reason uses up nothing. A store that fails is 503.
//
// A refusal is a 401 with a challenge that names the algorithms and one of three errors:
// invalid_dpop_proof, use_dpop_nonce (the client repeats the request with the nonce from
// the field DPoP-Nonce), and invalid_token where the token is not one for this way. What
// exactly was wrong is reported to guard.Observe alone.
//
// # Not covered
//
// A proof does not cover the query, the body and the other fields of a request (RFC 9449,
// section 11.7). A client that retries must sign a new proof. For a browser, the
// CORS policy must expose DPoP-Nonce and WWW-Authenticate. A handler behind
// http.StripPrefix needs nothing: the URL is that which the client sent. Behind a proxy
// that changes paths, Options.Prefix has what it removes.
package dpop
