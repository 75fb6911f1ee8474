package main_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/prover"
)

// A dpopRow is a request, the error in its challenge, and the reason in the log. Both are
// empty where it is accepted.
type dpopRow struct {
	name         string
	call         call
	word, reason string
}

// TestDPoP: the rows of BEYOND.md about /dpop/profile, and what the log says of each.
func TestDPoP(t *testing.T) {
	t.Parallel()
	as := newMCPIssuer(t)
	p := start(t, append(as.env(), "SEAL_KEY="+sealKey(1))...)
	c := as.dpopClient("ES256")
	c.learn(t, p)
	good := row{status: 200, body: `{"subject":"1","issuer":"` + as.URL + `","scopes":["posts:read"]}`,
		header: []string{"DPoP-Nonce: ~^[A-Za-z0-9_-]{32}$", "Cache-Control: no-store", "WWW-Authenticate:"}}
	var rows []dpopRow
	rows = append(rows, accepted(as, c)...)
	rows = append(rows, refusedTokens(as, c)...)
	rows = append(rows, refusedProofs(as, c)...)
	rows = append(rows, refusedPlaces(c)...)
	rows = append(rows, refusedNonces(c)...)
	for _, tt := range rows {
		want := good
		if tt.word != "" {
			nonce := "DPoP-Nonce: ~^[A-Za-z0-9_-]{32}$"
			if tt.word == "invalid_token" {
				nonce = "DPoP-Nonce:"
			}
			want = row{status: 401, body: e(401, ""), header: []string{"WWW-Authenticate: " + dpopError(tt.word), "Cache-Control: no-store", nonce}}
		}
		want.name, want.call = tt.name, tt.call
		p.rows(t, []row{want})
	}
	p.stop(t) // then the log is whole
	lines := regexp.MustCompile(`(?m)^.*path=/dpop/profile.*$`).FindAllString(p.logs(), -1)
	if len(lines) != len(rows)+1 { // learn
		t.Fatalf("%d lines in the log, want %d\n%s", len(lines), len(rows)+1, p.logs())
	}
	for i, tt := range rows {
		_, reason, _ := strings.Cut(lines[i+1], " reason=")
		if text, err := strconv.Unquote(reason); err == nil {
			reason = text
		}
		if reason != tt.reason {
			t.Errorf("%s: the log says %q, want %q", tt.name, reason, tt.reason)
		}
	}
	if jwts.MatchString(p.logs()) || strings.Contains(p.logs(), c.nonce) {
		t.Error("the log has a token, a proof or a nonce")
	}
}

func accepted(as *mcpIssuer, c *dpopClient) (rows []dpopRow) {
	for _, alg := range []string{"ES384", "EdDSA", "Ed25519", "RS256"} {
		other := as.dpopClient(alg)
		other.nonce = c.nonce
		rows = append(rows, dpopRow{alg, other.request(), "", ""})
		if alg == "RS256" {
			key := &prover.Key{Alg: "PS256", Private: other.key.Private, JWK: other.key.JWK}
			rows = append(rows, dpopRow{"PS256", other.request(func(r *dpopRequest) { r.key, r.header = key, key.Header() }), "", ""})
		}
	}
	for name, htu := range map[string]string{
		"a query and a fragment": dpopProfile + "?x=1#y", "the default port": "https://notes.example:443/dpop/profile",
		"capitals": "HTTPS://Notes.Example/dpop/profile", "escaped letters": mcpOrigin + "/%64pop/profile", "dot segments": mcpOrigin + "/a/../dpop/./profile",
	} {
		rows = append(rows, dpopRow{"htu with " + name, c.request(proofClaim("htu", htu)), "", ""})
	}
	same := func(r *dpopRequest) { r.payload["jti"] = "the same" }
	other := as.dpopClient("ES256")
	other.nonce = c.nonce
	return append(rows,
		dpopRow{"ES256", c.request(), "", ""},
		dpopRow{"the scheme in another case", c.request(func(r *dpopRequest) { r.scheme = "dpop" }), "", ""},
		dpopRow{"another token of the key", c.request(forToken(as.bound(c.key, "jti", "2"))), "", ""},
		dpopRow{"40 seconds old", c.request(proofAge(40 * time.Second)), "", ""},
		dpopRow{"4 seconds ahead", c.request(proofAge(-4 * time.Second)), "", ""},
		dpopRow{"a query", c.request(sentTo("GET /dpop/profile?x=1")), "", ""},
		dpopRow{"a proxy's fields do not count", c.request(func(r *dpopRequest) { r.host = "evil.example" },
			sentTo("GET /dpop/profile", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "Forwarded: host=evil.example")), "", ""},
		dpopRow{"a jti", c.request(same), "", ""},
		dpopRow{"the same jti of another key", other.request(same), "", ""},
		dpopRow{"the same jti again", c.request(same), "invalid_dpop_proof", "dpop: the proof was used before"})
}

func refusedTokens(mcp *mcpIssuer, c *dpopClient) []dpopRow {
	const notBound = "dpop: the token is not bound to a key"
	const asBearer = "dpop: a token that is bound to a DPoP key was not sent in the scheme DPoP"
	unbound := mcp.token("posts:read", "aud", "api")
	return []dpopRow{
		{"as Bearer", c.request(sentAs("Bearer", c.token)), "invalid_token", asBearer},
		{"as Bearer without a proof", call{do: "GET /dpop/profile", header: bearer(c.token)}, "invalid_token", asBearer},
		{"not bound, as DPoP", c.request(forToken(unbound)), "invalid_token", notBound},
		{"not bound, as Bearer", call{do: "GET /dpop/profile", header: bearer(unbound)}, "invalid_token", notBound},
		{"bound to a certificate", c.request(forToken(mcp.bound(c.key, "cnf", object{"x5t#S256": c.key.Thumbprint()}))), "invalid_token", "dpop: cnf has a confirmation that is not checked here"},
		{"bound to a certificate, too", c.request(forToken(mcp.bound(c.key, "cnf", object{"jkt": c.key.Thumbprint(), "x5t#S256": "x"}))), "invalid_token", "dpop: cnf has a confirmation that is not checked here"},
		{"bound to nothing", c.request(forToken(mcp.bound(c.key, "cnf", object{}))), "invalid_token", "dpop: cnf has no confirmation"},
		{"expired", c.request(forToken(mcp.bound(c.key, "exp", time.Now().Unix()-1))), "invalid_token", "jwtauth: exp is past"},
		{"of another audience", c.request(forToken(mcp.bound(c.key, "aud", "other"))), "invalid_token", "jwtauth: aud has only other values"},
		{"altered", c.request(forToken(c.token[:len(c.token)-9] + "AAAAAAAAA")), "invalid_token", "jwtauth: the signature does not verify"},
	}
}

func refusedProofs(mcp *mcpIssuer, c *dpopClient) []dpopRow {
	const invalid = "invalid_dpop_proof"
	stranger, es512, small := prover.NewKey("ES256", 0), mcp.dpopClient("ES512"), prover.NewKey("RS256", 1024)
	es512.nonce = c.nonce
	short := &dpopClient{small, mcp.bound(small), c.nonce}
	return []dpopRow{
		{"no proof", c.request(proofFields(func(string) []string { return nil })), invalid, "dpop: the request has no proof"},
		{"two proofs", c.request(proofFields(func(p string) []string { return []string{p, p} })), invalid, "dpop: the request has more than one proof"},
		{"two proofs in one field", c.request(proofFields(func(p string) []string { return []string{p + ", " + p} })), invalid, "dpop: the proof is not three segments of base64url"},
		{"over 4 KB", c.request(tooLong), invalid, "dpop: the proof is longer than 4096 bytes"},
		{"another key", c.request(func(r *dpopRequest) { r.key, r.header = stranger, stranger.Header() }), invalid, "dpop: jwk is another key than that of the token"},
		{"another's signature", c.request(func(r *dpopRequest) { r.key = stranger }), invalid, "dpop: the signature does not verify"},
		{"ES512", es512.request(), invalid, "dpop: alg is not one of Algorithms"},
		{"HS256", c.request(proofHeader("alg", "HS256")), invalid, "dpop: alg is not one of Algorithms"},
		{"none", c.request(proofHeader("alg", "none"), proofFields(func(p string) []string { return []string{p[:strings.LastIndexByte(p, '.')+1]} })), invalid, "dpop: the proof is not three segments of base64url"},
		{"RSA of 1024 bits", short.request(), invalid, "dpop: jwk is not a sound key for alg"},
		{"a private key", c.request(func(r *dpopRequest) { r.header["jwk"].(map[string]any)["d"] = "AA" }), invalid, "dpop: jwk has a private or a symmetric key"},
		{"typ of a token", c.request(proofHeader("typ", "at+jwt")), invalid, "dpop: typ is not dpop+jwt"},
		{"no jti", c.request(proofClaim("jti", nil)), invalid, "dpop: jti is missing or empty, or has more than 256 bytes"},
		{"61 seconds old", c.request(proofAge(61 * time.Second)), invalid, "dpop: iat is more than 60 seconds ago"},
		{"a minute ahead", c.request(proofAge(-time.Minute)), invalid, "dpop: iat is more than 5 seconds ahead"},
		{"no iat", c.request(proofClaim("iat", nil)), invalid, "dpop: iat is missing, or no time"},
		{"another token", c.request(sentAs("DPoP", mcp.bound(c.key, "jti", "3"))), invalid, "dpop: ath is not the hash of the token"},
		{"no ath", c.request(proofClaim("ath", nil)), invalid, "dpop: ath is missing"},
	}
}

func refusedPlaces(c *dpopClient) (rows []dpopRow) {
	for name, htu := range map[string]string{
		"the address of the server": "http://127.0.0.1/dpop/profile", "another host": "https://evil.example/dpop/profile", "http": "http://notes.example/dpop/profile",
		"another port": "https://notes.example:8443/dpop/profile", "another path": mcpOrigin + "/oidc/profile", "a slash behind": dpopProfile + "/",
		"capitals in the path": mcpOrigin + "/DPoP/profile", "an escaped slash": mcpOrigin + "/dpop%2Fprofile", "a longer host": "https://notes.example.evil.example/dpop/profile",
		"a user": "https://notes.example@evil.example/dpop/profile", "no origin": "/dpop/profile", "nothing": "",
	} {
		rows = append(rows, dpopRow{"htu of " + name, c.request(proofClaim("htu", htu), func(r *dpopRequest) { r.host = "evil.example" },
			sentTo("GET /dpop/profile", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http")), "invalid_dpop_proof", "dpop: htu is not the URL of the request"})
	}
	const method = "dpop: htm is not the method of the request"
	return append(rows,
		dpopRow{"a proof for POST", c.request(proofClaim("htm", "POST")), "invalid_dpop_proof", method},
		dpopRow{"a proof for get", c.request(proofClaim("htm", "get")), "invalid_dpop_proof", method})
}

func refusedNonces(c *dpopClient) []dpopRow {
	const word, other = "use_dpop_nonce", "dpop: nonce is not one of this origin's keys"
	const purpose = "dpop nonces"
	now := time.Now()
	nonce := func(n byte, purpose, origin string, d time.Duration) func(*dpopRequest) {
		return proofClaim("nonce", nonceOf(n, purpose, origin, now.Add(-d)))
	}
	return []dpopRow{
		{"a nonce of four minutes ago", c.request(nonce(1, purpose, mcpOrigin, 4*time.Minute)), "", ""},
		{"a nonce that is older than five minutes", c.request(nonce(1, purpose, mcpOrigin, 301*time.Second)), word, "dpop: nonce is older than five minutes"},
		{"no nonce", c.request(proofClaim("nonce", nil)), word, "dpop: nonce is missing"},
		{"an empty nonce", c.request(proofClaim("nonce", "")), word, other},
		{"a nonce of another key", c.request(nonce(2, purpose, mcpOrigin, 0)), word, other},
		{"a nonce of another origin", c.request(nonce(1, purpose, "https://other.example", 0)), word, other},
		{"a nonce of SEAL_KEY itself", c.request(nonce(1, "", mcpOrigin, 0)), word, other},
		{"a nonce of the key for another purpose", c.request(nonce(1, "totp", mcpOrigin, 0)), word, other},
	}
}

// TestDPoPElsewhere: a bound token opens no route that checks no proof, with a proof or
// without.
func TestDPoPElsewhere(t *testing.T) {
	t.Parallel()
	mcp := newMCPIssuer(t)
	p := start(t, mcp.env()...)
	c := mcp.dpopClient("ES256")
	c.learn(t, p)
	note := &dpopClient{c.key, mcp.bound(c.key, "aud", mcpOrigin+"/mcp", "scope", "notes:read"), c.nonce}
	message := rpc("tools/call", readTool)
	tool := func(scheme string) call {
		r := note.request(sentAs(scheme, note.token), proofClaim("htm", "POST"), proofClaim("htu", mcpOrigin+"/mcp"))
		return call{do: "POST /mcp", header: r.header, body: message}
	}
	profile := func(scheme string) call {
		return c.request(sentAs(scheme, c.token), sentTo("GET /oidc/profile"), proofClaim("htu", mcpOrigin+"/oidc/profile"))
	}
	invalid := []string{`WWW-Authenticate: ~^Bearer .*error="invalid_token"`}
	p.rows(t, []row{
		{"as Bearer at /oidc", call{do: "GET /oidc/profile", header: bearer(c.token)}, 401, e(401, ""), invalid},
		{"as Bearer with a proof at /oidc", profile("Bearer"), 401, e(401, ""), invalid},
		{"as DPoP at /oidc", profile("DPoP"), 401, e(401, "JWT token required"), []string{"WWW-Authenticate: Bearer"}},
		{"as Bearer at /mcp", call{do: "POST /mcp", header: bearer(note.token), body: message}, 401, e(401, ""), invalid},
		{"as Bearer with a proof at /mcp", tool("Bearer"), 401, e(401, ""), invalid},
		{"as DPoP at /mcp", tool("DPoP"), 401, e(401, "JWT token required"), nil},
		{"no token at /dpop", call{do: "GET /dpop/profile"}, 401, e(401, "JWT token required"), []string{"WWW-Authenticate: " + dpopAlgs, "DPoP-Nonce:"}},
		{"two tokens at /dpop", c.request(sentTo("GET /dpop/profile", "Authorization: Bearer "+c.token)), 400, e(400, ""), nil},
		{"a token in the query", call{do: "GET /dpop/profile?access_token=" + c.token}, 401, e(401, "JWT token required"), nil},
		{"HEAD", c.request(sentTo("HEAD /dpop/profile"), proofClaim("htm", "HEAD")), 200, "", []string{"DPoP-Nonce: ~."}},
		{"POST", c.request(sentTo("POST /dpop/profile"), proofClaim("htm", "POST")), 405, "", []string{"Allow: GET, HEAD", "DPoP-Nonce:"}},
		{"listed", call{do: "GET /"}, 200, `~(?m)^/dpop$`, nil},
	})
}

// TestDPoPIsNotMounted: without a key, or at a public URL over http, there is no route, and
// the program says so.
func TestDPoPIsNotMounted(t *testing.T) {
	t.Parallel()
	sealed, oidc := "SEAL_KEY="+sealKey(1), []string{"OIDC_ISSUER=https://issuer.example", "OIDC_AUDIENCE=api"}
	for name, tt := range map[string]struct {
		env    []string
		status int
		logged string
	}{
		"no key":                  {oidc, 404, "SEAL_KEY is not set: /dpop is not mounted"},
		"http of another machine": {append(oidc, sealed, "PUBLIC_URL=http://app.example"), 404, "PUBLIC_URL must be https or on loopback: /dpop is not mounted"},
		"no issuer":               {[]string{sealed}, 404, ""},
		"neither":                 {nil, 404, ""},
		"mounted":                 {append(oidc, sealed), 401, ""},
		"at an address":           {append(oidc, sealed, "PUBLIC_URL=https://192.0.2.1:8443"), 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := launch(t, append(tt.env, "JWT_SECRET_KEY="+secret), "-addr", "127.0.0.1:0")
			row{call: call{do: name}, status: tt.status}.check(t, p.send(t, call{do: "GET /dpop/profile"}))
			if logs := p.logs(); !strings.Contains(logs, tt.logged) || tt.logged == "" && strings.Contains(logs, "/dpop is not") {
				t.Errorf("the log has %s", logs)
			}
			if listed := strings.Contains(p.send(t, call{do: "GET /"}).body, "\n/dpop\n"); listed != (tt.status == 401) {
				t.Errorf("listed is %t", listed)
			}
		})
	}
}
