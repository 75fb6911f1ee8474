// The example serves every section of the authentication guide over HTTP, each
// under a prefix of its own and in a file of its own: it is made to be copied
// from.
//
//	go run ./example -dev
//
// The page at / lists them, each with a command to try. What every section uses,
// users with passwords, posts and JSON, is in users.go, posts.go and json.go. The
// users are alice@example.com (admin), bob@example.com (user) and
// carol@example.com (moderator), all with the password "secret".
//
// # Settings
//
//   - -dev: cookies for plain http on localhost and, without JWT_SECRET_KEY, a
//     random signing key for this run.
//   - -addr, ADDR: the address to listen on, 127.0.0.1:8080 by default. Port 0
//     picks one; the line "listening on http://HOST:PORT" on stdout names it.
//   - JWT_SECRET_KEY: signs tokens; 32 bytes or more.
//   - REDIS_URL: keeps sessions, refresh tokens, rate limits and API keys, so that
//     several processes are one; without it they are in memory.
//   - DATABASE_URL: keeps the same but the rate limits in PostgreSQL, MySQL or
//     SQLite, by its scheme.
//   - TRUSTED_PROXIES: networks whose X-Forwarded-For is believed, such as
//     "10.0.0.0/8, ::1"; without it, nobody's.
//   - OIDC_ISSUER, OIDC_AUDIENCE: the authorization server whose access tokens
//     /oidc/profile accepts; OIDC_JWKS_URL in place of discovery, and OIDC_REFETCH,
//     the least time between two fetches of its keys.
//
// A wrong setting is one line on stderr and exit status 1. SIGTERM stops it when
// the requests under way are answered.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-guard/guard/example/backend"
)

func main() {
	err := run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, strings.Join(strings.Fields(err.Error()), " ")) // one line, whatever it joins
		os.Exit(1)
	}
}

// run serves until ctx ends or the process is told to stop.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	set, err := readSettings(args, getenv, stderr)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	stores, err := backend.Open(ctx, getenv)
	if err != nil {
		return err
	}
	defer stores.Close()
	set.stores = *stores
	handler, err := newHandler(ctx, set, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", set.addr)
	if err != nil {
		return fmt.Errorf("-addr, ADDR: %w", err)
	}
	fmt.Fprintf(stdout, "listening on http://%s\n", listener.Addr())
	return serve(ctx, listener, handler, log)
}

// serve answers requests until SIGINT or SIGTERM, then finishes those that are
// under way. A second signal ends it at once.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stop()
	log.Info("stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}
