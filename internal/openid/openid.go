// Package openid lets package signin/oauth use what package jwtauth has no exported
// function for. Package jwtauth sets the functions at program start, and nothing
// changes them afterwards: see internal/issue, which does the same.
package openid

import "context"

var (
	// Metadata returns the metadata document of a jwtauth.Discover, which is fetched
	// together with the keys. It names the issuer.
	Metadata func(ctx context.Context, keys any) ([]byte, error)
	// CheckKey returns why a jwtauth.Key cannot sign client assertions. The zero Key is
	// none: ok is false, and err nil.
	CheckKey func(key any) (ok bool, err error)
	// Sign returns a payload as a token that a jwtauth.Key signed (typ JWT).
	Sign func(key any, payload []byte) (string, error)
)
