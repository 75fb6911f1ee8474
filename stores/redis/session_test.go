package redisstore_test

import (
	"testing"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

func TestSessions(t *testing.T) {
	s, _, _ := newStores(t)
	sessiontest.Run(t, func(*testing.T) session.Store { return s.Sessions() })
}
