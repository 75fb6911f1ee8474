// Package apikey authenticates requests by an API key.
//
// [New] takes an application's own lookup. [NewRing] manages keys itself: it
// issues, rotates, revokes and lists them, and keeps only their SHA-256.
//
//	keys := guard.Must(apikey.New(lookup, nil))
//	mux.Handle("GET /protected", keys.Wrap(guard.HandlerFunc(hello)))
//
// A request without a key is refused with 401, one with two keys with 400. A
// key that is unknown, wrong or revoked gets the same answer; that a key
// expired is told only to who holds it. A store that fails is 503. Keys reach
// no log, no error and no context.
//
// Keys are credentials for programs. A key in a cookie is sent by browsers
// unasked, so cross-site requests with one are refused, and a key in the query
// ends in other people's logs: see [InsecureQuery].
//
// # Format
//
// A ring's key is prefix_env_id_secret, all letters and digits. The id has 12
// of them and names the record; the secret has 32, 190 bits from crypto/rand,
// and is followed by the CRC-32 of all before it in 6 more. A mistyped key is
// refused without asking the store, and secret scanners find a leaked one by
// [Pattern].
package apikey
