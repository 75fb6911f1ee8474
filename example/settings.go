package main

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/example/backend"
)

// settings are what the program is told by its flags and its environment.
type settings struct {
	dev     bool
	addr    string
	secret  []byte         // signs the JWTs
	proxies []netip.Prefix // whose X-Forwarded-For is believed
	oidc    oidcSettings
	stores  backend.Stores // in memory where nothing else is named
}

// clientIP finds a request's sender. Nobody's X-Forwarded-For is believed but
// the proxies': else every sender could pretend to be another.
func (s *settings) clientIP() func(*http.Request) (netip.Addr, error) {
	if len(s.proxies) == 0 {
		return clientip.Direct()
	}
	return clientip.XFF(s.proxies...)
}

// environment is the part of -h that package flag does not know.
const environment = `
Environment:
  JWT_SECRET_KEY   signs tokens: 32 bytes or more; required without -dev
  REDIS_URL        keeps sessions, refresh tokens, rate limits and API keys;
                   without it they are in memory
  DATABASE_URL     keeps the same but the rate limits in PostgreSQL, MySQL or
                   SQLite, by its scheme
  TRUSTED_PROXIES  networks whose X-Forwarded-For is believed, such as
                   "10.0.0.0/8, ::1"; without it, nobody's
  OIDC_ISSUER      authorization server whose access tokens /oidc accepts
  OIDC_AUDIENCE    whom they must be for; required with OIDC_ISSUER
  OIDC_JWKS_URL    where its keys are, in place of discovery
  OIDC_REFETCH     least time between two fetches of its keys; 10s if not set
  ADDR             listen address, where -addr is not given
`

func readSettings(args []string, getenv func(string) string, stderr io.Writer) (set settings, err error) {
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // a wrong flag is one line, as any wrong setting
	flags.BoolVar(&set.dev, "dev", false, "cookies for http on localhost and, without JWT_SECRET_KEY, a random signing key")
	flags.StringVar(&set.addr, "addr", or(getenv("ADDR"), "127.0.0.1:8080"), "listen `address`, also ADDR; port 0 picks one")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "The example serves every way to authenticate and authorize; / lists them.\n\nFlags:\n")
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
	set.secret, err = readSecret(getenv("JWT_SECRET_KEY"), set.dev, stderr)
	return set, err
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// readSecret demands as many bytes as HS256 has (RFC 7518, section 3.2).
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

// readProxies reads prefixes such as "10.0.0.0/8, ::1"; an address alone is one.
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
			return nil, fmt.Errorf("TRUSTED_PROXIES: %q is everybody: then every sender could choose an address", part)
		}
		proxies = append(proxies, p)
	}
	return proxies, nil
}

// derive makes a secret for another purpose than signing tokens: no two
// purposes share one.
func (s *settings) derive(purpose string) []byte {
	key, err := hkdf.Expand(sha256.New, s.secret, "example "+purpose, 32)
	if err != nil {
		panic(err) // only for lengths that no hash has
	}
	return key
}
