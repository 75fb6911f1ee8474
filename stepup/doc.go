// Package stepup requires a recent or a strong sign-in for sensitive routes.
//
//	sudo := stepup.Require(stepup.Within(5*time.Minute), stepup.Factor("otp", "hwk"))
//	mux.Handle("POST /transfer", guard.Chain(guard.Optional(sessions), sudo)(transfer))
//
// It reads the request's credential, which is a [guard.AuthContext]: a session, a token of
// package jwtauth, an introspection of package bearer. Any way to sign in works.
//
// # Guarantees
//
// Other requests are refused with 401 and the challenge of RFC 9470, section 3. It
// contains the parameters for the program's request to the authorization server. For
// browsers, format.HTML redirects to its login page, which returns by format.Next. A
// missing or malformed time or method satisfies no requirement: a sign-in at an
// unknown time, or more than 5 seconds ahead, is never recent. Neither use, rotation
// nor refresh renews a sign-in. A request with another credential, such as an API key,
// is refused, and so is an anonymous one.
//
// # Not covered
//
// This package knows a factor only by its name. A session has the names of
// session.Factors, and a token those of its issuer. Pages that change factors need
// [FactorIfEnrolled], or a password is enough to replace them. Requirements that
// depend on the request, such as an amount, need one Require each. With several
// authentication steps, the innermost that found a [guard.AuthContext] counts, also if a
// step inside of it found another subject: put a Require between the two.
package stepup
