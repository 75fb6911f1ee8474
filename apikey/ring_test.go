package apikey_test

import (
	"testing"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
)

func TestMemory(t *testing.T) {
	apikeytest.Run(t, func(*testing.T) apikey.Store { return apikey.NewMemory() })
}
