package ownstore_test

import (
	"os"
	"strings"
	"testing"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
	"github.com/go-guard/guard/interop/ownstore"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/denylisttest"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/jwtauth/refresh/refreshtest"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

func TestSessions(t *testing.T) {
	sessiontest.Run(t, func(t *testing.T) session.Store { return ownstore.NewSessions() })
}

func TestTokenFamilies(t *testing.T) {
	refreshtest.Run(t, func(t *testing.T) refresh.Store { return ownstore.NewTokenFamilies() })
}

func TestDenylist(t *testing.T) {
	denylisttest.Run(t, func(t *testing.T) jwtauth.Denylist { return ownstore.NewDenylist() })
}

func TestAPIKeys(t *testing.T) {
	apikeytest.Run(t, func(t *testing.T) apikey.Store { return ownstore.NewAPIKeys() })
}

// TestDocsOwnStore: docs/own-store.md shows the stores as they are compiled and tested here.
func TestDocsOwnStore(t *testing.T) {
	page := read(t, "../../docs/own-store.md")
	for _, file := range []string{"session.go", "refresh.go", "denylist.go", "apikey.go"} {
		imports, code, found := strings.Cut(read(t, file), "\n)\n\n")
		if !found || strings.Contains(imports, "/internal/") {
			t.Errorf("%s imports what no other module can:\n%s", file, imports)
		}
		if !strings.Contains(page, "```go\n"+code+"```\n") {
			t.Errorf("docs/own-store.md differs from interop/ownstore/%s", file)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
