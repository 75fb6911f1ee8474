package interop

import (
	"context"
	"errors"

	"github.com/cedar-policy/cedar-go"

	"github.com/go-guard/guard/rbac"
)

// ByCedar returns a policy whose decisions Cedar policies make. The principal is the
// user, whose parent is the role; the action is the permission. If a Cedar policy
// cannot be evaluated, the result is an internal error, since that policy might have
// denied the request.
func ByCedar(policies *cedar.PolicySet) (*rbac.Policy[User, Perm], error) {
	return rbac.NewDecided([]Perm{Read, Write}, func(_ context.Context, u User, perm Perm) (bool, error) {
		user := cedar.NewEntityUID("User", cedar.String(u.ID))
		role := cedar.NewEntityUID("Role", cedar.String(u.Role))
		decision, diagnostic := cedar.Authorize(policies, cedar.EntityMap{
			user: {UID: user, Parents: cedar.NewEntityUIDSet(role)},
			role: {UID: role},
		}, cedar.Request{Principal: user, Action: cedar.NewEntityUID("Action", cedar.String(perm)), Resource: user})
		if len(diagnostic.Errors) > 0 {
			return false, errors.New("cedar: " + diagnostic.Errors[0].Message)
		}
		return bool(decision), nil
	}, nil)
}
