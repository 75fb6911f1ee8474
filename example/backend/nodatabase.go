//go:build !sql

package backend

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
)

// openDatabase refuses DATABASE_URL in a program built without the tag sql. The
// drivers of database.go take as long to compile as everything else together.
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
