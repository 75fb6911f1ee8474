package interop

import (
	"context"

	"github.com/casbin/casbin/v3"

	"github.com/go-guard/guard/rbac"
)

// ByCasbin returns a policy whose decisions a casbin enforcer makes, by the user's ID
// and the permission. Use a SyncedEnforcer if its policies change at run time. The
// user is the authenticated principal, never a name from the request.
func ByCasbin(e casbin.IEnforcer) (*rbac.Policy[User, Perm], error) {
	return rbac.NewDecided([]Perm{Read, Write}, func(_ context.Context, u User, perm Perm) (bool, error) {
		return e.Enforce(u.ID, string(perm))
	}, nil)
}
