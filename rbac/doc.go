// Package rbac lets requests on by the roles and permissions of their
// principal.
//
//	policy := guard.Must(rbac.New(rbac.Spec[Perm]{
//		Permissions: []Perm{UsersRead, UsersDelete},
//		Roles: map[string]rbac.Role[Perm]{"admin": {Grants: []Perm{"users:*"}}},
//	}, func(u User) string { return u.Role }, nil))
//	mux.Handle("GET /users", guard.Chain(authenticated, policy.RequireAll(UsersRead))(list))
//
// Permissions are declared in code and roles are made of them, in code or in a
// file. A name that is not declared, a cycle of roles and a gate that asks for
// nothing are errors where the policy is built or panics where the gate is
// wired, never a silent no. A role of a principal that the policy does not know
// grants nothing.
//
// A gate stands behind authentication: without a principal it answers 401, and
// behind a step for another type of principal 500. Whom it does not let on gets
// 403. A policy can be swapped while it serves; the gates behind one
// authentication step decide by one policy, from the first to the last.
//
// Whether a principal may do something to a thing of somebody's is package
// owner's matter.
package rbac
