// Package format has error formats for guard.OnError besides guard.JSON: problem
// details, pages for browsers, and choices between formats.
//
//	handler = guard.OnError(format.HTML("/login", format.Negotiate))(mux)
//
// A format writes the body of a refusal. Its status, challenges and cache fields
// are the root's and cannot be changed by a format.
package format
