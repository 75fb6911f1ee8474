// The example serves every section of the authentication guide over HTTP, each
// under a prefix of its own and in a file of its own: it is made to be copied
// from.
//
//	go run ./example -dev
//
// Its settings are in settings.go. What every section uses, users with
// passwords, posts and JSON, is in users.go, posts.go and json.go.
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
	handler, flush, err := newHandler(ctx, set, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", set.addr)
	if err != nil {
		return fmt.Errorf("-addr, ADDR: %w", err)
	}
	fmt.Fprintf(stdout, "listening on http://%s\n", listener.Addr())
	err = serve(ctx, listener, handler, log)
	return errors.Join(err, flush(context.WithoutCancel(ctx)))
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
