// Package guardtest helps to test the handlers of an application: it makes requests
// of a user, records the decisions of guards, and checks the status of every route
// for every caller.
//
//	r := guardtest.As(httptest.NewRequest("GET", "/profile", nil), alice, guardtest.Session("1", Profile{"Alice"}))
//	profile.ServeHTTP(w, r)
//
// [As] authenticates a request for the handlers and guards inside. [Session] and
// [Token] make credentials; an *apikey.Record and principals of one's own are
// plain values. [Delivery] is a webhook. [Routes] checks a matrix of routes and callers, and fails where a
// route has no guard. A [Recorder] holds the decisions of guards.
//
// # Through the application's chain
//
// An authentication step does not accept requests that As made: it requires its
// credential. An application that takes its authenticator as a parameter is
// tested with [Authenticator] in its place:
//
//	func routes(users guard.Authenticator[User]) http.Handler
//
//	h := routes(guard.BySubject(sessions, loadUser))   // in main
//	h := routes(guardtest.Authenticator[User]())       // in a test
//
// To test the real authenticator, send a real credential, such as by [Header].
//
// # Not covered
//
// A session that [Session] made is in no store. A handler that updates, rotates
// or destroys it needs one that session.Manager.Create stored.
//
// Mistakes in a test's own values, such as a nil principal, panic.
package guardtest
