// Package apikey authenticates requests by an API key.
//
// [New] looks keys up by a function of the application. [NewRing] manages keys
// itself: it issues, updates, rotates, revokes and lists them, and stores only their
// SHA-256.
//
//	keys := guard.Must(apikey.New(lookup, nil))
//	mux.Handle("GET /protected", keys.Wrap(guard.HandlerFunc(hello)))
//
// A request without a key is refused with 401, one with two keys with 400.
// Unknown, wrong and revoked keys get the same answer. Only a client that sends
// the right secret learns that its key has expired or is used up. A store that fails is
// answered with 503. Keys never appear in logs, errors or contexts.
//
// API keys are credentials of programs. Browsers send a key in a cookie with
// every request, so cross-site requests with one are refused. A key in the query
// ends in the logs of other systems: see source.InsecureQuery.
//
// # Format
//
// A ring's key is prefix_env_id_secret, all letters and digits. The id has 12
// characters and names the record. The secret has 32 characters, 190 bits from
// crypto/rand, and 6 more hold the CRC-32 of everything before them. A mistyped
// key is refused without a store call, and secret scanners find a leaked key by
// [Pattern], which [Ring.Verify] checks.
//
// # Managing keys
//
// Mistakes in what a ring is given are [FieldErrors], 422, that name each field. A
// subject has at most RingOptions.MaxPerSubject valid keys. Keys that have ended
// (revoked, expired or used up) are never valid again, are listed for [Retention], and
// make room for new ones before that. Issue, Rotate, Update and Revoke trust their
// caller: package owner checks whose key it is.
package apikey
