// The example serves every section of the authentication guide over HTTP. Each
// section has a prefix and a file, which is written to be copied.
//
//	go run ./example -dev
//
// The page at / lists the sections, each with a command to try. The sections share
// users.go (users with passwords), posts.go and json.go. The users are
// alice@example.com (admin), bob@example.com (user) and carol@example.com
// (moderator), all with the password "secret".
//
// # Settings
//
//   - -dev: cookies for plain http on localhost in every browser (Safari accepts no
//     Secure cookie there; Chromium and Firefox do) and, without JWT_SECRET_KEY, a random
//     signing key for this run.
//   - -addr, ADDR: the address to listen on, 127.0.0.1:8080 by default. Port 0
//     picks one; the line "listening on http://HOST:PORT" on stdout names it.
//   - JWT_SECRET_KEY: signs tokens; 32 bytes or more.
//   - REDIS_URL: stores sessions, refresh tokens, rate limits and API keys in
//     Redis, so that several processes share them. The default is in memory.
//   - DATABASE_URL: stores the same, except the rate limits, and the accounts of /session,
//     /link, /totp, /passkey, /stepup and /app in PostgreSQL, MySQL
//     or SQLite, in place of Redis. The scheme selects the database. The drivers need a build tag,
//     because they take long to compile: go run -tags sql ./example
//   - RATE_LIMITS: "database" stores the rate limits there, too. They are slower than
//     in Redis. By default they are in Redis or, without it, in each process.
//   - TRUSTED_PROXIES: networks whose X-Forwarded-For is believed, such as
//     "10.0.0.0/8, ::1". The default is none.
//   - OIDC_ISSUER, OIDC_AUDIENCE: the authorization server whose access tokens
//     /oidc/profile and /mcp accept, and /dpop/profile those that are bound to a key.
//     OIDC_JWKS_URL replaces discovery, and OIDC_REFETCH is the minimum time between two
//     fetches of keys.
//   - TLS_CERT, TLS_KEY: files in PEM: the server speaks https, in the line on stdout,
//     too. Cookies are __Host- then, also with -dev, and the sessions of /session are bound to
//     the device where the browser can (Device Bound Session Credentials, a W3C draft;
//     experimental). DEVICE_EVERY is how long a bound session's second cookie is good, 10m by
//     default. One of the files without the other is an error.
//   - PUBLIC_URL: the origin under which browsers reach the server. The default is
//     http://localhost:PORT on loopback, else http://HOST:PORT (https with TLS_CERT), with
//     which /oauth does not
//     start: browsers return its cookies over https or on localhost alone. /passkey needs a
//     domain over https, or localhost: it is the relying party's ID, which passkeys belong to.
//     The proofs that /dpop takes are for this origin, whatever host a request names.
//   - OAUTH_ISSUER, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET: the provider with which
//     people sign in under /oauth and in /app (OpenID Connect), and this application there,
//     whose redirect URIs are PUBLIC_URL/oauth/callback and PUBLIC_URL/app/oauth/callback. For logout, its post-logout redirect URI
//     is PUBLIC_URL/, and its back-channel logout URI PUBLIC_URL/oauth/backchannel. Without
//     a secret it is a public client. OIDC_REFETCH holds here, too.
//   - OAUTH_AUTHORIZE_URL, OAUTH_TOKEN_URL, OAUTH_USERINFO_URL: the provider in place of
//     OAUTH_ISSUER: plain OAuth 2.0, such as GitHub's.
//   - OAUTH_RESPONSE_MODE: "form_post" has browsers post the provider's answer, as
//     Apple requires. It needs Secure cookies, and so no -dev.
//   - MAIL_URL: smtp://HOST:PORT, where mail goes. With -dev the default is one line on
//     standard error for each mail, "mail to ADDRESS: URL"; otherwise /link and /app need one.
//   - WEBHOOK_SECRET: the secret with which deliveries to /webhook are signed; a list "NEW,OLD"
//     replaces one. Standard Webhooks uses the base64 behind whsec_, 24 bytes or more; the
//     others use the text as it stands. With -dev the default is
//     whsec_Z3VhcmQtZGV2ZWxvcG1lbnQtc2VjcmV0LTMyYnl0ZXM=; otherwise /webhook needs one.
//   - SEAL_KEY: base64 of 32 bytes (openssl rand -base64 32). It seals cookies and what
//     is stored encrypted. A list "NEW,OLD" replaces a key. With -dev the default is
//     a random key; otherwise /oauth, /link, /totp, /passkey,
//     /stepup, /dpop and /app need one.
//
// An invalid setting is reported in one line on stderr, with exit status 1. On
// SIGTERM the program completes the requests under way and exits.
package main

import (
	"context"
	"crypto/tls"
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
		fmt.Fprintln(os.Stderr, strings.Join(strings.Fields(err.Error()), " ")) // an error of errors.Join has several lines
		os.Exit(1)
	}
}

// run serves until ctx ends or a signal stops the process.
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
	listener, err := net.Listen("tcp", set.addr)
	if err != nil {
		return fmt.Errorf("-addr, ADDR: %w", err)
	}
	defer listener.Close()
	if set.publicURL == "" {
		set.publicURL = publicURLOf(set.tls.scheme(), listener.Addr())
	}
	set.mails = newMailer(set, stderr, log)
	defer set.mails.wait()
	handler, err := newHandler(ctx, set, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "listening on %s://%s\n", set.tls.scheme(), listener.Addr())
	return serve(ctx, listener, handler, set.tls.certificate, log)
}

// serve answers requests until SIGINT or SIGTERM, then completes those under way.
// A second signal ends the process at once.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, certificate *tls.Certificate, log *slog.Logger) error {
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
	go func() {
		if certificate == nil {
			failed <- server.Serve(listener)
			return
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		failed <- server.ServeTLS(listener, "", "")
	}()
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
