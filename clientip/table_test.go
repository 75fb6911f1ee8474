package clientip_test

import (
	"context"
	"net"
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

func TestXFF(t *testing.T) {
	runTable(t, clientip.XFF(proxies...), "X-Forwarded-For", []tableCase{
		{"one hop", proxy, l("203.0.113.7"), "203.0.113.7"},
		{"no header", proxy, nil, "10.0.0.1"},
		{"untrusted peer, no header", "203.0.113.9:1", nil, "203.0.113.9"},
		{"untrusted peer, forged", "203.0.113.9:1", l("1.2.3.4"), "203.0.113.9"},
		{"untrusted peer, forged as a proxy", "203.0.113.9:1", l("10.0.0.1"), "203.0.113.9"},
		{"untrusted peer, junk", "203.0.113.9:1", l("junk"), "203.0.113.9"},
		{"untrusted v6 peer, forged", "[2001:db8::9]:1", l("1.2.3.4"), "2001:db8::9"},
		{"forged on the left", proxy, l("1.2.3.4, 203.0.113.7"), "203.0.113.7"},
		{"forged twice on the left", proxy, l("1.2.3.4, 5.6.7.8, 203.0.113.7"), "203.0.113.7"},
		{"a proxy forged on the left", proxy, l("10.9.9.9, 203.0.113.7"), "203.0.113.7"},
		{"localhost forged on the left", proxy, l("127.0.0.1, 203.0.113.7"), "203.0.113.7"},
		{"junk forged on the left", proxy, l("junk, 203.0.113.7"), "203.0.113.7"},
		{"an open quotation on the left", proxy, l(`"1.2.3.4, 203.0.113.7`), "203.0.113.7"},
		{"nothing on the left", proxy, l(", 203.0.113.7"), "203.0.113.7"},
		{"commas on the left", proxy, l(",,,,,,203.0.113.7"), "203.0.113.7"},
		{"two proxies", proxy, l("203.0.113.7, 10.2.2.2"), "203.0.113.7"},
		{"three proxies", proxy, l("203.0.113.7, 10.2.2.2, 10.3.3.3"), "203.0.113.7"},
		{"two proxies, forged", proxy, l("1.2.3.4, 203.0.113.7, 10.2.2.2"), "203.0.113.7"},
		{"an untrusted proxy in between", proxy, l("1.2.3.4, 198.51.100.1, 10.2.2.2"), "198.51.100.1"},
		{"a trusted proxy beyond an untrusted one", proxy, l("1.2.3.4, 10.5.5.5, 198.51.100.1"), "198.51.100.1"},
		{"only proxies", proxy, l("10.2.2.2"), "10.2.2.2"},
		{"only proxies, the leftmost", proxy, l("10.4.4.4, 10.3.3.3, 10.2.2.2"), "10.4.4.4"},
		{"junk left of proxies", proxy, l("junk, 10.2.2.2"), ""},
		{"nothing left of proxies", proxy, l(", 10.2.2.2"), ""},
		{"two lines", proxy, l("1.2.3.4", "203.0.113.7"), "203.0.113.7"},
		{"two lines, the last trusted", proxy, l("203.0.113.7", "10.2.2.2"), "203.0.113.7"},
		{"two lines with lists", proxy, l("1.2.3.4, 5.6.7.8", "203.0.113.7, 10.2.2.2"), "203.0.113.7"},
		{"three lines, all proxies but one", proxy, l("6.6.6.6, 203.0.113.7", "10.3.3.3", "10.2.2.2"), "203.0.113.7"},
		{"many forged lines", proxy, append(l(strings.Split(strings.Repeat("1.2.3.4|", 500), "|")...), "203.0.113.7"), "203.0.113.7"},
		{"a junk line before", proxy, l("junk", "203.0.113.7"), "203.0.113.7"},
		{"an empty line before", proxy, l("", "203.0.113.7"), "203.0.113.7"},
		{"an empty last line", proxy, l("203.0.113.7", ""), ""},
		{"an empty header", proxy, l(""), ""},
		{"only spaces", proxy, l("   "), ""},
		{"only a comma", proxy, l(","), ""},
		{"a comma at the end", proxy, l("203.0.113.7,"), ""},
		{"spaces around", proxy, l("  203.0.113.7  "), "203.0.113.7"},
		{"tabs around", proxy, l("1.2.3.4,\t203.0.113.7\t"), "203.0.113.7"},
		{"no spaces", proxy, l("1.2.3.4,203.0.113.7"), "203.0.113.7"},
		{"IPv4 with port", proxy, l("203.0.113.7:4711"), "203.0.113.7"},
		{"IPv4 with port 0", proxy, l("203.0.113.7:0"), "203.0.113.7"},
		{"IPv4 with the last port", proxy, l("203.0.113.7:65535"), "203.0.113.7"},
		{"IPv4 with no such port", proxy, l("203.0.113.7:65536"), ""},
		{"IPv4 with a huge port", proxy, l("203.0.113.7:99999999999999999999"), ""},
		{"IPv4 with an empty port", proxy, l("203.0.113.7:"), ""},
		{"IPv4 with a named port", proxy, l("203.0.113.7:http"), ""},
		{"IPv4 with a negative port", proxy, l("203.0.113.7:-1"), ""},
		{"IPv4 in brackets", proxy, l("[203.0.113.7]"), ""},
		{"IPv4 in brackets with port", proxy, l("[203.0.113.7]:80"), ""},
		{"IPv4 with a zone", proxy, l("203.0.113.7%eth0"), ""},
		{"IPv6", proxy, l("2001:db8::7"), "2001:db8::7"},
		{"IPv6 in capitals", proxy, l("2001:DB8::A"), "2001:db8::a"},
		{"IPv6 written out", proxy, l("2001:0db8:0000:0000:0000:0000:0000:0007"), "2001:db8::7"},
		{"IPv6 in brackets", proxy, l("[2001:db8::7]"), "2001:db8::7"},
		{"IPv6 in brackets with port", proxy, l("[2001:db8::7]:4711"), "2001:db8::7"},
		{"IPv6 in brackets with no port", proxy, l("[2001:db8::7]:"), ""},
		{"IPv6 in brackets with junk", proxy, l("[2001:db8::7]x"), ""},
		{"IPv6 with half a bracket", proxy, l("[2001:db8::7"), ""},
		{"IPv6 with the other half", proxy, l("2001:db8::7]"), ""},
		{"brackets twice", proxy, l("[[2001:db8::7]]"), ""},
		{"empty brackets", proxy, l("[]"), ""},
		{"IPv6 with a zone", proxy, l("fe80::7%eth0"), "fe80::7"},
		{"IPv6 with a zone, brackets, port", proxy, l("[fe80::7%eth0]:80"), "fe80::7"},
		{"IPv6 with an empty zone", proxy, l("fe80::7%"), ""},
		{"zones make no difference", proxy, l("fd00::7%a, 203.0.113.7, fd00::7%b"), "203.0.113.7"},
		{"only a zone", proxy, l("%eth0"), ""},
		{"mapped IPv4", proxy, l("::ffff:203.0.113.7"), "203.0.113.7"},
		{"mapped IPv4 in hex", proxy, l("::ffff:cb00:7107"), "203.0.113.7"},
		{"mapped IPv4 in brackets", proxy, l("[::ffff:203.0.113.7]:80"), "203.0.113.7"},
		{"mapped IPv4 with a zone", proxy, l("::ffff:203.0.113.7%1"), "203.0.113.7"},
		{"a proxy, mapped", proxy, l("203.0.113.7, ::ffff:10.2.2.2"), "203.0.113.7"},
		{"a mapped peer", "[::ffff:10.0.0.1]:1", l("203.0.113.7"), "203.0.113.7"},
		{"a mapped untrusted peer", "[::ffff:203.0.113.9]:1", l("1.2.3.4"), "203.0.113.9"},
		{"compatible IPv4 is IPv6", proxy, l("::203.0.113.7"), "::203.0.113.7"},
		{"NAT64 is IPv6", proxy, l("64:ff9b::203.0.113.7"), "64:ff9b::203.0.113.7"},
		{"a v6 proxy", proxy, l("203.0.113.7, fd00::2"), "203.0.113.7"},
		{"a v6 peer", "[::1]:9", l("203.0.113.7"), "203.0.113.7"},
		{"a zoned v6 peer", "[fd00::1%eth0]:9", l("203.0.113.7"), "203.0.113.7"},
		{"unspecified", proxy, l("0.0.0.0"), ""},
		{"unspecified v6", proxy, l("::"), ""},
		{"unspecified, mapped", proxy, l("::ffff:0.0.0.0"), ""},
		{"multicast", proxy, l("224.0.0.1"), ""},
		{"multicast v6", proxy, l("ff02::1"), ""},
		{"unknown", proxy, l("unknown"), ""},
		{"obfuscated", proxy, l("_hidden"), ""},
		{"a name", proxy, l("localhost"), ""},
		{"a name that starts well", proxy, l("1.2.3.4.example.com"), ""},
		{"quoted", proxy, l(`"203.0.113.7"`), ""},
		{"as Forwarded", proxy, l("for=203.0.113.7"), ""},
		{"leading zeros", proxy, l("203.0.113.007"), ""},
		{"octal", proxy, l("0313.0.0161.07"), ""},
		{"hexadecimal", proxy, l("0xcb.0.0x71.7"), ""},
		{"one number", proxy, l("3405803783"), ""},
		{"three parts", proxy, l("203.0.113"), ""},
		{"five parts", proxy, l("203.0.113.7.1"), ""},
		{"too large a part", proxy, l("203.0.113.256"), ""},
		{"a prefix", proxy, l("203.0.113.0/24"), ""},
		{"two with a space", proxy, l("1.2.3.4 203.0.113.7"), ""},
		{"two with a semicolon", proxy, l("1.2.3.4; 203.0.113.7"), ""},
		{"a newline", proxy, l("1.2.3.4\n203.0.113.7"), ""},
		{"a nul", proxy, l("203.0.113.7\x00"), ""},
		{"full-width digits", proxy, l("２０３.0.113.7"), ""},
		{"a no-break space", proxy, l("203.0.113.7\u00a0"), ""},
		{"72 KB forged", proxy, l(long + "203.0.113.7"), "203.0.113.7"},
		{"72 KB of junk on the left", proxy, l(longRaw + ", 203.0.113.7"), "203.0.113.7"},
		{"72 KB of junk", proxy, l(longRaw), ""},
		{"72 KB of spaces", proxy, l("1.2.3.4," + strings.Repeat(" ", 72<<10) + "203.0.113.7"), ""},
		{"72 KB of commas", proxy, l(strings.Repeat(",", 72<<10) + "203.0.113.7"), "203.0.113.7"},
		{"72 KB of proxies", proxy, l("203.0.113.7" + strings.Repeat(",10.2.2.2", 8000)), "203.0.113.7"},
		{"a long zone", proxy, l("fe80::7%" + strings.Repeat("z", 4096)), ""},
		{"a peer that is junk", "junk", l("203.0.113.7"), ""},
		{"no peer", "", l("203.0.113.7"), ""},
		{"a peer without port", "10.0.0.1", l("203.0.113.7"), "203.0.113.7"},
		{"a Unix peer", "@", l("203.0.113.7"), "203.0.113.7"},
		{"a Unix peer, forged", "@", l("1.2.3.4, 203.0.113.7"), "203.0.113.7"},
		{"a Unix peer with a name", "/run/app.sock", l("203.0.113.7"), "203.0.113.7"},
		{"a Unix peer, no header", "@", nil, ""},
	})
}

func TestXFFCount(t *testing.T) {
	runTable(t, clientip.XFFCount(2), "X-Forwarded-For", []tableCase{
		{"two", "198.51.100.1:1", l("203.0.113.7, 198.51.100.2"), "203.0.113.7"},
		{"forged", "198.51.100.1:1", l("1.2.3.4, 203.0.113.7, 198.51.100.2"), "203.0.113.7"},
		{"forged junk", "198.51.100.1:1", l("junk,, 203.0.113.7, 198.51.100.2"), "203.0.113.7"},
		{"two lines", "198.51.100.1:1", l("203.0.113.7", "198.51.100.2"), "203.0.113.7"},
		{"mapped, zoned, ports", "198.51.100.1:1", l("[::ffff:203.0.113.7%1]:9, [fe80::1%x]:1"), "203.0.113.7"},
		{"too few", "198.51.100.1:1", l("203.0.113.7"), ""},
		{"none", "198.51.100.1:1", nil, ""},
		{"an empty line", "198.51.100.1:1", l(""), ""},
		{"junk by a proxy", "198.51.100.1:1", l("203.0.113.7, junk"), ""},
		{"junk where the client is", "198.51.100.1:1", l("junk, 198.51.100.2"), ""},
		{"a Unix peer", "@", l("203.0.113.7, 198.51.100.2"), "203.0.113.7"},
		{"72 KB forged", "198.51.100.1:1", l(long + "203.0.113.7, 198.51.100.2"), "203.0.113.7"},
	})
}

func TestHeader(t *testing.T) {
	runTable(t, clientip.Header("x-real-ip", proxies...), "X-Real-Ip", []tableCase{
		{"one", proxy, l("203.0.113.7"), "203.0.113.7"},
		{"untrusted peer", "203.0.113.9:1", l("1.2.3.4"), "203.0.113.9"},
		{"none", proxy, nil, "10.0.0.1"},
		{"none, by a Unix peer", "@", nil, ""},
		{"by a Unix peer", "@", l("203.0.113.7"), "203.0.113.7"},
		{"two lines", proxy, l("1.2.3.4", "203.0.113.7"), ""},
		{"the same twice", proxy, l("203.0.113.7", "203.0.113.7"), ""},
		{"a list", proxy, l("1.2.3.4, 203.0.113.7"), ""},
		{"empty", proxy, l(""), ""},
		{"junk", proxy, l("junk"), ""},
		{"mapped", proxy, l("::ffff:203.0.113.7"), "203.0.113.7"},
		{"72 KB", proxy, l(longRaw), ""},
		{"a trusted address", proxy, l("10.2.2.2"), "10.2.2.2"},
		{"no peer", "", l("203.0.113.7"), ""},
	})
}

func TestDirect(t *testing.T) {
	runTable(t, clientip.Direct(), "X-Forwarded-For", []tableCase{
		{"IPv4", "203.0.113.9:1", l("1.2.3.4"), "203.0.113.9"},
		{"IPv6", "[2001:db8::9]:1", l("1.2.3.4"), "2001:db8::9"},
		{"mapped", "[::ffff:203.0.113.9]:1", nil, "203.0.113.9"},
		{"zoned", "[fe80::9%eth0]:1", nil, "fe80::9"},
		{"without port", "203.0.113.9", nil, "203.0.113.9"},
		{"junk", "pipe", nil, ""},
		{"none", "", nil, ""},
		{"a Unix socket", "@", l("1.2.3.4"), ""},
		{"a named Unix socket", "/run/app.sock", nil, ""},
	})
}

// TestUnnamedUnixPeer: some have no name at all; the listener's address tells.
func TestUnnamedUnixPeer(t *testing.T) {
	ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, &net.UnixAddr{Name: "/run/app.sock", Net: "unix"})
	r := request("", "X-Forwarded-For", "203.0.113.7").WithContext(ctx)
	if got, err := clientip.XFF(proxies...)(r); err != nil || got != netip.MustParseAddr("203.0.113.7") {
		t.Errorf("XFF: %v, %v", got, err)
	}
	if got, err := clientip.Direct()(r); err == nil {
		t.Errorf("Direct: %v", got)
	}
}
