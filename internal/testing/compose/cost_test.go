package compose_test

import (
	"bytes"
	"context"
	"maps"
	"math"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
)

// beforeAuthentication is everything that reads a request before it is authenticated.
func beforeAuthentication(t *testing.T) map[string]http.Handler {
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	all := map[string]http.Handler{}
	for name, g := range readers(t, allPlaces, []string{"https://app.test"}) {
		all[name] = g.wrap(next)
		all[name+", optional"] = g.optional(next)
	}
	sessions := guard.Must(session.New[struct{}](nil))
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", bytes.Repeat([]byte("k"), 32)), nil))
	refresher := guard.Must(refresh.New(issuer, func(context.Context, string, map[string]any) (struct{}, bool, error) {
		return struct{}{}, false, nil
	}, nil))
	all["session"] = sessions.Wrap(next)
	all["session logout"] = sessions.LogoutHandler("/")
	all["refresh"] = refresher.RefreshHandler()
	all["refresh logout"] = refresher.LogoutHandler()
	for name, f := range map[string]guard.ErrorHandler{"Negotiate": format.Negotiate, "HTML": format.HTML("/login", nil)} {
		all[name] = guard.OnError(f)(sessions.Wrap(next))
	}
	all["Next"] = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { format.Next(r, "/") })
	for name, ip := range map[string]clientip.Func{
		"XFF": clientip.XFF(loopback...), "XFFCount": clientip.XFFCount(2), "Forwarded": clientip.Forwarded(loopback...), "Header": clientip.Header("X-Real-IP", loopback...),
	} {
		all[name] = guard.Must(ratelimit.New(plenty, ratelimit.ByIP(ip), nil)).Wrap(next)
	}
	all["ByHeader"] = guard.Must(ratelimit.New(plenty, ratelimit.ByHeader(xToken), nil)).Wrap(next)
	limits := func() ratelimit.Store { return remote{guard.Must(ratelimit.NewMemory(nil))} }
	for name, opts := range map[string]*ratelimit.Options{"without a Secret": {Store: limits()}, "with a Secret": {Store: limits(), Secret: []byte("sixteen bytes...")}} {
		all["ByHeader, store "+name] = guard.Must(ratelimit.New(plenty, ratelimit.ByHeader(xToken), opts)).Wrap(next)
	}
	all["Join"] = guard.Must(ratelimit.New(plenty, ratelimit.Join(ratelimit.ByHeader(xToken), ratelimit.ByIP(clientip.Direct())), nil)).Wrap(next)
	return all
}

// remote is a store that is no *Memory.
type remote struct{ ratelimit.Store }

var (
	plenty   = ratelimit.Limit{Name: "plenty", Quota: 1 << 20, Window: time.Hour}
	loopback = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
)

// hostile are texts that cost a careless parser much more than their length. A # is
// replaced by a number.
var hostile = []string{
	"a", "A", " ", "a,", ",", "a, ", ";", "a;", "&", "a&", "+&", "%61&", "%zz&", "%zz", "%41", "/%2F", "=", "\"", "\\", "\"\\", ".", "é", "\x00",
	"#,", "#=a&", "#=a;", "text/html;q=x,", "text/html;q=1,", "text/html;q=x;", "q=x;", "192.0.2.1,", "for=192.0.2.1,", "for=192.0.2.1;",
	"bearer,", "websocket,", "tok=a;", "__Host-session=a;", "access_token=a&", "next=%2F&", "a;access_token=a&", "https://a/", "%5B::1%25/",
}

// repeated repeats a hostile text up to n bytes.
func repeated(text string, n int) string {
	var b strings.Builder
	for i := 0; b.Len()+len(text) <= n; i++ {
		b.WriteString(strings.ReplaceAll(text, "#", strconv.Itoa(i)))
	}
	return b.String()
}

// A part of a request that holds a hostile text.
type part struct {
	method string
	name   string // of a header field, or "query"
	before string
	fields []string // what the request has besides
}

var (
	fromBrowser = []string{"Accept", "text/html"}
	withCookies = []string{"Cookie", "tok=a; __Host-session=a"}

	parts = []part{
		{"GET", "query", "", nil}, {"GET", "query", "access_token=", nil}, {"GET", "query", "access_token=a&", nil}, {"GET", "query", "next=/", nil},
		{"GET", "query", "", fromBrowser}, {"POST", "query", "", fromBrowser},
		{"GET", "Authorization", "", nil}, {"GET", "Authorization", "Bearer ", nil}, {"GET", "Authorization", "Bearer", nil},
		{"GET", "Cookie", "", nil}, {"POST", "Cookie", "tok=", nil}, {"POST", "Cookie", "__Host-session=", nil},
		{"GET", "Sec-Websocket-Protocol", "", handshake}, {"GET", "Sec-Websocket-Protocol", "bearer, a, ", handshake}, {"GET", "Upgrade", "", withCookies},
		{"POST", "Origin", "", withCookies}, {"POST", "Origin", "https://", withCookies}, {"POST", "Sec-Fetch-Mode", "", withCookies},
		{"GET", "X-Token", "", nil}, {"GET", "Cf-Access-Jwt-Assertion", "", nil},
		{"GET", "X-Forwarded-For", "", nil}, {"GET", "X-Real-Ip", "", nil}, {"GET", "Forwarded", "", nil}, {"GET", "Forwarded", `for="`, nil},
		{"GET", "Accept", "", nil}, {"POST", "Accept", "text/html", nil},
		{"POST", "Content-Type", "", nil}, {"POST", "Content-Type", "application/x-www-form-urlencoded;", nil},
		{"GET", "Referer", "", fromBrowser}, {"POST", "Referer", "https://api.test/", fromBrowser},
	}
)

func (p part) request(text string) *http.Request {
	r := harness.Request("https://api.test/", p.fields...)
	r.Method, r.RemoteAddr = p.method, "192.0.2.1:1"
	if text = p.before + text; p.name == "query" {
		r.URL.RawQuery, r.RequestURI = text, "/?"+text
	} else {
		r.Header[p.name] = append(r.Header[p.name], text)
	}
	return r
}

// allocated returns how many bytes f allocates: the least of some runs, because others
// may allocate meanwhile.
func allocated(runs int, f func()) int {
	least := math.MaxInt
	for range runs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, int(after.TotalAlloc-before.TotalAlloc))
	}
	return least
}

// TestCostBeforeAuthentication: beyond a constant, no header and no query makes a guard
// allocate more than two bytes for each of its bytes. 900 KB of "a&" took 45 MB.
func TestCostBeforeAuthentication(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	const n, constant = 32 << 10, 16 << 10 // large allocations are of whole pages
	guards := beforeAuthentication(t)
	for _, text := range hostile {
		short, long := repeated(text, n), repeated(text, 2*n)
		for _, p := range parts {
			// growth is what the second n bytes cost.
			growth := func(runs int, guards ...http.Handler) int {
				serve := func(text string) int {
					r := p.request(text)
					return allocated(runs, func() {
						for _, h := range guards {
							h.ServeHTTP(harness.NewDiscard(), r)
						}
					})
				}
				return serve(long) - serve(short)
			}
			if growth(1, slices.Collect(maps.Values(guards))...) <= 2*n+constant {
				continue // then it is so for each
			}
			for name, h := range guards {
				if g := growth(3, h); g > 2*n+constant {
					t.Errorf("%s: %s %s of %q, %q...: %.1f bytes allocated for each byte", name, p.method, p.name, p.before, text, float64(g)/n)
				}
			}
		}
	}
}
