package redisstore_test

import (
	"testing"

	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refreshtest"
)

func TestFamilies(t *testing.T) {
	refreshtest.Run(t, func(t *testing.T) jwtauth.RefreshStore {
		s, _, _ := newStores(t)
		return s.Families()
	})
}
