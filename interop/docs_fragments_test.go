package interop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocsFragments: code that docs/web-application.md and docs/links.md add to the programs
// of other pages compiles in one with their names.
func TestDocsFragments(t *testing.T) {
	vetFragments(t, `package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/link"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/totp"
	"github.com/go-guard/guard/stepup"
)

type Visit struct{}

type app struct {
	sessions *session.Manager[Visit]
	second   *totp.Factors
	keys     *passkey.RelyingParty
}

`+block(t, "../docs/web-application.md", "// create begins")+`
func guards(a *app, signedIn guard.Middleware) guard.Middleware {
	`+block(t, "../docs/web-application.md", "manage := ")+`
	return manage
}

type byLink struct {
	sessions *session.Manager[struct{}]
	signIns  *link.Links
	users    interface {
		CountSignIn(ctx context.Context, id string) error
	}
}

func (a *byLink) signIn(w http.ResponseWriter, r *http.Request) error {
	`+block(t, "../docs/links.md", "token := ")+`
}

var _, _, _ = (*app).create, guards, (*byLink).signIn

func main() {}
`)
}

// TestDocsFragmentsProtect: the code of README and docs/existing-application.md that protects
// routes compiles with the types of what that page defines.
func TestDocsFragmentsProtect(t *testing.T) {
	_, chi, found := strings.Cut(read(t, "../README.md"), "With chi it is `")
	chi, _, closed := strings.Cut(chi, "`")
	if !found || !closed {
		t.Fatal("README does not say how it is with chi")
	}
	vetFragments(t, `package main

import (
	"log"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
)

type User struct{}

type Claims struct{}

type Post struct{}

func orders(http.ResponseWriter, *http.Request) {}

func report(http.ResponseWriter, *http.Request) {}

var (
	mux                 *http.ServeMux
	keys                *apikey.Keys[User]
	sessions            *session.Manager[struct{}]
	signedIn            *guard.Mapped[*session.Session[struct{}], User]
	issuer              *jwtauth.Issuer[Claims]
	roles               *rbac.Policy[*jwtauth.Token[Claims], string]
	perAddress, perUser *ratelimit.Limiter
)

func readme(addr string, account http.HandlerFunc) {
	`+block(t, "../README.md", "mux.Handle(\"GET /orders\"")+`
}

func readmeChi(r chi.Router) {
	`+chi+`
}

func order(authenticated guard.Middleware, post *owner.Resource[User, Post], mayDelete func(User, Post) bool, handler http.Handler) {
	`+block(t, "../README.md", "mux.Handle(\"DELETE /posts/{id}\"")+`
}

func pageChi(account func(http.ResponseWriter, *http.Request, User)) http.Handler {
	`+block(t, "../docs/existing-application.md", "r := chi.NewRouter()")+`
	return r
}

var _, _, _, _ = readme, readmeChi, order, pageChi

func main() {}
`)
}

// block returns the Go block of a page that begins with first.
func block(t *testing.T, page, first string) string {
	t.Helper()
	for _, code := range goBlocks(t, page) {
		if strings.HasPrefix(code, first) {
			return code
		}
	}
	t.Fatalf("%s has no block that begins with %q", page, first)
	return ""
}

// vetFragments vets a program that is made of fragments.
func vetFragments(t *testing.T, program string) {
	t.Helper()
	dir := copyOf(t, ".")
	write(t, filepath.Join(dir, "fragments", "main.go"), program)
	cmd := exec.Command("go", "vet", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
