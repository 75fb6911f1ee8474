package interop

import (
	"context"
	"errors"

	"github.com/cedar-policy/cedar-go"

	"github.com/go-guard/guard/rbac"
)

// ByCedar lets Cedar policies decide: the principal is the user, whose role is
// its parent, and the action is the permission. A policy that cannot be
// evaluated is a failure of ours: what it would have forbidden is not known.
func ByCedar(policies *cedar.PolicySet) (*rbac.Policy[User, Perm], error) {
	return rbac.NewDecided([]Perm{Read, Write}, func(_ context.Context, u User, perm Perm) (bool, error) {
		user := cedar.NewEntityUID("User", cedar.String(u.ID))
		role := cedar.NewEntityUID("Role", cedar.String(u.Role))
		decision, why := cedar.Authorize(policies, cedar.EntityMap{
			user: {UID: user, Parents: cedar.NewEntityUIDSet(role)},
			role: {UID: role},
		}, cedar.Request{Principal: user, Action: cedar.NewEntityUID("Action", cedar.String(perm)), Resource: user})
		if len(why.Errors) > 0 {
			return false, errors.New("cedar: " + why.Errors[0].Message)
		}
		return bool(decision), nil
	}, nil)
}
