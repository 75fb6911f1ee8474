package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// headerAttacks are credentials of the sections that do not read JWTs.
func headerAttacks() (list []attack) {
	add := func(do string, header ...string) {
		list = append(list, attack{name: fmt.Sprintf("%s %.80q", do, header), request: wire(do, header, ""), heavy: len(strings.Join(header, "")) > 9000})
	}
	for _, h := range []string{
		"", "key_1234", "KEY_12345", "key_12345,key_67890", "key_12345, key_12345", `"key_12345"`, "key_12345\x00", "key_12345\u00a0", "key_12345;", "*", "%",
		"' OR '1'='1", "key_12345\ufeff", "key%5F12345", "null", "undefined", "[]", "{}", "../key_12345", "ApiKey key_12345", "ex", "ex_", "ex__",
		"ex_0000000000000000_00000000000000000000000000000000000000", "ex_" + strings.Repeat("0", 8000), strings.Repeat("k", 4096), strings.Repeat("é", 2000),
		strings.Repeat("k", 900_000),
	} {
		add("GET /apikey/protected", "X-API-Key: "+h)
	}
	add("GET /apikey/protected", "X-API-Key: key_12345", "X-API-Key: key_12345")
	add("GET /apikey/protected", "X-API-Key:", "x-api-key: key_12345")
	add("GET /apikey/protected", "X_API_Key: key_12345", "X-API-Key2: key_12345", "API-Key: key_12345")
	add("GET /apikey/protected", "X-API-Key : key_12345")
	add("GET /apikey/protected", "X-API-Key: key_\r\n 12345")
	add("GET /apikey/protected", "Authorization: ApiKey key_12345")
	add("GET /apikey/protected?x-api-key=key_12345&api_key=key_12345")
	for name, header := range hostileAuthorization("valid_token_123") {
		list = append(list, attack{name: "GET /bearer/profile: " + name, request: wire("GET /bearer/profile", header, "")})
	}
	add("GET /bearer/profile?access_token=valid_token_123")
	add("GET /bearer/profile", "Authorization: Bearer "+strings.Repeat("v", 900_000))
	return list
}

// cookieAttacks are sessions that are none, or not this request's.
func cookieAttacks(t *testing.T, p *process) (list []attack) {
	t.Helper()
	c := p.signIn(t, carol)
	flipped := []byte(c.Value)
	flipped[len(flipped)/2] ^= 1
	for _, value := range []string{
		"", "x", string(flipped), c.Value + "x", c.Value[1:], c.Value + ", " + c.Value, strings.ToUpper(c.Value) + "x", strings.Repeat("A", len(c.Value)), "%00", "\x00", "\xff\xfe",
		"é", "null", "../../" + c.Value, c.Value + "=", strings.Repeat("A", 4000), "{}", `"`, strings.Repeat("A", 500_000),
	} {
		for _, do := range []string{"GET /session/profile", "POST /session/end", "POST /session/end-others"} {
			list = append(list, attack{name: fmt.Sprintf("%s, cookie %.40q", do, value), heavy: len(value) > 9000,
				request: wire(do, []string{"Cookie: " + c.Name + "=" + value}, "")})
		}
	}
	good := c.Name + "=" + c.Value
	for _, header := range [][]string{
		{"Cookie: " + strings.Repeat(good+"; ", 5)}, slices.Repeat([]string{"Cookie: " + good}, 5), {"Cookie: " + strings.ToUpper(good[:2]) + "X" + good[2:]}, {"Cookie2: " + good},
		{"Cookie: a=1, " + good + "x"}, {"Authorization: Session " + c.Value}, {"Authorization: Bearer " + c.Value}, {"X-Session: " + c.Value},
		{"Cookie: " + strings.Repeat("a=1; ", 4000) + good + "x"}, {"Cookie: " + strings.Repeat(";", 4000)},
	} {
		list = append(list, attack{name: fmt.Sprintf("GET /session/profile %.80q", header), request: wire("GET /session/profile", header, "")})
	}
	for _, from := range [][]string{
		{"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site"}, {"Origin: http://evil.example"}, {"Origin: null"}, {"Origin: http://example.evil"},
		{"Sec-Fetch-Site: cross-site", "Origin: http://example"}, {"Sec-Fetch-Site: CROSS-SITE"}, {"Sec-Fetch-Site: none, cross-site"}, {"Origin: http://example:1"},
	} {
		for _, path := range []string{"/session/login", "/session/logout", "/session/end", "/session/end-others"} {
			list = append(list, attack{name: fmt.Sprintf("POST %s from another site %q", path, from), status: 403,
				request: wire("POST "+path, append(from, "Cookie: "+good), carol)})
		}
	}
	return list
}

// bodyAttacks are bodies that are not what a route reads.
func bodyAttacks(t *testing.T, p *process) (list []attack) {
	t.Helper()
	add := func(do, name, body string, header ...string) {
		list = append(list, attack{name: do + ", body " + name, request: wire(do, header, body), heavy: len(body) > 20_000 || name[0] == '!'})
	}
	deep := strings.Repeat("[", 6000) + strings.Repeat("]", 6000)
	deeper := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	broken := map[string]string{
		"not JSON": "x", "cut": `{"email":`, "a list": "[]", "null": "null", "a string": `"x"`, "a number": "1", "two objects": "{}{}", "a comma": `{"email":"x",}`, "NUL": "\x00",
		"NUL behind": "{}\x00", "BOM": "\ufeff{}", "UTF-16": "\xff\xfe{\x00}\x00", "a comment": "{/**/}", "XML": `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`,
		"a form": "email=alice%40example.com&password=secret", "no end of lists": `{"email":` + strings.Repeat("[", 6000),
		"100,000 deep": `{"email":` + deeper + `}`, "100,000 objects deep": strings.Repeat(`{"a":`, 100_000), "1 MiB + 1": `{"email":"` + strings.Repeat("x", 1<<20) + `"}`,
	}
	typed := map[string]string{ // "!" checks a password
		"e-mail a number": `{"email":1,"password":"secret"}`, "e-mail a list": `{"email":["alice@example.com"],"password":"secret"}`, "e-mail deep": `{"email":` + deep + `}`,
		"password an object": `{"email":"alice@example.com","password":{"$ne":null}}`, "password true": `{"email":"alice@example.com","password":true}`,
		"1e999": `{"email":1e999,"password":1e999}`, "400 digits": `{"email":` + strings.Repeat("9", 400) + `}`,
		"!duplicates": `{"email":"alice@example.com","password":"x","password":"wrong"}`, "!no UTF-8": "{\"email\":\"alice@example.com\xff\",\"password\":\"secret\"}",
		"!NUL in it": `{"email":"alice@example.com\u0000","password":"secret\u0000"}`, "!half a surrogate": `{"email":"\ud83d","password":"\ude00"}`,
		"!SQL": credentials("' OR '1'='1' --", "' OR '1'='1"), "!long": credentials(strings.Repeat("a", 200_000)+"@example.com", strings.Repeat("x", 200_000)),
		"!nulls": `{"email":null,"password":null}`, "!other names": `{"username":"alice@example.com","Password ":"secret"}`,
	}
	for _, path := range []string{"/jwt/login", "/refresh/login", "/session/login", "/practices/login", "/complete/login"} {
		for name, body := range broken {
			add("POST "+path, name, body)
		}
		for name, body := range typed {
			add("POST "+path, name, body)
		}
		add("POST "+path, "in the query", "{", "X-HTTP-Method-Override: GET")
		list = append(list, attack{name: path + " chunked 1 MiB + 1", heavy: true,
			request: "POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat("x", 1<<16)+"\r\n", 17) + "0\r\n\r\n"})
	}
	pair := p.login(t, "/refresh/login", carol)
	for name, body := range map[string]string{
		"": "", "not a string": `{"refresh_token":1}`, "a list": `{"refresh_token":["` + pair.Refresh + `"]}`, "garbage": `{"refresh_token":"x"}`,
		"an access token": refreshBody(pair.Access), "cut": refreshBody(pair.Refresh[:len(pair.Refresh)-1]), "longer": refreshBody(pair.Refresh + "A"),
		"NUL behind": refreshBody(pair.Refresh + "\x00"), "spaces": refreshBody(" " + pair.Refresh), "null": `{"refresh_token":null}`, "deep": `{"refresh_token":` + deep + `}`,
		"twice, the first garbage": `{"refresh_token":"x","refresh_token":"y"}`, "a list of it": "[" + refreshBody(pair.Refresh) + "]", "1e999": `{"refresh_token":1e999}`,
		"no UTF-8": "{\"refresh_token\":\"\xff\"}", "long": refreshBody(strings.Repeat("A", 9000)), "1 MiB + 1": refreshBody(strings.Repeat("A", 1<<20)),
	} {
		add("POST /refresh/refresh", "."+name, body)
		add("POST /refresh/logout", "."+name, body, bearer(pair.Access)...)
	}
	for name, body := range broken {
		add("PUT /owner/posts/1", name, body, bearer(forge(goodHeader, goodClaims("jwt")))...)
	}
	for name, body := range map[string]string{"a number": `{"title":1}`, "a string": `{"published":"true"}`, "deep": `{"title":` + deep + `}`, "1e999": `{"title":1e999}`} {
		add("PUT /owner/posts/1", "title "+name, body, bearer(forge(goodHeader, goodClaims("jwt")))...)
	}
	return list
}

// pathAttacks are other ways to write a protected path or its method, with no
// credential, and with that of a user who may not.
func pathAttacks() (list []attack) {
	user := bearer(forge(goodHeader, goodClaims("jwt", `sub="3"`, `role="user"`)))
	for _, path := range []string{
		"/rbac/admin/users", "/rbac/admin//users", "/rbac//admin/users", "/rbac/./admin/users", "/rbac/x/../admin/users", "/rbac/%2e%2e/rbac/admin/users", "/rbac/admin/users/",
		"/rbac/admin/users;x", "/rbac/admin/users%00", "/rbac/admin/users%20", "/rbac/admin/users%2f", "/rbac%2fadmin%2fusers", "/RBAC/admin/users", "/rbac/admin/users?", "/rbac/admin/users#x",
		"/rbac/admin/users/..", "/optional/../rbac/admin/users", "/optional/%2e%2e/rbac/admin/users", "/rbac/admin/users%c0%af", "/rbac/admin/%75sers", `/rbac\admin\users`,
		"http://example/rbac/admin/users", "http://evil.example/rbac/admin/users", "//rbac/admin/users", "*", "rbac/admin/users", "/" + strings.Repeat("a", 8000), "/" + strings.Repeat("../", 2000),
		"/%", "/%zz", "/\xff", "/rbac/admin/users?" + strings.Repeat("a=1&", 2000), "/rbac/admin/users?role=admin&admin=true", "/" + strings.Repeat("a", 900_000),
	} {
		for _, header := range [][]string{nil, user, {"X-Original-URL: /rbac/admin/users", "X-Rewrite-URL: /rbac/admin/users"}} {
			list = append(list, attack{name: fmt.Sprintf("GET %.60q, %d header fields", path, len(header)), request: wire("GET "+path, header, ""), heavy: len(path) > 9000})
		}
	}
	for _, id := range []string{"1", "1/", "1%2f..%2f3", "%31", "01", "1%00", "1%20", "١", "-1", "1e0", "1;2", "*", "null", strings.Repeat("9", 400), "1?id=3&author_id=3", "%2e%2e%2f1"} {
		for _, do := range []string{"PUT /owner/posts/", "DELETE /rbac/posts/", "DELETE /permissions/users/", "DELETE /complete/posts/"} {
			list = append(list, attack{name: do + id[:min(20, len(id))], request: wire(do+id, user, `{"author_id":"3","id":"3","title":"mine"}`)})
		}
	}
	for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "GETT", "PROPFIND", "M-SEARCH", "G\x00T", "GE T", strings.Repeat("G", 8000)} {
		for _, header := range [][]string{nil, user, {"X-HTTP-Method-Override: GET", "X-Method-Override: GET", "X-HTTP-Method: GET"}} {
			list = append(list, attack{name: fmt.Sprintf("%.20q /rbac/admin/users, %d header fields", method, len(header)), request: wire(method+" /rbac/admin/users", header, "")})
		}
	}
	return list
}

// forwardedAttacks are addresses of other people, for a login's limit. With no
// proxy they count for whoever sends them; behind one, what is no address is 400.
func forwardedAttacks() (list []attack) {
	for _, h := range []string{
		"", "nonsense", "unknown", "203.0.113.7:80", "203.0.113.7, nonsense", "[", "::1%eth0", "1.2.3", "0x7f.1", "127.0.0.1\x00", ",,,,", strings.Repeat("1.2.3.4, ", 2000) + "x",
		strings.Repeat(",", 8000), "2001:db8:RANDOM::1", "2001:db8:RANDOM::1, 127.0.0.1", "::ffff:1.2.3.4", strings.Repeat("1.2.3.4, ", 100_000),
	} {
		list = append(list, attack{name: fmt.Sprintf("X-Forwarded-For %.40q", h), heavy: len(h) > 20_000,
			request: wire("POST /practices/login", []string{"X-Forwarded-For: " + h, "Forwarded: for=" + h, "X-Real-IP: " + h}, "{")})
		list = append(list, attack{name: fmt.Sprintf("X-Forwarded-For %.40q twice", h), heavy: len(h) > 20_000,
			request: wire("POST /complete/login", []string{"X-Forwarded-For: " + h, "X-Forwarded-For: 10.0.0.1"}, "{")})
	}
	return list
}

// rawAttacks are no HTTP, or HTTP that two readers read in two ways.
func rawAttacks() (list []attack) {
	const get, post = "GET /apikey/protected HTTP/1.1\r\nHost: x\r\n", "POST /jwt/login HTTP/1.1\r\nHost: x\r\n"
	smuggled := get + "X-API-Key: nobodys\r\n\r\n"
	for name, request := range map[string]string{
		"two lengths": post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", "a list of lengths": post + "Content-Length: 2, 3\r\n\r\n{}x", "a negative length": post + "Content-Length: -1\r\n\r\n",
		"a length with a plus": post + "Content-Length: +2\r\n\r\n{}", "1e1": post + "Content-Length: 1e1\r\n\r\n{}", "a length of 30 digits": post + "Content-Length: " + strings.Repeat("9", 30) + "\r\n\r\n",
		"a length beyond memory": post + "Content-Length: 9000000000000000000\r\n\r\n{}", "length and chunks": post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"no chunk": post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk of 2^64": post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}", "a negative chunk": post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n",
		"chunk extensions": post + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a=b;", 3000) + "\r\n{\r\n0\r\n\r\n", "NUL in a value": get + "X-API-Key: key\x0012345\r\n\r\n", "NUL in a name": get + "X-API\x00-Key: key_12345\r\n\r\n",
		"NUL in the path": "GET /apikey/\x00protected HTTP/1.1\r\nHost: x\r\n\r\n", "NULs": strings.Repeat("\x00", 5000) + "\r\n\r\n", "no Host": "GET /apikey/protected HTTP/1.1\r\n\r\n", "two Hosts": get + "Host: y\r\n\r\n",
		"a Host that is none": "GET /apikey/protected HTTP/1.1\r\nHost: a b/c\r\n\r\n", "line feeds alone": "GET /apikey/protected HTTP/1.1\nHost: x\n\n", "folded": get + "X-A: b\r\n c\r\n\r\n", "folded first": "GET /apikey/protected HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n",
		"no colon": get + "nonsense\r\n\r\n", "an empty name": get + ": x\r\n\r\n", "HTTP/0.9": "GET /apikey/protected\r\n\r\n", "HTTP/1.0": "GET /apikey/protected HTTP/1.0\r\n\r\n", "no version": "GET /apikey/protected HTTP\r\n\r\n", "HTTP/1.9": "GET /apikey/protected HTTP/1.9\r\nHost: x\r\n\r\n",
		"a TLS hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x01", 500) + "\r\n\r\n", "SSH": "SSH-2.0-x\r\n\r\n", "an HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "an upgrade": get + "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n", "1,000 fields": get + strings.Repeat("X-A: b\r\n", 1000) + "\r\n", "1,000 keys": get + strings.Repeat("X-API-Key: a\r\n", 1000) + "\r\n",
		"1,000 tokens": "GET /jwt/profile HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("Authorization: Bearer a\r\n", 1000) + "\r\n", "1,000 cookies": "GET /session/profile HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("Cookie: session=a\r\n", 1000) + "\r\n",
		"an expectation": post + "Expect: something\r\nContent-Length: 2\r\n\r\n{}",
	} {
		list = append(list, attack{name: "raw " + name, request: request, last: true})
	}
	return append(list, // what net/http itself promises
		attack{name: "raw two encodings", request: post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", status: 501},
		attack{name: "raw HTTP/3", request: "GET /apikey/protected HTTP/3.0\r\nHost: x\r\n\r\n", status: 505},
		attack{name: "raw 2 MiB of fields", request: get + strings.Repeat("X-A: b\r\n", 256<<10) + "\r\n", heavy: true, status: 431},
		attack{name: "raw a field of 2 MiB", request: get + "X-A: " + strings.Repeat("b", 2<<20) + "\r\n\r\n", heavy: true, status: 431},
		attack{name: "raw a name of 2 MiB", request: get + strings.Repeat("b", 2<<20) + ": x\r\n\r\n", heavy: true, status: 431},
		attack{name: "raw OPTIONS *", request: "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", status: 200}, // net/http's own, empty
	)
}
