// Package oauth signs people in with their account at a provider, by the code flow of
// OpenID Connect (Core 1.0) or of plain OAuth 2.0 (RFC 6749).
//
//	login := guard.Must(oauth.New[Claims](oauth.Discover(issuer), oauth.Client{ID: id, Secret: secret}, callbackURL, &oauth.Options{Key: key}))
//	mux.Handle("GET /login", login.Begin())
//	mux.Handle("GET /callback", login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[Claims]) error { … sessions.Create … }))
//	mux.Handle("POST /logout", login.Logout(func(w http.ResponseWriter, r *http.Request) (idToken string, err error) { … sessions.Destroy … }))
//	mux.Handle("POST /backchannel", login.BackChannel(func(ctx context.Context, t oauth.LogoutToken) error { … sessions.DestroyRef … }))
//
// [GitHub], [Google], [Microsoft] and [Apple] are ready providers; [Discover] and
// [Endpoints] are for any other. [Login.Link] adds a provider's account to a signed-in
// user, and [Login.Refresh] refreshes the tokens of Options.KeepTokens.
//
// # Guarantees
//
// Each sign-in has PKCE (RFC 7636, S256), a state, with OpenID Connect a nonce, and
// its own sealed cookie, so several tabs work. The server stores nothing until a
// browser returns. A sign-in is completed once, over all processes that share
// Options.Once. The answer is checked as RFC 9207 and OpenID Connect Core, section
// 3.1.3.7, require. Answers of the provider are bounded, strict JSON, and never
// followed elsewhere. The path to return to stays on this site.
//
// Clients read four different refusals: declined (403), expired or used (400), not
// accepted (401), and the provider is down (503). The reason reaches guard.Observe only.
// No code, token, state or secret is in an error.
//
// Logout ends the session here first, with the sign-ins that the browser has begun,
// then at the provider. BackChannel spends a logout token only after the sessions have
// ended. With session.Ref of Identity.Ref, an unfinished sign-in for the ended session
// is refused.
//
// # Not covered
//
// An account is found by (Issuer, Subject), never by e-mail. The implicit and hybrid
// flows, encrypted ID tokens and signed answers (JARM) are refused. Front-channel logout
// and session management by iframes need cookies that browsers do not send in frames.
package oauth
