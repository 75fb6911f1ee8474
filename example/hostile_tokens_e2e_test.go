package main_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

const goodHeader = hs256

// goodClaims is a good payload with members replaced, "name=value" in JSON,
// added or, "name=", left out.
func goodClaims(issuer string, edits ...string) string {
	now := time.Now().Unix()
	list := [][2]string{
		{"iss", `"` + issuer + `"`}, {"sub", `"1"`}, {"exp", fmt.Sprint(now + 3600)}, {"iat", fmt.Sprint(now - 1)},
		{"jti", `"j"`}, {"type", `"access"`}, {"role", `"admin"`}, {"email", `"alice@example.com"`},
	}
edits:
	for _, e := range edits {
		name, value, _ := strings.Cut(e, "=")
		for i := range list {
			if list[i][0] == name {
				list[i][1] = value
				continue edits
			}
		}
		list = append(list, [2]string{name, value})
	}
	var members []string
	for _, m := range list {
		if m[1] != "" {
			members = append(members, `"`+m[0]+`":`+m[1])
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// signed signs what need not be a header and a payload, with the server's key.
func signed(what string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(what))
	return what + "." + b64(string(mac.Sum(nil)))
}

func forge(header, payload string) string { return signed(b64(header) + "." + b64(payload)) }

// tokenRoutes are those that a token of the issuer opens, of an admin.
var tokenRoutes = []struct{ do, issuer, body string }{
	{"GET /jwt/profile", "jwt", ""},
	{"GET /refresh/profile", "refresh", ""},
	{"GET /rbac/admin/users", "jwt", ""},
	{"DELETE /permissions/users/9", "jwt", ""},
	{"PUT /owner/posts/1", "jwt", `{"published":true}`},
	{"GET /optional/strict/posts", "jwt", ""},
	{"GET /practices/profile", "your-app", ""},
	{"GET /complete/profile", "complete", ""},
}

// tokenAttacks are tokens as in package jwtauth's tests, on every route. Most
// carry a right signature of the server's key.
func tokenAttacks() (list []attack) {
	for _, r := range tokenRoutes {
		tokens := map[string]string{}
		for name, header := range hostileTokenHeaders {
			tokens["header "+name] = forge(header, goodClaims(r.issuer))
		}
		for name, edits := range hostileTokenClaims {
			tokens["claims "+name] = forge(goodHeader, goodClaims(r.issuer, edits...))
		}
		good := goodClaims(r.issuer)
		for name, payload := range map[string]string{
			"a list": "[" + good + "]", "null": "null", "a number": "1", "{}": "{}", "more behind": good + "x", "NUL behind": good + "\x00",
			"a comment": good + "//", "no UTF-8": strings.Replace(good, "alice", "\xff", 1), "cut": good[:len(good)-1],
			"exp twice":         strings.Replace(good, "{", `{"exp":9999999999,`, 1),
			"role twice":        strings.Replace(good, "{", `{"role":"user",`, 1),
			"sub escaped twice": strings.Replace(good, "{", `{"s\u0075b":"2",`, 1),
			"half a surrogate":  strings.Replace(good, "alice", `\ud83d`, 1),
			"spaces":            "  ", "a string that does not end": `{"sub":"1`,
			"600 members": good[:len(good)-1] + members(600) + "}",
			"too long":    goodClaims(r.issuer, `x="`+strings.Repeat("x", 9000)+`"`),
		} {
			tokens["payload "+name] = forge(goodHeader, payload)
		}
		for name, token := range respelt(forge(goodHeader, good)) {
			tokens["spelling "+name] = token
		}
		for name, token := range tokens {
			list = append(list, attack{name: r.do + ": " + name, request: wire(r.do, bearer(token), r.body), status: 401})
		}
		if r.do == "GET /optional/strict/posts" {
			continue // who has no token may enter
		}
		for name, header := range hostileAuthorization(forge(goodHeader, good)) {
			list = append(list, attack{name: r.do + ": Authorization " + name, request: wire(r.do, header, r.body)})
		}
		list = append(list, attack{name: r.do + ": 800 KB", request: wire(r.do, bearer(strings.Repeat("a.", 400<<10)), r.body), status: 401, heavy: true})
	}
	return list
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"x%d":0`, i)
	}
	return b.String()
}

var hostileTokenHeaders = map[string]string{
	"alg none": `{"alg":"none"}`, "alg nOnE": `{"alg":"nOnE"}`, "no alg": `{"typ":"JWT"}`, "alg null": `{"alg":null}`, "alg a number": `{"alg":256}`,
	"alg a list": `{"alg":["HS256"]}`, "alg lower": `{"alg":"hs256"}`, "alg HS512": `{"alg":"HS512"}`, "alg RS256": `{"alg":"RS256"}`,
	"alg with a NUL": `{"alg":"HS256\u0000"}`, "alg twice": `{"alg":"HS256","alg":"none"}`, "alg escaped twice": `{"alg":"HS256","\u0061lg":"HS256"}`,
	"ALG for alg": `{"ALG":"HS256"}`,
	"crit":        `{"alg":"HS256","crit":["exp"],"exp":1}`, "crit b64": `{"alg":"HS256","crit":["b64"],"b64":true}`, "crit empty": `{"alg":"HS256","crit":[]}`,
	"b64": `{"alg":"HS256","b64":false}`, "dpop": `{"alg":"HS256","typ":"dpop+jwt"}`, "typ empty": `{"alg":"HS256","typ":""}`,
	"typ a list": `{"alg":"HS256","typ":["JWT"]}`, "kid a number": `{"alg":"HS256","kid":1}`, "kid long": `{"alg":"HS256","kid":"` + strings.Repeat("k", 257) + `"}`,
	"a list": `[{"alg":"HS256"}]`, "null": `null`, "a comma": `{"alg":"HS256",}`, "single quotes": `{'alg':'HS256'}`, "BOM": "\ufeff" + goodHeader,
	"two objects": goodHeader + goodHeader, "cut": `{"alg":"HS256"`, "100 deep": `{"alg":"HS256","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	"deep without end": `{"alg":"HS256","x":` + strings.Repeat(`[`, 4000), "70 members": `{"alg":"HS256"` + members(70) + `}`,
}

var hostileTokenClaims = map[string][]string{
	"no exp": {"exp="}, "exp past": {"exp=1700000000"}, "exp 0": {"exp=0"}, "exp negative": {"exp=-1"}, "exp a string": {`exp="9999999999"`},
	"exp null": {"exp=null"}, "exp a list": {"exp=[9999999999]"}, "exp 1e300": {"exp=1e300"}, "exp 1e999": {"exp=1e999"}, "exp beyond int64": {"exp=9223372036854775808"},
	"exp of 300 digits": {"exp=" + strings.Repeat("9", 300)}, "exp NaN": {"exp=NaN"}, "exp hexadecimal": {"exp=0x6B49D200"}, "exp in ms": {"exp=9999999999000"},
	"EXP beside exp": {"exp=1", "EXP=9999999999"}, "Exp alone": {"exp=", "Exp=9999999999"}, "long s": {`iss="x"`, `iſs="jwt"`},
	"nested twice": {`x={"a":1,"b":{"c":1,"c":2}}`}, "nbf later": {"nbf=9999999999"}, "nbf negative": {"nbf=-1"}, "iat a string": {`iat="now"`},
	"no type": {"type="}, "refresh": {`type="refresh"`}, "type Access": {`type="Access"`}, "type a list": {`type=["access"]`}, "no iss": {"iss="}, "iss another": {`iss="you"`},
	"iss a list": {`iss=["jwt"]`}, "iss null": {"iss=null"}, "aud": {`aud="other"`}, "aud an object": {`aud={"api":1}`}, "no sub": {"sub="}, "sub empty": {`sub=""`},
	"sub a number": {"sub=1"}, "jti a number": {"jti=1"}, "sid a list": {`sid=["s"]`}, "role a number": {"role=1"}, "role a list": {`role=["admin"]`},
	"40 deep": {"x=" + strings.Repeat("[", 40) + strings.Repeat("]", 40)}, "a huge number": {"x=" + strings.Repeat("9", 400)},
}

// respelt are a good token's bytes, written otherwise.
func respelt(good string) map[string]string {
	h, rest, _ := strings.Cut(good, ".")
	p, sig, _ := strings.Cut(rest, ".")
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := letters[strings.IndexByte(letters, good[len(good)-1])^1]
	return map[string]string{
		"one segment": h, "two": h + "." + p, "four": good + "." + sig, "five": good + ".a.b", "no header": "." + p + "." + sig, "no payload": signed(h + "."),
		"no signature": h + "." + p + ".", "dots": "..", "a dot behind": good + ".", "spare bits": good[:len(good)-1] + string(last), "padded": good + "=",
		"space": signed(h[:8] + " " + h[8:] + "." + p), "two tokens": good + ", " + good, "quoted": `"` + good + `"`, "percent": strings.Replace(good, ".", "%2E", 1),
		"non-ASCII": good + "é", "tilde": signed(h + "~." + p), "8 KB of dots": strings.Repeat(".", 8192), "8193 bytes": strings.Repeat("a", 8193),
		"another signature": h + "." + p + "." + b64(strings.Repeat("x", 32)), "31 bytes": good[:len(good)-2], "another payload": h + "." + b64("{}") + "." + sig,
	}
}

// hostileAuthorization are good tokens where none belongs.
func hostileAuthorization(good string) map[string][]string {
	return map[string][]string{
		"none": nil, "empty": {"Authorization:"}, "Bearer alone": {"Authorization: Bearer"}, "Basic": {"Authorization: Basic dXNlcjpwYXNz"},
		"without scheme": {"Authorization: " + good}, "longer scheme": {"Authorization: BearerX " + good}, "an equals sign": {"Authorization: Bearer=" + good},
		"quoted": {`Authorization: "Bearer ` + good + `"`}, "a comma behind": {"Authorization: Bearer " + good + ","}, "two": {"Authorization: Bearer " + good + " " + good},
		"no-break space": {"Authorization: Bearer\u00a0" + good}, "twice": {"Authorization: Bearer " + good, "authorization: Bearer " + good},
		"beside Basic": {"Authorization: Basic dXNlcjpwYXNz", "Authorization: Bearer " + good}, "a NUL": {"Authorization: Bearer " + good + "\x00"},
		"a CR": {"Authorization: Bearer \r" + good}, "a space before the colon": {"Authorization : Bearer " + good},
		"another field": {"Proxy-Authorization: Bearer " + good}, "X-Authorization": {"X-Authorization: Bearer " + good}, "as a cookie": {"Cookie: access_token=" + good + "; token=" + good},
		"X-Access-Token": {"X-Access-Token: " + good}, "as user": {"X-User: 1", "X-Forwarded-User: alice", "Remote-User: alice", "From: alice@example.com"},
	}
}
