// Package openid lets package signin/oauth use what package jwtauth has no exported
// function for. Package jwtauth sets the functions at program start, and nothing
// changes them afterwards: see internal/issue, which does the same.
package openid

import "context"

var (
	// Metadata returns the metadata document of a jwtauth.Discover, which is fetched
	// together with the keys. It names the issuer.
	Metadata func(ctx context.Context, keys any) ([]byte, error)
	// DiscoverAt is jwtauth.Discover for metadata that is found as that of an issuer, and
	// has another name for it: one of names. opts is a *jwtauth.RemoteOptions. The result
	// is a jwtauth.KeySource.
	DiscoverAt func(issuer string, names []string, opts any) any
	// KeysFor returns, as a jwtauth.KeySource, the keys of a DiscoverAt whose member
	// issuer is allowed.
	KeysFor func(keys any, allowed func(issuer string) bool) any
	// CheckKey returns why a jwtauth.Key cannot sign client assertions. The zero Key is
	// none: ok is false, and err nil.
	CheckKey func(key any) (ok bool, err error)
	// KeyName returns the algorithm of a jwtauth.Key that CheckKey accepts, and the ID
	// that it was given.
	KeyName func(key any) (alg, id string)
	// Sign returns a payload as a token that a jwtauth.Key signed (typ JWT).
	Sign func(key any, payload []byte) (string, error)
)
