// Package link makes links that work once, such as to reset a password, to confirm an
// e-mail address or to sign in, and short codes for the same.
//
//	resets := guard.Must(link.New("reset", "https://app.example.com/reset", key, stateOf, nil))
//	url, err := resets.Issue(ctx, subject)      // send it by mail; empty for an unknown subject
//	subject, err := resets.Open(ctx, token)     // GET: show the form
//	err := resets.Redeem(ctx, token, setNew)    // POST: do it, once
//
// # Guarantees
//
// A link is signed, and nothing is stored until it is redeemed. It belongs to one
// purpose, subject and URL, and to a state of the subject, such as the hash of the
// password and the credential epoch. When the state changes, all earlier links are
// invalid. Only one of several concurrent requests redeems, even with different links
// of one state. An action that fails spends nothing. The URL is a setting and never
// comes from a request, so a forged Host header cannot redirect a token.
//
// Mail scanners open links: a GET only calls Open, which spends nothing. Redeem belongs
// to a POST with the token in its body.
//
// Clients read one refusal for a link that is malformed, forged, expired, redeemed, of
// another purpose or of a state that has changed: 400, link_invalid. The reason reaches
// guard.Observe only. A forged link never reaches the function that reads the state.
//
// # Not covered
//
// This package sends no mail, and does not limit how many are sent: see package
// ratelimit. Anyone who can read the mail can redeem the link. The token is in the
// query of the URL, since a fragment would need JavaScript. So it is also in access
// logs, and their readers can use it until it is redeemed or expires. [SetHeaders]
// keeps it out of Referer fields and caches. Anyone who knows a subject can use up the
// attempts of its [Codes]: accept codes behind a half sign-in, or from a signed-in
// user.
package link
