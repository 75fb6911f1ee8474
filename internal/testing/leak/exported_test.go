package leak_test

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/leak"
	"github.com/go-guard/guard/signin/credential"
)

const root = "../../.."

// packages has instances of the exported types of every package of the module. The
// modules under stores/ have their own.
var packages = map[string]func(*testing.T) map[string]leak.Instance{
	".":               ofGuard,
	"apikey":          ofAPIKey,
	"bearer":          ofBearer,
	"clientip":        none,
	"dpop":            ofDPoP,
	"format":          none,
	"guardtest":       ofGuardtest,
	"jwtauth":         ofJWTAuth,
	"jwtauth/refresh": ofRefresh,
	"once":            ofOnce,
	"owner":           ofOwner,
	"owner/list":      ofList,
	"ratelimit":       ofRatelimit,
	"rbac":            ofRBAC,
	"session":         ofSession,
	"signin/link":     ofLink,
	"signin/oauth":    ofOAuth,
	"signin/password": ofPassword,
	"signin/totp":     ofTOTP,
	"source":          ofSource,
	"stepup":          none,
	"webhook":         ofWebhook,

	"signin/credential": ofCredential,
	// Conformance suites.
	"apikey/apikeytest": none, "jwtauth/denylisttest": none, "jwtauth/refresh/refreshtest": none,
	"once/oncetest": none, "ratelimit/ratelimittest": none, "session/sessiontest": none,
	"signin/credential/credentialtest": none, "signin/totp/totptest": none,
}

func ofCredential(*testing.T) map[string]leak.Instance {
	return map[string]leak.Instance{"Record": {Value: credential.Record{ID: "a"}}, "Use": {Value: credential.Use{SignCount: 1}}}
}

func none(*testing.T) map[string]leak.Instance { return nil }

// TestNoSecretIsPrinted holds every exported type to it: no verb of fmt and no
// handler of slog shows a secret.
func TestNoSecretIsPrinted(t *testing.T) {
	for _, pkg := range publicPackages(t) {
		instances, ok := packages[pkg]
		if !ok {
			t.Errorf("package %s is new: add a row to packages of internal/testing/leak/exported_test.go, with a function that returns an instance of each exported type, or none", pkg)
			continue
		}
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			leak.Check(t, filepath.Join(root, pkg), instances(t))
		})
	}
}

// publicPackages returns the folders of the module's packages, without those of
// nested modules and of internal/.
func publicPackages(t *testing.T) []string {
	dirs := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			nested, _ := filepath.Glob(path + "/go.mod")
			if rel != "." && (len(nested) > 0 || rel == "internal" || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			dirs[filepath.Dir(rel)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(dirs))
}
