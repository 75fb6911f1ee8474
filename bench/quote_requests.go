package main

import (
	"fmt"
	"strings"
)

// A requestLine is a line of README's table: a row of guard, and what is said of it and
// of others in the same table.
type requestLine struct {
	request       string // a request with this
	table, row    string
	guard, beside []figure
}

// A figure is a text about a line.
type figure func(*reading, requestLine) string

var requestLines = []requestLine{
	{"a signed token (HS256), whole middleware", "jwt, HS256", "guard: whole middleware", []figure{allocations}, []figure{
		timesAndAllocations("golang-jwt: ParseWithClaims alone", "golang-jwt's parser alone"),
		timesAndAllocations("auth0/go-jwt-middleware: whole middleware", "auth0's middleware"),
		timesAndAllocations("go-chi/jwtauth: whole middleware", "chi/jwtauth"),
	}},
	{"one that was seen before (`CacheSize`)", "jwt, HS256", "guard: cached", []figure{allocations}, []figure{
		times("golang-jwt: ParseWithClaims alone", "golang-jwt's parser"),
	}},
	{"an 800 KB token", "jwt, refused", "guard: 800 KB header", []figure{memory}, []figure{
		times("golang-jwt: 800 KB token", "golang-jwt's parser"),
	}},
	{"a token bound to a key by DPoP (ES256)", "dpop", "guard: DPoP request", []figure{allocations}, []figure{
		times("bare: two verifications of ES256", "its two signatures alone"),
	}},
	{"an API key of a ring", "apikey", "guard: key of a ring", []figure{allocations}, []figure{
		times("bare SHA-256 and map", "a bare SHA-256 and map"),
	}},
	{"a session, in memory", "session", "guard: GET with a session", []figure{allocations, memory}, []figure{
		times("scs: memstore", "scs"), times("gorilla/sessions: cookie store", "gorilla's signed cookie"),
	}},
	{"one of a million sessions, in memory", "session, memory", "guard: GET, one of many sessions", []figure{allocations}, []figure{
		times("scs memstore: GET, one of many sessions", "scs"),
	}},
	{"a session bound to a device", "device", getBound, []figure{allocations}, []figure{
		times(getPlain, "one that is not bound"),
	}},
	{"a session, in Redis, 32 at a time", "redis, session", "guard: GET, 32 goroutines", []figure{factOf("guard: commands a GET", "command")}, []figure{
		times("bare go-redis GET, 32 goroutines", "a bare GET"), times("scs: goredisstore, 32 goroutines", "scs"),
	}},
	{"a login with a session, in Redis", "redis, logins", "", []figure{factOf("guard: a session: round trips", "round trip")}, []figure{
		timesInFact("guard: a session, in times of scs with an index by subject", "scs with an index by user"),
	}},
	{"a sign-in by passkey", "passkey", "guard: Login", []figure{allocations}, []figure{
		times("go-webauthn by hand: login", "go-webauthn by hand"), times("bare ES256 signature", "the signature alone"),
	}},
	{"a rate limit with both headers", "ratelimit, one hot key", "guard: allowed, both headers", []figure{allocations}, []figure{
		times("sethvargo/go-limiter: allowed", "go-limiter"), times("httprate: allowed", "httprate"),
	}},
	{"a rate limit, in Redis, 32 at a time", "redis, ratelimit", "guard: take, 32 goroutines", []figure{factOf("guard: commands a take", "command")}, []figure{
		times("ulule: Get, 32 goroutines", "ulule, whose window is fixed"), times("redis_rate: Allow, 32 goroutines", "redis_rate"),
	}},
	{"a permission among 10,000 rules", "rbac, decisions", "guard: Check, granted, 10,000 rules", []figure{allocations}, []figure{
		times("casbin: Enforce, granted, 10,000 rules", "casbin"), times("cedar-go: Authorize, granted, 10,000 rules", "cedar-go"),
	}},
	{"a webhook of 4 KB (Standard Webhooks)", "webhook, 4 KB", "guard: standard", []figure{allocations}, []figure{
		times("bare HMAC and read", "reading it and its HMAC"),
	}},
	{"a mux, one of two ways to authenticate, a role, an owner", "a whole route", "guard: mux, one of two authenticators, rbac, owner", []figure{allocations}, []figure{
		times("bare ServeMux", "the mux alone"),
	}},
}

// serverLines are about servers of one API over TCP: see endToEnd.
var serverLines = []requestLine{
	{byToken, "e2e", "guard: " + byToken, nil, []figure{byServer("chi/jwtauth"), byServer("golang-jwt by hand")}},
	{byOwner, "e2e", "guard: " + byOwner, nil, []figure{byServer("chi/jwtauth and casbin"), byServer("golang-jwt by hand")}},
	{byLimit, "e2e", "guard: " + byLimit, nil, []figure{byServer("httprate")}},
	{byLimit + ", in Redis", "e2e, redis", "guard: " + byLimit, nil, []figure{byServer("ulule")}},
	{bySession, "e2e", "guard: " + bySession, nil, []figure{byServer("scs")}},
	{bySession + ", in Redis", "e2e, redis", "guard: " + bySession, nil, []figure{byServer("scs")}},
	{issuing, "e2e", "guard: " + issuing, nil, []figure{byServer("chi/jwtauth")}},
	{creating, "e2e", "guard: " + creating, nil, []figure{byServer("scs")}},
}

// byServer is times, of the row that a server with a peer has for the same request.
func byServer(label string) figure {
	return func(g *reading, l requestLine) string {
		_, request, _ := strings.Cut(l.row, ": ")
		return times(label+": "+request, label)(g, l)
	}
}

// servers is README's table of whole servers.
func servers(g *reading) string {
	var out strings.Builder
	out.WriteString("| a request over TCP, in processor time of the server | guard takes |\n|---|---|\n")
	for _, l := range serverLines {
		fmt.Fprintf(&out, "| %s | %s |\n", l.request, l.list(g, l.beside))
	}
	worst := 0.0
	for _, name := range refusals {
		worst = max(worst, g.ratio("e2e", "guard: "+name, "golang-jwt by hand: "+name))
	}
	fmt.Fprintf(&out, "| a refusal: 401, 403, 404 or 429 | at most %s |\n", proportion(worst, "golang-jwt by hand"))
	return out.String()
}

// requests is README's table of middleware.
func requests(g *reading) string {
	var out strings.Builder
	out.WriteString("| a request with | guard | beside |\n|---|---|---|\n")
	for _, l := range requestLines {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", l.request, l.list(g, l.guard), l.list(g, l.beside))
	}
	return out.String()
}

func (l requestLine) list(g *reading, figures []figure) string {
	var all []string
	for _, f := range figures {
		all = append(all, f(g, l))
	}
	return strings.Join(all, ", ")
}

func allocations(g *reading, l requestLine) string {
	return count(g.row(l.table, l.row).Allocs, "allocation")
}

func memory(g *reading, l requestLine) string {
	return fmt.Sprintf("%.0f bytes", g.row(l.table, l.row).Bytes)
}

// factOf is a fact that counts something.
func factOf(name, unit string) figure {
	return func(g *reading, l requestLine) string { return count(g.fact(l.table, name), unit) }
}

// times is guard's time in proportion to that of another row.
func times(other, name string) figure {
	return func(g *reading, l requestLine) string { return proportion(g.ratio(l.table, l.row, other), name) }
}

// timesAndAllocations is times, with the other row's allocations.
func timesAndAllocations(other, name string) figure {
	return func(g *reading, l requestLine) string {
		return times(other, name)(g, l) + " (" + number(roundNearInteger(g.row(l.table, other).Allocs)) + ")"
	}
}

// timesInFact is a fact that already is guard's cost in proportion to another.
func timesInFact(fact, name string) figure {
	return func(g *reading, l requestLine) string { return proportion(g.fact(l.table, fact), name) }
}
