// Package owner loads the thing that a request is about and lets only those at
// it who may.
//
//	posts := guard.Must(owner.New(load, nil)).WithMessage("You can only edit your own posts")
//	edit := posts.Require(func(u User, p Post) bool { return owner.Same(u.ID, p.AuthorID) })
//	mux.Handle("PUT /posts/{id}", guard.Chain(authenticated, edit)(handler))
//
// Load and check are one step: in a handler behind it From returns a thing that
// was checked for this principal, and panics anywhere else. Nobody makes it
// load: an anonymous request is 401 whether the thing exists or not. Then what
// is not there, or not visible, is 404, and what is another's is 403.
//
// A loader that fails is 5xx, never 403 or 404. What a loader answers depends on
// it: one that looks only among the principal's own things (WHERE id = ? AND
// author_id = ?) cannot tell by its time either that others exist.
//
// Guards belong around a route's handler. Around a router, a loader sees no
// path values yet, and finds nothing.
//
// Between the check and what a handler does the thing may change: a handler
// that writes names the owner in its WHERE clause too, or locks in a transaction.
package owner
