package main

import (
	"cmp"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/example/backend"
)

// settings are read from the flags and the environment.
type settings struct {
	dev     bool
	addr    string
	secret  []byte         // signs the JWTs
	proxies []netip.Prefix // networks whose X-Forwarded-For is believed
	oidc    oidcSettings
	stores  backend.Stores // a nil store is in memory
	tls     tlsSettings

	publicURL string         // the origin under which browsers reach the server
	seal      []guard.Secret // the newest first
	oauth     oauthSettings

	webhook []guard.Secret // of /webhook, or none

	mailServer string  // host:port of SMTP, or empty
	mails      *mailer // nil without mail
}

// clientIP returns the function for a client's address. X-Forwarded-For is
// believed only from the proxies: otherwise every client could choose its address.
func (s *settings) clientIP() func(*http.Request) (netip.Addr, error) {
	if len(s.proxies) == 0 {
		return clientip.Direct()
	}
	return clientip.XFF(s.proxies...)
}

// environment is the part of -h that package flag does not generate.
const environment = `
Environment:
  JWT_SECRET_KEY   signs tokens: 32 bytes or more; required without -dev
  REDIS_URL        stores sessions, refresh tokens, rate limits and API keys;
                   the default is in memory
  DATABASE_URL     stores the same, except the rate limits, in PostgreSQL, MySQL
                   or SQLite, in place of Redis; the scheme selects the
                   database: postgres, mysql, sqlite; needs a build with the
                   drivers: go run -tags sql ./example
  RATE_LIMITS      "database" stores the rate limits there, too
  TRUSTED_PROXIES  networks whose X-Forwarded-For is believed, such as
                   "10.0.0.0/8, ::1"; the default is none
  OIDC_ISSUER      authorization server whose access tokens /oidc, /dpop and
                   /mcp accept
  OIDC_AUDIENCE    their audience, which must match; required with OIDC_ISSUER
  OIDC_JWKS_URL    URL of its keys, in place of discovery
  OIDC_REFETCH     minimum time between two fetches of keys; default 10s
  PUBLIC_URL       origin under which browsers reach the server; the default is
                   http://localhost:PORT on loopback, else http://HOST:PORT;
                   https with TLS_CERT
  TLS_CERT
  TLS_KEY          files in PEM: the server speaks https, cookies are __Host-, and
                   sessions are bound to the device where the browser can
                   (experimental); one needs the other
  DEVICE_EVERY     how long a bound session's cookie is good; default 10m
  OAUTH_ISSUER     provider with which people sign in under /oauth and in /app
                   (OpenID Connect)
  OAUTH_CLIENT_ID  this application at the provider
  OAUTH_CLIENT_SECRET
                   its secret; the default is a public client
  OAUTH_AUTHORIZE_URL
  OAUTH_TOKEN_URL
  OAUTH_USERINFO_URL
                   the provider in place of OAUTH_ISSUER: plain OAuth 2.0
  OAUTH_RESPONSE_MODE
                   "form_post" has browsers post the provider's answer; not with -dev
  MAIL_URL         smtp://HOST:PORT, where mail goes; with -dev the default is a
                   line on standard error for each mail
  WEBHOOK_SECRET   secret of the senders of /webhook; "NEW,OLD" replaces one; with
                   -dev the default is whsec_ and base64 of a known secret
  SEAL_KEY         base64 of 32 bytes, which /oauth, /link, /totp, /passkey,
                   /stepup, /dpop and /app need without -dev; "NEW,OLD"
                   replaces a key
  ADDR             listen address; -addr takes precedence
`

func readSettings(args []string, getenv func(string) string, stderr io.Writer) (set settings, err error) {
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main reports an invalid flag in one line
	flags.BoolVar(&set.dev, "dev", false, "cookies for http on localhost and, without JWT_SECRET_KEY, a random signing key")
	flags.StringVar(&set.addr, "addr", cmp.Or(getenv("ADDR"), "127.0.0.1:8080"), "listen `address`, also ADDR; port 0 picks one")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "The example serves the ways to authenticate and authorize that guard has, each in a section; / lists them.\n\nFlags:\n")
		flags.PrintDefaults()
		fmt.Fprint(flags.Output(), environment)
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(stderr)
			flags.Usage()
		}
		return set, err
	}
	if flags.NArg() > 0 {
		return set, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if set.proxies, err = readProxies(getenv("TRUSTED_PROXIES")); err != nil {
		return set, err
	}
	if set.oidc, err = readOIDC(getenv); err != nil {
		return set, err
	}
	if set.oauth, err = readOAuth(getenv, set.oidc.refetch); err != nil {
		return set, err
	}
	if set.tls, err = readTLS(getenv); err != nil {
		return set, err
	}
	if set.publicURL, err = readPublicURL(getenv("PUBLIC_URL")); err != nil {
		return set, err
	}
	if set.mailServer, err = readMailURL(getenv("MAIL_URL")); err != nil {
		return set, err
	}
	if set.seal, err = readSealKeys(getenv("SEAL_KEY"), set.dev); err != nil {
		return set, err
	}
	if set.webhook, err = readWebhookSecrets(getenv("WEBHOOK_SECRET"), set.dev); err != nil {
		return set, err
	}
	set.secret, err = readSecret(getenv("JWT_SECRET_KEY"), set.dev, stderr)
	return set, err
}

// readSecret requires at least 32 bytes, the size of the hash of HS256 (RFC 7518,
// section 3.2).
func readSecret(value string, dev bool, stderr io.Writer) ([]byte, error) {
	switch {
	case len(value) >= 32:
		return []byte(value), nil
	case value != "":
		return nil, fmt.Errorf("JWT_SECRET_KEY has %d bytes: it needs at least 32 bytes", len(value))
	case !dev:
		return nil, errors.New("JWT_SECRET_KEY environment variable not set")
	}
	fmt.Fprintln(stderr, "JWT_SECRET_KEY is not set: tokens are signed with a random key, for this run only")
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return secret, nil
}

// readPublicURL reads an origin, such as "https://example.com".
func readPublicURL(value string) (string, error) {
	if value == "" {
		return "", nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Scheme+"://"+u.Host != value {
		return "", errors.New("PUBLIC_URL is not an origin such as https://example.com, without a path") // it may hold a password
	}
	return value, nil
}

// publicURLOf returns the origin of a listener. On loopback it is that of the name
// localhost: cookies of 127.0.0.1 are not sent there, and an address cannot be a passkey's
// rpId. A listener of all addresses has no other name.
func publicURLOf(scheme string, listener net.Addr) string {
	addr, ok := listener.(*net.TCPAddr)
	if !ok {
		return scheme + "://" + listener.String()
	}
	if addr.IP.IsLoopback() || addr.IP.IsUnspecified() {
		return fmt.Sprintf("%s://localhost:%d", scheme, addr.Port)
	}
	return scheme + "://" + addr.String()
}

// readProxies reads prefixes and single addresses, such as "10.0.0.0/8, ::1".
func readProxies(value string) (proxies []netip.Prefix, err error) {
	if value == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		p, err := netip.ParsePrefix(part)
		if err != nil {
			addr, err := netip.ParseAddr(part)
			if err != nil {
				return nil, fmt.Errorf("TRUSTED_PROXIES: %q is neither a prefix such as 10.0.0.0/8 nor an address", part)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		if p.Bits() == 0 || p.Addr().Is4In6() && p.Bits() <= 96 {
			return nil, fmt.Errorf("TRUSTED_PROXIES: %q contains every client: each could choose its address", part)
		}
		proxies = append(proxies, p)
	}
	return proxies, nil
}

// derive returns the secret for a purpose other than signing tokens: no two
// purposes share a secret.
func (s *settings) derive(purpose string) []byte {
	key, err := hkdf.Expand(sha256.New, s.secret, "example "+purpose, 32)
	if err != nil {
		panic(err) // only if the length is too large for the hash
	}
	return key
}
