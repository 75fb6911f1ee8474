package interop

import (
	"context"

	"github.com/casbin/casbin/v3"

	"github.com/go-guard/guard/rbac"
)

// ByCasbin lets a casbin enforcer decide: its request is the user's id and the
// permission. Use a SyncedEnforcer where its policies change while it serves.
// Who asks is the authenticated principal, never a name that the client wrote.
func ByCasbin(e casbin.IEnforcer) (*rbac.Policy[User, Perm], error) {
	return rbac.NewDecided([]Perm{Read, Write}, func(_ context.Context, u User, perm Perm) (bool, error) {
		return e.Enforce(u.ID, string(perm))
	}, nil)
}
