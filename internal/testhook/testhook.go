// Package testhook lets package guardtest make sessions and tokens, whose
// fields are unexported.
//
// Packages session and jwtauth set their hook at program start, and nothing
// changes it afterwards: see internal/issue, which does the same.
package testhook

import "time"

// Session makes a *session.Session[D] one of subject, with data as JSON.
var Session func(session any, subject string, data []byte, authTime, lastSeen time.Time, factors []string) error

// Token sets the unexported claims of a *jwtauth.Token[C].
var Token func(token any, subject string, scopes []string) error
