//go:build !sql

package backend

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
)

// openDatabase is what remains of DATABASE_URL without the build tag sql: the
// drivers take longer to compile than everything else together.
func (s *Stores) openDatabase(_ context.Context, getenv func(string) string) error {
	if getenv("DATABASE_URL") == "" {
		return nil
	}
	program := "./example"
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		program = strings.Replace(info.Path, "github.com/go-guard/guard/", "./", 1)
	}
	return errors.New("DATABASE_URL: this program was built without database drivers: go run -tags sql " + program)
}
