package field

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Origins returns a check that trusts the origins in list, and the mistakes in it.
// An origin that no browser sends would match nothing, and one mistake in it is easily
// overlooked: each error says what to write.
func Origins(pkg string, list []string) (p *http.CrossOriginProtection, errs []error) {
	p = http.NewCrossOriginProtection()
	for _, origin := range list {
		if advice := adviceOn(origin); advice != "" {
			errs = append(errs, fmt.Errorf("%s: trusted origin: %q %s", pkg, withoutPassword(origin), advice))
		} else if err := p.AddTrustedOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("%s: trusted origin: %w", pkg, err))
		}
	}
	return p, errs
}

// withoutPassword is origin for an error.
func withoutPassword(origin string) string {
	at := strings.LastIndexByte(origin, '@') // url.Parse may fail, and its URL.Redacted shows the user
	if at < 0 {
		return origin
	}
	scheme, _, hasScheme := strings.Cut(origin[:at], "//")
	if !hasScheme {
		return "xxxxx" + origin[at:]
	}
	return scheme + "//xxxxx" + origin[at:]
}

// adviceOn returns what to write in place of origin, "" if browsers send it as it is
// (WHATWG HTML, "ASCII serialization of an origin").
func adviceOn(origin string) string {
	u, err := url.Parse(origin)
	switch {
	case origin == "null":
		return "is sent by every sandboxed page and file: serve the page from an origin of its own, and write that"
	case strings.Contains(origin, "*"):
		return "has a wildcard, which matches nothing: list each origin, or serve the pages from one"
	case err != nil, u.Port() != "" && !isPort(u.Port()):
		return "is no URL: write it as \"https://app.example.com\""
	case u.Host == "" && u.Opaque == "" && u.Scheme == "" && u.Path != "" && !strings.HasPrefix(u.Path, "/"),
		u.Host == "" && isPort(u.Opaque): // example.com, localhost:3000
		return "has no scheme: " + write("https", origin)
	case u.Host == "" || u.Scheme == "":
		return "has no host: write it as \"https://app.example.com\""
	case !isASCII(u.Host):
		return "has letters that browsers encode: write what location.origin is in that page, such as \"https://xn--bcher-kva.example\" for \"https://bücher.example\""
	}
	scheme := u.Scheme // in lower case
	switch scheme {
	case "ws":
		scheme = "http"
	case "wss":
		scheme = "https"
	}
	if want := scheme + "://" + canonicalHost(scheme, u); origin != want {
		return "is not what browsers send: " + write(scheme, want)
	}
	return ""
}

// write advises an origin, which begins with scheme or has none.
func write(scheme, origin string) string {
	if !strings.Contains(origin, "://") {
		if u, err := url.Parse(scheme + "://" + origin); err == nil && u.Host != "" && isASCII(u.Host) {
			return fmt.Sprintf("write %q", scheme+"://"+canonicalHost(scheme, u))
		}
		return "write it as \"https://app.example.com\""
	}
	return fmt.Sprintf("write %q", origin)
}

// canonicalHost is the host and port as a browser writes them.
func canonicalHost(scheme string, u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if strings.HasPrefix(u.Host, "[") {
		if a, err := netip.ParseAddr(host); err == nil {
			host = a.WithZone("").String()
		}
		host = "[" + host + "]"
	}
	n, err := strconv.Atoi(u.Port())
	if err != nil || scheme == "https" && n == 443 || scheme == "http" && n == 80 {
		return host
	}
	return host + ":" + strconv.Itoa(n)
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
