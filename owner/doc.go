// Package owner loads the resource of a request and allows only principals that
// have access to it.
//
//	posts := guard.Must(owner.New(load, nil)).WithMessage("You can only edit your own posts")
//	edit := posts.Require(func(u User, p Post) bool { return owner.Same(u.ID, p.AuthorID) })
//	mux.Handle("PUT /posts/{id}", guard.Chain(authenticated, edit)(handler))
//
// Load and check are one step: in a handler behind it, From returns the resource that
// was checked for this principal, and panics anywhere else. The loader does not run
// for anonymous requests: these get 401 whether the resource exists or not. Outside
// authentication, every request gets 500. A resource that is missing or not visible is
// 404, and one of another owner is 403. The codes are "not_found", for both reasons,
// and "not_owner".
//
// A loader that fails is answered with 5xx, never 403 or 404. A loader that searches
// only the principal's own resources (WHERE id = ? AND author_id = ?) does not reveal
// by its duration that other resources exist.
//
// Package owner/list has rules for lists: what a principal may see.
//
// Guards wrap the handler of a route. Around a router, a loader has no path
// values yet, and finds nothing.
//
// The resource may change between the check and a write of the handler: such a
// handler repeats the owner in its WHERE clause, or locks in a transaction.
package owner
