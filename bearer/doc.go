// Package bearer authenticates requests by the token in their Authorization
// header (RFC 6750, section 2.1) or in other sources. A function of the application
// looks the token up, or an authorization server does (RFC 7662, [Introspector]).
//
//	tokens := guard.Must(bearer.New(verify, nil))
//	mux.Handle("GET /profile", tokens.Wrap(guard.HandlerFunc(profile)))
//	mux.Handle("GET /posts", guard.Chain(tokens.Wrap, bearer.Scopes("posts:read"))(posts))
//
// # Guarantees
//
// A request without a token is refused with 401 and a challenge without an
// error code, a malformed or unknown token with 401 and invalid_token, a token
// that lacks a scope with 403 and insufficient_scope, and a request with two
// tokens with 400 and invalid_request (RFC 6750, section 3.1). A token longer
// than MaxTokenBytes is refused without a lookup. Tokens in the body are ignored, and
// those in the query string unless Options.Sources has a source.InsecureQuery
// (sections 2.2 and 2.3 advise against both). Tokens are never logged, sent back or
// stored.
//
// An [Introspector] refuses a token that is bound to a key of its client. With
// Options.Bound it is accepted, but only with a proof by that key: see package dpop.
//
// # Not covered
//
// This package does not read signed tokens: see package jwtauth, whose tokens
// [Scopes] and [NewMetadata] support as well. Of two authenticators for bearer
// tokens in one guard.Require, the first decides about every token. RFC 6750
// requires TLS, which the server must provide.
package bearer
