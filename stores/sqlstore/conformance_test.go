package sqlstore_test

import (
	"testing"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/denylisttest"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/jwtauth/refresh/refreshtest"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/once/oncetest"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	"github.com/go-guard/guard/signin/credential"
	"github.com/go-guard/guard/signin/credential/credentialtest"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b backend) {
		s, _ := b.stores(t, nil)
		suites(t, s, func(t *testing.T) *sqlstore.Stores {
			s, _ := b.stores(t, nil)
			return s
		})
	})
}

// suites runs all suites in s. The last one wants empty stores: each costs more than its
// cases. If empty is nil, it is left out.
func suites(t *testing.T, s *sqlstore.Stores, empty func(t *testing.T) *sqlstore.Stores) {
	t.Run("Sessions", func(t *testing.T) {
		sessiontest.Run(t, func(*testing.T) session.Store { return s.Sessions() })
	})
	t.Run("TokenFamilies", func(t *testing.T) {
		refreshtest.Run(t, func(*testing.T) refresh.Store { return s.TokenFamilies() })
	})
	t.Run("Denylist", func(t *testing.T) {
		denylisttest.Run(t, func(*testing.T) jwtauth.Denylist { return s.Denylist() })
	})
	t.Run("Passkeys", func(t *testing.T) {
		credentialtest.Run(t, func(*testing.T) credential.Store { return s.Passkeys() })
	})
	t.Run("Once", func(t *testing.T) {
		oncetest.Run(t, func(*testing.T) once.Store { return s.Once() }, nil)
	})
	if empty == nil {
		return
	}
	t.Run("APIKeys", func(t *testing.T) {
		apikeytest.Run(t, func(t *testing.T) apikey.Store { return empty(t).APIKeys() })
	})
}

// TestLogouts runs most rounds on PostgreSQL: the other databases take longer for a
// write, and have the same statements.
func TestLogouts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b backend) {
		rounds := 100
		if b.dialect == sqlstore.PostgreSQL {
			rounds = 1000
		}
		s, _ := b.stores(t, nil)
		refreshtest.Logouts(t, s.TokenFamilies(), s.Denylist(), rounds)
	})
}
