// Package httpsurl checks the addresses that secrets are sent to and keys are
// fetched from.
package httpsurl

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Parse parses an absolute https URL without credentials and without a fragment.
// http is accepted for this host (loopback), and for any host where insecure is
// true. A string that does not parse is not quoted in the error, as any part of
// it may be a password.
func Parse(s string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return nil, errors.New(`"" is not an absolute https URL`)
	case err != nil || u.Host == "":
		return nil, errors.New("not an absolute https URL")
	case u.User != nil:
		return nil, errors.New("the URL holds credentials")
	case strings.Contains(s, "#"):
		return nil, fmt.Errorf("%q has a fragment", s)
	case u.Scheme == "https":
	case u.Scheme == "http" && (insecure || IsLoopback(u)):
	default:
		return nil, fmt.Errorf("%q is not https", s)
	}
	return u, nil
}

// IsLoopback reports whether the host of u is this host, by its address or by the name
// that RFC 6761, section 6.3, reserves.
func IsLoopback(u *url.URL) bool {
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
