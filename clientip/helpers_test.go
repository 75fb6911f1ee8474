package clientip_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/go-guard/guard/clientip"
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// Our proxies; the peer of most cases is 10.0.0.1.
var proxies = prefixes("10.0.0.0/8", "127.0.0.0/8", "fd00::/8", "::1/128")

const proxy = "10.0.0.1:5000"

func request(peer, header string, lines ...string) *http.Request {
	r := &http.Request{RemoteAddr: peer, Header: http.Header{}}
	if header != "" {
		r.Header[http.CanonicalHeaderKey(header)] = lines
	}
	return r
}

// A case without a wanted address wants an error.
type tableCase struct {
	name  string
	peer  string
	lines []string
	want  string
}

func runTable(t *testing.T, ip clientip.Func, header string, cases []tableCase) {
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ip(request(tt.peer, header, tt.lines...))
			switch {
			case tt.want == "" && err == nil:
				t.Errorf("%q from %s: %v, want an error", tt.lines, tt.peer, got)
			case tt.want == "" && got.IsValid():
				t.Errorf("an error and an address: %v", got)
			case tt.want == "" && (len(err.Error()) > 700 || !strings.HasPrefix(err.Error(), "clientip: ")):
				t.Errorf("error %q", err)
			case tt.want != "" && (err != nil || got != netip.MustParseAddr(tt.want)):
				t.Errorf("%q from %s: %v, %v, want %s", tt.lines, tt.peer, got, err, tt.want)
			}
		})
	}
}

func l(lines ...string) []string { return lines }

var (
	long    = strings.Repeat("1.2.3.4, ", 8000) // 72 KB
	longRaw = strings.Repeat("x", 72<<10)
)
