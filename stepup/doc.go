// Package stepup requires a recent or a strong sign-in for sensitive routes.
//
//	sudo := stepup.Require(stepup.Within(5*time.Minute), stepup.Factor("otp", "hwk"))
//	mux.Handle("POST /transfer", guard.Chain(guard.Optional(sessions), sudo)(transfer))
//
// It asks the request's credential, which is a [guard.AuthContext]: a session, a token of
// package jwtauth, an introspection. So it does not matter how a client signs in.
//
// # Guarantees
//
// Other requests are refused with 401 and the challenge of RFC 9470, section 3, from
// which a program learns what to ask the authorization server for. For browsers,
// format.HTML redirects to its login page, and from there back. What the credential does
// not say satisfies nothing: a sign-in at an unknown or a future time is never recent.
// Neither use, rotation nor refresh renews a sign-in. A request with another credential,
// such as an API key, is refused, and so is an anonymous one.
//
// # Not covered
//
// Whether a factor is strong is decided by its name: package session takes the names
// from session.Factors, and tokens have those of their issuer. Pages that change factors
// need [FactorIfEnrolled], or a password is enough to replace them. Requirements that depend
// on the request, such as an amount, need one Require each.
package stepup
