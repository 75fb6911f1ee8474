// Package rbac allows or denies requests by the roles and permissions of their
// principal.
//
//	policy := guard.Must(rbac.New(rbac.Spec[Perm]{
//		Permissions: []Perm{UsersRead, UsersDelete},
//		Roles: map[string]rbac.Role[Perm]{"admin": {Grants: []Perm{"users:*"}}},
//	}, func(u User) string { return u.Role }, nil))
//	mux.Handle("GET /users", guard.Chain(authenticated, policy.RequireAll(UsersRead))(list))
//
// Permissions are declared in code. Roles grant them, and are declared in code or in a
// file. An undeclared name or a cycle of roles is an error when the policy is built,
// and a gate that requires an undeclared name panics when it is wired. A principal's
// role that the policy does not define grants nothing, and denies nothing. A deny
// wins: a permission that one of the principal's roles denies is denied, even if other
// roles grant it.
//
// Principals may have different roles in each tenant, such as an organisation: see
// [NewPerTenant]. A tenant may define roles: see [Policy.SwapIn].
//
// A gate is a middleware of the policy, and belongs inside authentication. It answers
// 401 to anonymous requests. Without an authenticator, or behind one for another type
// of principal, it answers 500. A principal that lacks the role or permission gets
// 403, with the code "role_required" or "permission_required", or "insufficient_scope"
// if only the scopes of the credential are too narrow.
//
// [Policy.Swap] replaces the roles while the program serves. Each gate uses the
// policy in force when it runs, so a Swap can fall between two gates of one
// request. Decision.Generation reports the policy that each gate used.
//
// This package does not check who owns a resource: see package owner.
package rbac
