package redisstore_test

import (
	"testing"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
)

func TestAPIKeys(t *testing.T) {
	apikeytest.Run(t, func(t *testing.T) apikey.Store {
		s, _, _ := newStores(t)
		return s.APIKeys()
	})
}
