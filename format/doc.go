// Package format has error formats for guard.OnError besides guard.JSON: problem
// details, the errors of OAuth, pages for browsers, and choices between formats.
//
//	handler = guard.OnError(format.HTML("/login", format.Negotiate))(mux)
//
// A format writes the body of a refusal. Package guard sets the status, the challenges
// and the cache fields, and a format cannot change them.
package format
