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
// Other requests are refused with 401 and the challenge of RFC 9470, section 3, from
// which a program learns what to ask the authorization server for. For browsers,
// format.HTML redirects to its login page, which leads back by format.Next. A missing or
// malformed time or method satisfies no requirement: a sign-in at an unknown or a future time
// is never recent.
// Neither use, rotation nor refresh renews a sign-in. A request with another credential,
// such as an API key, is refused, and so is an anonymous one.
//
// # Not covered
//
// This package knows a factor by its name alone: a session has the names that
// session.Factors gave it, and a token those of its issuer. Pages that change factors need
// [FactorIfEnrolled], or a password is enough to replace them. Requirements that depend
// on the request, such as an amount, need one Require each.
package stepup
