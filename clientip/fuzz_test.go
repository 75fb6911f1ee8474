package clientip_test

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-guard/guard/clientip"
)

// slowNode is the plain twin of the address parser: three regular expressions.
func slowNode(s string) (netip.Addr, bool) {
	if len(s) > 128 {
		return netip.Addr{}, false
	}
	var host, port string
	switch {
	case bracketed.MatchString(s):
		m := bracketed.FindStringSubmatch(s)
		host, port = m[1], m[3]
		if !strings.Contains(strings.Split(host, "%")[0], ":") {
			return netip.Addr{}, false
		}
	case v4Port.MatchString(s):
		m := v4Port.FindStringSubmatch(s)
		host, port = m[1], m[2]
	default:
		host = s
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n > 65535) {
		return netip.Addr{}, false
	}
	if m := zoned.FindStringSubmatch(host); m != nil {
		host = m[1]
	}
	addr, err := netip.ParseAddr(host)
	if addr = addr.Unmap(); err != nil || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}, false
	}
	return addr, true
}

var (
	bracketed = regexp.MustCompile(`(?s)^\[([^\]]*)\](:([0-9]{1,5}))?$`)
	v4Port    = regexp.MustCompile(`(?s)^([^:\[]*):([0-9]{1,5})$`)
	zoned     = regexp.MustCompile(`(?s)^([^%]*:[^%]*)%.+$`)
)

// slowClient is the plain twin of XFF behind a trusted peer: it splits it all.
func slowClient(nodes []string, peer netip.Addr) (netip.Addr, bool) {
	addr, empty := peer, 0
	for _, n := range slices.Backward(nodes) {
		if n == "" && empty < 16 {
			empty++
			continue
		}
		if empty > 0 {
			return netip.Addr{}, false
		}
		var ok bool
		if addr, ok = slowNode(n); !ok {
			return netip.Addr{}, false
		}
		if !slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			return addr, true
		}
	}
	return addr, true
}

// tooLong: both twins refuse an element with more than 128 bytes of spaces.
func tooLong(elements []string) bool {
	return slices.ContainsFunc(elements, func(s string) bool { return len(s) >= 128 })
}

func FuzzXFF(f *testing.F) {
	for _, s := range []string{
		"", "203.0.113.7", "1.2.3.4, 10.0.0.2", "a,b", "[::1]:80", "fe80::1%eth0, 10.0.0.2", "::ffff:10.0.0.2", ",,", "1.2.3.4:99999",
		"\n1.2.3.4", "1.2.3.4\t, 10.0.0.2 ", "%a:b", ":%", "[1.2.3.4%:]", "::1%", "10.0.0.2,\x00",
	} {
		f.Add(s, "10.0.0.3")
		f.Add("1.2.3.4", s)
	}
	ip := clientip.XFF(proxies...)
	count := clientip.XFFCount(2)
	f.Fuzz(func(t *testing.T, line1, line2 string) {
		var nodes []string
		elements := slices.Concat(strings.Split(line1, ","), strings.Split(line2, ","))
		for _, e := range elements {
			nodes = append(nodes, strings.Trim(e, " \t"))
		}
		if tooLong(elements) {
			t.Skip()
		}
		r := request(proxy, "X-Forwarded-For", line1, line2)
		want, ok := slowClient(nodes, netip.MustParseAddr("10.0.0.1"))
		if got, err := ip(r); (err == nil) != ok || got != want {
			t.Errorf("XFF of %q: %v, %v; want %v, %t", nodes, got, err, want, ok)
		}
		_, ok1 := slowNode(nodes[len(nodes)-1]) // an empty one is no address
		want, ok = slowNode(nodes[len(nodes)-2])
		if ok = ok && ok1; !ok {
			want = netip.Addr{}
		}
		if got, err := count(r); (err == nil) != ok || got != want {
			t.Errorf("XFFCount of %q: %v, %v; want %v, %t", nodes, got, err, want, ok)
		}
		// Whatever a client sends, our proxy's word behind it counts.
		r = request(proxy, "X-Forwarded-For", line1, line2+", 203.0.113.7")
		if got, err := ip(r); err != nil || got != netip.MustParseAddr("203.0.113.7") {
			t.Errorf("behind %q, %q: %v, %v", line1, line2, got, err)
		}
	})
}

// slowForwarded splits a well-formed field from the left, as RFC 7239 has it;
// ok is false for what is not well-formed.
func slowForwarded(s string) (nodes []string, ok bool) {
	for {
		m := element.FindString(s)
		node, fors := "", 0
		for _, p := range pair.FindAllStringSubmatch(m, -1) {
			if strings.EqualFold(p[1], "for") {
				node = strings.Trim(p[2], `"`)
				fors++
			}
		}
		if strings.Trim(m, " \t") != "" && (fors != 1 || node == "") {
			node = "no single for"
		}
		nodes = append(nodes, node)
		if s = s[len(m):]; s == "" {
			return nodes, true
		}
		rest, comma := strings.CutPrefix(s, ",")
		if !comma {
			return nil, false
		}
		s = rest
	}
}

const (
	token   = `[!#$%&'*+.^_|~0-9A-Za-z-]+`
	value   = `(?:[!#$%&'*+.^_|~0-9A-Za-z:\[\]-]+|"(?:[^"\\]|\\.)*")`
	aPair   = `[ \t]*(` + token + `)=(` + value + `)[ \t]*`
	empties = `[ \t;]*`
	aPairs  = `(?s)^` + empties + `(?:` + aPair + `(?:;` + empties + aPair + `)*(?:;` + empties + `)?)?`
)

var (
	element = regexp.MustCompile(aPairs)
	pair    = regexp.MustCompile(`(?s)` + aPair)
)

func FuzzForwarded(f *testing.F) {
	for _, s := range []string{
		"", "for=203.0.113.7", `for="[2001:db8::1]:80";proto=https, for=10.0.0.2`, `for=1.2.3.4;host="a,\"b", for=10.0.0.2`, `for="`,
		`for=a;for=b`, `FOR=1.2.3.4 ; by=x`, `by="for=6.6.6.6"`, `host="\\", for=10.0.0.2`, `"\`, `for="1.2.3.4"`, `a="";for=1.2.3.4`,
		"0=0 for=0.0.0.1", ", for=10.0.0.2", ",,", " ;for=1.2.3.4; ;a=b; , ,for=10.0.0.2", `for=""`,
	} {
		f.Add(s)
	}
	ip := clientip.Forwarded(proxies...)
	f.Fuzz(func(t *testing.T, line string) {
		if len(line) > 400 {
			t.Skip() // of a bounded length, like an element
		}
		if nodes, ok := slowForwarded(line); ok {
			want, ok := slowClient(nodes, netip.MustParseAddr("10.0.0.1"))
			got, err := ip(request(proxy, "Forwarded", line))
			if (err == nil) != ok || got != want {
				t.Errorf("%q: %v, %v; want %v, %t", line, got, err, want, ok)
			}
		} else if got, err := ip(request(proxy, "Forwarded", line)); err == nil && !got.IsValid() {
			t.Errorf("%q: neither an address nor an error", line)
		}
		for _, hop := range []string{"for=203.0.113.7", `for="203.0.113.7:80";host="a,b\"c\\"`, `host="for=6.6.6.6";for=203.0.113.7`} {
			if got, err := ip(request(proxy, "Forwarded", line+", "+hop)); err != nil || got != netip.MustParseAddr("203.0.113.7") {
				t.Errorf("%s behind %q: %v, %v", hop, line, got, err)
			}
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{"203.0.113.7", "", "[::1%x]:9", "1.2.3.4, 5.6.7.8", "::ffff:0.0.0.0"} {
		f.Add(s)
	}
	ip := clientip.Header("X-Real-IP", proxies...)
	f.Fuzz(func(t *testing.T, line string) {
		want, ok := slowNode(line)
		got, err := ip(request(proxy, "X-Real-IP", line))
		if (err == nil) != ok || got != want {
			t.Errorf("%q: %v, %v; want %v, %t", line, got, err, want, ok)
		}
		if _, err := clientip.Direct()(&http.Request{RemoteAddr: line}); line != "" && line[0] != '@' && line[0] != '/' && (err == nil) != ok {
			t.Errorf("Direct of %q: %v; want %t", line, err, ok)
		}
	})
}
