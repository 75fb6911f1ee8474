package dpop_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/prover"
)

// A forgery is a request whose parts an attacker chooses. All that a row leaves as it is
// is right.
type forgery struct {
	key             *prover.Key
	header, payload prover.Claims
	rawHeader       string // in place of header
	rawPayload      string
	boundTo         map[string]any // the jwk that the token is bound to; nil: client's
	after           func(proof string) string
	request         func(r *http.Request, proof string)
	token, scheme   string
	method, path    string
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// thumbprint is the jkt of the members that RFC 7638 hashes for a kty.
func thumbprint(jwk map[string]any) string {
	required := map[string]any{}
	kty, _ := jwk["kty"].(string)
	names := map[string][]string{"EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}, "RSA": {"e", "n"}}[kty]
	for _, name := range append(names, "kty") {
		if v, ok := jwk[name]; ok {
			required[name] = v
		}
	}
	sum := sha256.Sum256(prover.JSON(required))
	return b64(sum[:])
}

// serve sends a forgery.
func (a *api) forge(change func(*forgery)) *httptest.ResponseRecorder {
	f := &forgery{key: client, method: "GET", path: "/profile", scheme: "DPoP", boundTo: client.JWK}
	f.header = client.Header()
	f.token = a.token(client)
	f.payload = client.Payload(f.method, origin+f.path, f.token, a.nonce(), a.clock.Now())
	ath := f.payload["ath"]
	change(f)
	if jkt := thumbprint(f.boundTo); jkt != client.Thumbprint() {
		c := claims{Confirmation: &dpop.Confirmation{JKT: jkt}}
		f.token = must(a.issuer.Issue("1", c)).AccessToken
		if f.payload["ath"] == ath {
			f.payload["ath"] = prover.Hash(f.token)
		}
	}
	header, payload := prover.JSON(f.header), prover.JSON(f.payload)
	if f.rawHeader != "" {
		header = []byte(strings.ReplaceAll(f.rawHeader, "JWK", string(prover.JSON(client.JWK))))
	}
	if f.rawPayload != "" {
		rest := strings.TrimPrefix(string(payload), "{")
		payload = []byte(strings.ReplaceAll(f.rawPayload, "REST}", rest))
	}
	proof := f.key.Sign(header, payload)
	if f.after != nil {
		proof = f.after(proof)
	}
	r := httptest.NewRequest(f.method, f.path, nil)
	r.Header.Set("Authorization", f.scheme+" "+f.token)
	r.Header["Dpop"] = []string{proof}
	if f.request != nil {
		f.request(r, proof)
	}
	return a.serve(r)
}

// nonce returns a nonce of now.
func (a *api) nonce() string {
	return a.serve(client.Request("GET", "/profile", a.token(client), "", a.clock.Now())).Result().Header.Get("DPoP-Nonce")
}

type hostileRow struct {
	name   string
	change func(*forgery)
	want   string // the reason
}

// head, pay and jwk change one member; a nil value removes it.
func set(c prover.Claims, name string, value any) {
	if c[name] = value; value == nil {
		delete(c, name)
	}
}

func head(name string, value any) func(*forgery) {
	return func(f *forgery) { set(f.header, name, value) }
}

func pay(name string, value any) func(*forgery) {
	return func(f *forgery) { set(f.payload, name, value) }
}

func rawHead(text string) func(*forgery) { return func(f *forgery) { f.rawHeader = text } }

func rawPay(text string) func(*forgery) { return func(f *forgery) { f.rawPayload = text } }

func text(after func(proof string) string) func(*forgery) {
	return func(f *forgery) { f.after = after }
}

func sent(change func(r *http.Request, proof string)) func(*forgery) {
	return func(f *forgery) { f.request = change }
}

// jwk changes a member of the key, and binds the token to the result.
func jwk(name string, value any) func(*forgery) {
	return func(f *forgery) {
		key := maps.Clone(f.key.JWK)
		set(key, name, value)
		f.header["jwk"], f.boundTo = key, key
	}
}

// by signs with another key, which the token is bound to.
func by(key *prover.Key, more ...func(*forgery)) func(*forgery) {
	return func(f *forgery) {
		f.key, f.header, f.boundTo = key, key.Header(), key.JWK
		for _, change := range more {
			change(f)
		}
	}
}

// then makes several changes.
func then(changes ...func(*forgery)) func(*forgery) {
	return func(f *forgery) {
		for _, change := range changes {
			change(f)
		}
	}
}

func segments(proof string) []string { return strings.Split(proof, ".") }

// TestHostileProofs: each proof is refused for its own reason, which Observe alone reads.
// None uses up anything.
func TestHostileProofs(t *testing.T) {
	a := newDPoP(t, dpop.Options{NonceKey: nonceKey})
	rows := hostileRows(a)
	if len(rows) < 150 {
		t.Errorf("%d rows", len(rows))
	}
	names := map[string]bool{}
	for _, tt := range rows {
		if names[tt.name] {
			t.Errorf("%s occurs twice", tt.name)
		}
		names[tt.name] = true
		w := a.forge(tt.change)
		word := "invalid_dpop_proof"
		switch {
		case strings.HasPrefix(tt.want, "nonce"):
			word = "use_dpop_nonce"
		case strings.Contains(tt.want, "token is not bound") || strings.Contains(tt.want, "in the scheme DPoP"):
			word = "invalid_token"
		}
		h := w.Result().Header
		if w.Code != 401 || a.reason() != "dpop: "+tt.want || h.Get("Www-Authenticate") != invalid(word) {
			t.Errorf("%s: %d, %q, %q; want %q, %q", tt.name, w.Code, a.reason(), h.Get("Www-Authenticate"), "dpop: "+tt.want, word)
		}
		if nonces := h["Dpop-Nonce"]; len(nonces) != 1 && word != "invalid_token" {
			t.Errorf("%s: the nonces %q", tt.name, nonces)
		}
	}
	if w := a.forge(func(*forgery) {}); w.Code != 200 {
		t.Errorf("a right proof: %d, %s", w.Code, a.reason())
	}
}

func hostileRows(a *api) []hostileRow {
	return append(append(append(fieldRows(), headerRows()...), keyRows()...), append(payloadRows(a), urlRows()...)...)
}

const (
	compact  = "the proof is not three segments of base64url"
	badHead  = "the header is not one strict JSON object"
	badPay   = "the payload is not one strict JSON object"
	twice    = "a member name occurs twice"
	kind     = "a member is of the wrong JSON type"
	missing  = "the request has no proof"
	several  = "the request has more than one proof"
	sigBad   = "the signature does not verify"
	otherKey = "jwk is another key than that of the token"
	unsound  = "jwk is not a sound key for alg"
	algBad   = "alg is not one of Algorithms"
	typBad   = "typ is not dpop+jwt"
	critBad  = "crit or b64 requires an extension"
	private  = "jwk has a private or a symmetric key"
	useBad   = "jwk is for another algorithm or use"
)

func fieldRows() []hostileRow {
	return []hostileRow{
		{"no field", sent(func(r *http.Request, _ string) { r.Header.Del("DPoP") }), missing},
		{"an empty field", sent(func(r *http.Request, _ string) { r.Header.Set("DPoP", "") }), missing},
		{"two fields", sent(func(r *http.Request, p string) { r.Header["Dpop"] = []string{p, "x"} }), several},
		{"one proof in two fields", sent(func(r *http.Request, p string) { r.Header["Dpop"] = []string{p, p} }), several},
		{"an empty field behind", sent(func(r *http.Request, p string) { r.Header["Dpop"] = []string{p, ""} }), several},
		{"a list of two", text(func(p string) string { return p + ", " + p }), compact},
		{"a list of one and nothing", text(func(p string) string { return p + "," }), compact},
		{"a space before", text(func(p string) string { return " " + p }), compact},
		{"a space behind", text(func(p string) string { return p + " " }), compact},
		{"a tab within", text(func(p string) string { return p[:9] + "\t" + p[9:] }), compact},
		{"a line break within", text(func(p string) string { return p[:9] + "\n" + p[9:] }), compact},
		{"a carriage return in the signature", text(func(p string) string { return p + "\r" }), compact},
		{"quoted", text(func(p string) string { return `"` + p + `"` }), compact},
		{"behind a scheme", text(func(p string) string { return "DPoP " + p }), compact},
		{"one segment", text(func(p string) string { return segments(p)[0] }), compact},
		{"two segments", text(func(p string) string { return strings.Join(segments(p)[:2], ".") }), compact},
		{"no signature", text(func(p string) string { return strings.Join(segments(p)[:2], ".") + "." }), compact},
		{"no payload", text(func(p string) string { return segments(p)[0] + ".." + segments(p)[2] }), compact},
		{"no header", text(func(p string) string { return p[strings.Index(p, "."):] }), compact},
		{"four segments", text(func(p string) string { return p + ".x" }), compact},
		{"five segments, as encrypted", text(func(p string) string { return p + ".eA.eA" }), compact},
		{"dots alone", text(func(string) string { return ".." }), compact},
		{"padding", text(func(p string) string { return segments(p)[0] + "==." + strings.Join(segments(p)[1:], ".") }), compact},
		{"padding of the signature", text(func(p string) string { return p + "==" }), compact},
		{"base64 of the other alphabet", text(func(p string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(p) + "+" }), compact},
		{"bits behind the signature", text(lastBits), compact},
		{"JSON serialization", text(func(p string) string { return `{"payload":"` + segments(p)[1] + `"}` }), compact},
		{"not ASCII", text(func(p string) string { return p[:9] + "é" + p[9:] }), compact},
		{"a zero byte", text(func(p string) string { return p[:9] + "\x00" + p[9:] }), compact},
		{"4097 bytes", text(func(p string) string { return p + strings.Repeat("A", 4097-len(p)) }), "the proof is longer than 4096 bytes"},
		{"a megabyte", text(func(p string) string { return p + strings.Repeat("A", 1<<20) }), "the proof is longer than 4096 bytes"},
		{"as Bearer", func(f *forgery) { f.scheme = "Bearer" }, "a token that is bound to a DPoP key was not sent in the scheme DPoP"},
		{"as bearer, without a proof", then(func(f *forgery) { f.scheme = "bearer" }, sent(func(r *http.Request, _ string) { r.Header.Del("DPoP") })),
			"a token that is bound to a DPoP key was not sent in the scheme DPoP"},
	}
}

// lastBits sets bits of the last character that are no part of the signature.
func lastBits(p string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, p[len(p)-1])
	return p[:len(p)-1] + string(alphabet[last|1])
}

func headerRows() []hostileRow {
	return []hostileRow{
		{"no typ", head("typ", nil), typBad},
		{"typ of an access token", head("typ", "at+jwt"), typBad},
		{"typ JWT", head("typ", "JWT"), typBad},
		{"typ in capitals", head("typ", "DPOP+JWT"), typBad},
		{"typ as a media type", head("typ", "application/dpop+jwt"), typBad},
		{"typ with a space", head("typ", "dpop+jwt "), typBad},
		{"an empty typ", head("typ", ""), typBad},
		{"typ a number", head("typ", 1), kind},
		{"typ null", rawHead(`{"typ":null,"alg":"ES256","jwk":JWK}`), kind},
		{"Typ", rawHead(`{"Typ":"dpop+jwt","alg":"ES256","jwk":JWK}`), typBad},
		{"no alg", head("alg", nil), algBad},
		{"alg none", head("alg", "none"), algBad},
		{"alg nOnE", head("alg", "nOnE"), algBad},
		{"alg HS256", head("alg", "HS256"), algBad},
		{"alg HS512", head("alg", "HS512"), algBad},
		{"alg in lower case", head("alg", "es256"), algBad},
		{"alg RS384, which is not listed", head("alg", "RS384"), algBad},
		{"alg ES256K", head("alg", "ES256K"), algBad},
		{"alg RSA-OAEP", head("alg", "RSA-OAEP"), algBad},
		{"an empty alg", head("alg", ""), algBad},
		{"alg a list", head("alg", []string{"ES256"}), kind},
		{"alg with a zero byte", head("alg", "ES256\x00"), algBad},
		{"ES512, which is not listed", by(prover.NewKey("ES512", 0)), algBad},
		{"crit", head("crit", []string{"exp"}), critBad},
		{"an empty crit", head("crit", []string{}), critBad},
		{"crit null", rawHead(`{"typ":"dpop+jwt","alg":"ES256","crit":null,"jwk":JWK}`), critBad},
		{"b64", head("b64", false), critBad},
		{"typ twice", rawHead(`{"typ":"JWT","typ":"dpop+jwt","alg":"ES256","jwk":JWK}`), twice},
		{"alg twice", rawHead(`{"typ":"dpop+jwt","alg":"none","alg":"ES256","jwk":JWK}`), twice},
		{"jwk twice", rawHead(`{"typ":"dpop+jwt","alg":"ES256","jwk":JWK,"jwk":JWK}`), twice},
		{"alg twice, once with an escape", rawHead(`{"typ":"dpop+jwt","alg":"ES256","a\u006cg":"ES256","jwk":JWK}`), twice},
		{"an unknown member twice", rawHead(`{"typ":"dpop+jwt","alg":"ES256","jwk":JWK,"kid":"1","kid":"1"}`), twice},
		{"the header a list", rawHead(`["typ"]`), badHead},
		{"the header a text", rawHead(`"typ"`), badHead},
		{"the header null", rawHead(`null`), badHead},
		{"the header in two values", rawHead(`{"typ":"dpop+jwt","alg":"ES256","jwk":JWK}{}`), badHead},
		{"the header cut off", rawHead(`{"typ":"dpop+jwt","alg":"ES256","jwk":JWK`), badHead},
		{"the header with a comment", rawHead(`{"typ":"dpop+jwt",/**/"alg":"ES256","jwk":JWK}`), badHead},
		{"the header behind a BOM", rawHead("\ufeff" + `{"typ":"dpop+jwt","alg":"ES256","jwk":JWK}`), badHead},
		{"the header not UTF-8", rawHead("{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"kid\":\"\xff\",\"jwk\":JWK}"), badHead},
		{"half a surrogate pair", rawHead(`{"typ":"dpop+jwt","alg":"ES256","kid":"\ud800","jwk":JWK}`), badHead},
		{"the header too deep", rawHead(`{"typ":"dpop+jwt","alg":"ES256","jwk":JWK,"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`), badHead},
		{"the header with 70 members", rawHead(`{"typ":"dpop+jwt","alg":"ES256","jwk":JWK,"x":{` + members(70) + `}}`), "the header or payload has more than 64 members"},
	}
}

func members(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"m`+hex.EncodeToString([]byte{byte(i)})+`":0`)
	}
	return strings.Join(list, ",")
}

func keyRows() []hostileRow {
	ed, small, large := prover.NewKey("EdDSA", 0), smallRSA(), rsaKey()
	zeros := b64(make([]byte, 32))
	x, _ := client.JWK["x"].(string)
	n, _ := large.JWK["n"].(string)
	raw, _ := base64.RawURLEncoding.DecodeString(n)
	return []hostileRow{
		{"no jwk", head("jwk", nil), "jwk is missing"},
		{"jwk null", rawHead(`{"typ":"dpop+jwt","alg":"ES256","jwk":null}`), kind},
		{"jwk a text", head("jwk", "x"), kind},
		{"jwk a list", head("jwk", []any{client.JWK}), kind},
		{"jwk empty", head("jwk", map[string]any{}), otherKey},
		{"a key by kid alone", then(head("jwk", nil), head("kid", "1")), "jwk is missing"},
		{"a key by jku alone", then(head("jwk", nil), head("jku", "https://evil.example/keys")), "jwk is missing"},
		{"a key by x5c alone", then(head("jwk", nil), head("x5c", []string{"MII"})), "jwk is missing"},
		{"a private key", jwk("d", zeros), private},
		{"a private key of null", rawHead(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"d":null,` + string(prover.JSON(client.JWK))[1:] + `}`), private},
		{"p", jwk("p", "AA"), private},
		{"q", jwk("q", "AA"), private},
		{"dp", jwk("dp", "AA"), private},
		{"dq", jwk("dq", "AA"), private},
		{"qi", jwk("qi", "AA"), private},
		{"oth", jwk("oth", []any{}), private},
		{"k", jwk("k", "AA"), private},
		{"priv", jwk("priv", "AA"), private},
		{"a symmetric key", func(f *forgery) {
			key := map[string]any{"kty": "oct", "k": "AA"}
			f.header["jwk"], f.header["alg"] = key, "HS256"
		}, private},
		{"kty missing", jwk("kty", nil), unsound},
		{"kty in lower case", jwk("kty", "ec"), unsound},
		{"kty RSA of an EC key", jwk("kty", "RSA"), unsound},
		{"kty a number", head("jwk", map[string]any{"kty": 1}), kind},
		{"kty twice", rawHead(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"RSA",` + string(prover.JSON(client.JWK))[1:] + `}`), twice},
		{"crv missing", jwk("crv", nil), unsound},
		{"crv secp256k1", jwk("crv", "secp256k1"), unsound},
		{"crv P-384", jwk("crv", "P-384"), unsound},
		{"x missing", jwk("x", nil), unsound},
		{"y missing", jwk("y", nil), unsound},
		{"x short", jwk("x", x[:40]), unsound},
		{"x long", jwk("x", x+"AAAA"), unsound},
		{"x of zeros", jwk("x", zeros), unsound},
		{"the point at infinity", then(jwk("x", zeros), func(f *forgery) {
			key := maps.Clone(client.JWK)
			key["x"], key["y"] = zeros, zeros
			f.header["jwk"], f.boundTo = key, key
		}), unsound},
		{"x with padding", jwk("x", x+"="), unsound},
		{"x with a line break", jwk("x", x[:20]+"\n"+x[20:]), unsound},
		{"another's key", func(f *forgery) { f.key, f.header = stranger, stranger.Header() }, otherKey},
		{"another's key with the kid of ours", then(func(f *forgery) { f.key, f.header = stranger, stranger.Header() }, head("kid", client.Thumbprint())), otherKey},
		{"another's signature", func(f *forgery) { f.key = stranger }, sigBad},
		{"RSA of 1024 bits", by(small), unsound},
		{"RSA of 1024 bits, PS256", by(small, func(f *forgery) { f.key = &prover.Key{Alg: "PS256", Private: small.Private}; f.header["alg"] = "PS256" }), unsound},
		{"RSA with the exponent 1", by(large, jwk("e", "AQ")), unsound},
		{"RSA with an even exponent", by(large, jwk("e", b64([]byte{4}))), unsound},
		{"RSA with a huge exponent", by(large, jwk("e", b64([]byte{1, 2, 3, 4, 5}))), unsound},
		{"RSA without n", by(large, jwk("n", nil)), unsound},
		{"RSA with an even n", by(large, jwk("n", b64(append(raw[:len(raw)-1:len(raw)-1], 2)))), unsound},
		{"RSA of another n", by(large, jwk("n", b64(append(raw[:len(raw)-1:len(raw)-1], raw[len(raw)-1]^2)))), sigBad},
		{"an RSA key with alg ES256", func(f *forgery) { f.header["jwk"], f.boundTo = large.JWK, large.JWK }, unsound},
		{"an EC key with alg RS256", by(large, func(f *forgery) { f.header["jwk"], f.boundTo = client.JWK, client.JWK }), unsound},
		{"an Ed25519 key with alg ES256", func(f *forgery) { f.header["jwk"], f.boundTo = ed.JWK, ed.JWK }, unsound},
		{"alg ES384 with P-256", head("alg", "ES384"), unsound},
		{"PS256 signed as RS256", by(large, head("alg", "PS256")), sigBad},
		{"X25519", by(ed, jwk("crv", "X25519")), unsound},
		{"Ed25519 short", by(ed, jwk("x", "AAAA")), unsound},
		{"Ed25519 of a small order", by(ed, jwk("x", b64(append([]byte{1}, make([]byte, 31)...)))), unsound},
		{"use enc", jwk("use", "enc"), useBad},
		{"key_ops without verify", jwk("key_ops", []string{"sign"}), useBad},
		{"key_ops a text", jwk("key_ops", "verify"), kind},
		{"alg of the key another one", jwk("alg", "ES384"), useBad},
		{"a signature of zeros", text(func(p string) string { return strings.Join(segments(p)[:2], ".") + "." + b64(make([]byte, 64)) }), sigBad},
		{"a signature of 63 bytes", text(func(p string) string { return strings.Join(segments(p)[:2], ".") + "." + b64(make([]byte, 63)) }), sigBad},
		{"a signature of one byte", text(func(p string) string { return strings.Join(segments(p)[:2], ".") + ".AA" }), sigBad},
		{"a signature in ASN.1", text(func(p string) string {
			return strings.Join(segments(p)[:2], ".") + "." + b64(append([]byte{0x30, 0x44, 2, 0x20}, make([]byte, 66)...))
		}), sigBad},
		{"another payload under the signature", text(func(p string) string {
			return segments(p)[0] + "." + b64([]byte(`{"jti":"1"}`)) + "." + segments(p)[2]
		}), sigBad},
		{"another header under the signature", text(func(p string) string {
			return b64(prover.JSON(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": client.JWK, "kid": "1"})) + p[strings.Index(p, "."):]
		}), sigBad},
	}
}

func payloadRows(a *api) []hostileRow {
	at := func(d time.Duration) int64 { return a.clock.Now().Add(d).Unix() }
	old, ahead := "iat is more than 60 seconds ago", "iat is more than 5 seconds ahead"
	noTime, id := "iat is missing, or no time", "jti is missing or empty, or has more than 256 bytes"
	method := "htm is not the method of the request"
	hash, noHash := "ath is not the hash of the token", "ath is missing"
	noNonce, other := "nonce is missing", "nonce is not one of this origin's keys"
	nonceOf := func(key string, origin string, d time.Duration) string {
		return strangersNonce(key, origin, a.clock.Now().Add(d))
	}
	return []hostileRow{
		{"the payload empty", rawPay(`{}`), id},
		{"the payload a list", rawPay(`[]`), badPay},
		{"the payload a text", rawPay(`"x"`), badPay},
		{"the payload cut off", rawPay(`{"jti":"1"`), badPay},
		{"the payload in two values", rawPay(`{"jti":"1"} {}`), badPay},
		{"jti twice", rawPay(`{"jti":"1",REST}`), twice},
		{"htm twice", rawPay(`{"htm":"GET",REST}`), twice},
		{"htu twice", rawPay(`{"htu":"https://evil.example/",REST}`), twice},
		{"iat twice", rawPay(`{"iat":1,REST}`), twice},
		{"ath twice", rawPay(`{"ath":"x",REST}`), twice},
		{"nonce twice", rawPay(`{"nonce":"x",REST}`), twice},
		{"the payload with 70 members", rawPay(`{"x":{` + members(70) + `},REST}`), "the header or payload has more than 64 members"},
		{"no jti", pay("jti", nil), id},
		{"an empty jti", pay("jti", ""), id},
		{"a jti of 257 bytes", pay("jti", strings.Repeat("j", 257)), id},
		{"jti a number", pay("jti", 1), kind},
		{"jti null", rawPay(`{"jti":null}`), kind},
		{"no htm", pay("htm", nil), method},
		{"htm in lower case", pay("htm", "get"), method},
		{"htm of another method", pay("htm", "POST"), method},
		{"htm HEAD", pay("htm", "HEAD"), method},
		{"htm with a space", pay("htm", "GET "), method},
		{"an empty htm", pay("htm", ""), method},
		{"htm a list", pay("htm", []string{"GET"}), kind},
		{"another method", func(f *forgery) { f.method = "DELETE" }, method},
		{"a method of one's own", func(f *forgery) { f.method = "get" }, method},
		{"no iat", pay("iat", nil), noTime},
		{"iat a text", pay("iat", "1790000000"), kind},
		{"iat null", rawPay(`{"iat":null}`), kind},
		{"iat negative", pay("iat", -1), noTime},
		{"iat zero", pay("iat", 0), old},
		{"iat minus zero", rawPay(`{"jti":"1","htm":"GET","htu":"` + origin + `/profile","iat":-0}`), noTime},
		{"iat in milliseconds", pay("iat", at(0)*1000), noTime},
		{"iat 61 seconds ago", pay("iat", at(-61*time.Second)), old},
		{"iat 60.001 seconds ago", pay("iat", float64(at(-60*time.Second))-0.001), old},
		{"iat 6 seconds ahead", pay("iat", at(6*time.Second)), ahead},
		{"iat 5.001 seconds ahead", pay("iat", float64(at(5*time.Second))+0.001), ahead},
		{"iat in the year 9999", pay("iat", int64(253402300799)), ahead},
		{"iat beyond float64", rawPay(`{"iat":1e999}`), badPay},
		{"exp past", pay("exp", at(-1*time.Second)), "exp is past"},
		{"exp now", pay("exp", at(0)), "exp is past"},
		{"exp no time", pay("exp", -1), "exp is past"},
		{"nbf in the future", pay("nbf", at(6*time.Second)), "nbf is in the future"},
		{"no ath", pay("ath", nil), noHash},
		{"an empty ath", pay("ath", ""), hash},
		{"ath of another token", pay("ath", prover.Hash("x")), hash},
		{"ath with the scheme", func(f *forgery) { f.payload["ath"] = prover.Hash("DPoP " + f.token) }, hash},
		{"ath in hexadecimal", func(f *forgery) {
			sum := sha256.Sum256([]byte(f.token))
			f.payload["ath"] = hex.EncodeToString(sum[:])
		}, hash},
		{"ath with padding", func(f *forgery) { f.payload["ath"] = prover.Hash(f.token) + "=" }, hash},
		{"ath the token itself", func(f *forgery) { f.payload["ath"] = f.token }, hash},
		{"ath a number", pay("ath", 1), kind},
		{"another token of the same key", func(f *forgery) { f.token = a.token(client) }, hash},
		{"no nonce", pay("nonce", nil), noNonce},
		{"an empty nonce", pay("nonce", ""), other},
		{"a nonce of another server", pay("nonce", "eyJ7S_zG.eyJH0-Z.HX4w-7v"), other},
		{"nonce a number", pay("nonce", 1), kind},
		{"a nonce of another key", pay("nonce", nonceOf(strings.Repeat("m", 32), origin, 0)), other},
		{"a nonce of another origin", pay("nonce", nonceOf(string(nonceKey), "https://other.example.com", 0)), other},
		{"a nonce of zeros", pay("nonce", b64(make([]byte, 24))), other},
		{"a nonce that is too old", pay("nonce", nonceOf(string(nonceKey), origin, -301*time.Second)), "nonce is older than five minutes"},
		{"a nonce of the future", pay("nonce", nonceOf(string(nonceKey), origin, 2*time.Minute)), other},
		{"a nonce with another time", func(f *forgery) {
			raw, _ := base64.RawURLEncoding.DecodeString(f.payload["nonce"].(string))
			raw[7]++
			f.payload["nonce"] = b64(raw)
		}, other},
		{"a nonce with padding", func(f *forgery) { f.payload["nonce"] = f.payload["nonce"].(string) + "=" }, other},
	}
}

func urlRows() []hostileRow {
	var rows []hostileRow
	for name, htu := range map[string]any{
		"no htu": nil, "an empty htu": "", "htu of another host": "https://evil.example.com/profile", "htu of another path": origin + "/other",
		"htu with a slash behind": origin + "/profile/", "htu of the root": origin, "htu without TLS": "http://api.example.com/profile",
		"htu with another port": "https://api.example.com:8443/profile", "htu with the port of http": "https://api.example.com:80/profile",
		"htu with a user": "https://user@api.example.com/profile", "htu with a user like our host": "https://api.example.com@evil.example.com/profile",
		"htu of a longer host": "https://api.example.com.evil.example/profile", "htu with a dot behind the host": "https://api.example.com./profile",
		"htu with another case in the path": origin + "/Profile", "htu with dots to another path": origin + "/profile/../other",
		"htu with an escaped slash": origin + "%2Fprofile", "htu with two slashes": origin + "//profile", "htu a path": "/profile",
		"htu without a scheme": "//api.example.com/profile", "htu with one slash": "https:/api.example.com/profile", "htu opaque": "https:api.example.com/profile",
		"htu with spaces around": " " + origin + "/profile ", "htu with a line break": origin + "/profile\n", "htu with a zero byte": origin + "/profile\x00",
		"htu with the Kelvin sign": "https://api.example.com/profile"[:8] + "\u212a" + "pi.example.com/profile", "htu with backslashes": `https:\\api.example.com\profile`,
		"htu with a bad escape": origin + "/profile%zz", "htu with half an escape": origin + "/profile%2", "htu with an escaped letter of the host": "https://%61pi.example.com/profile",
		"htu behind a query": "https://evil.example.com/?" + origin + "/profile", "htu with a parameter": origin + "/profile;v=1", "htu of IPv4": "https://192.0.2.1/profile",
		"htu wss": "wss://api.example.com/profile", "htu of the forwarded host": "https://forwarded.example.com/profile",
	} {
		rows = append(rows, hostileRow{name, then(pay("htu", htu), sent(func(r *http.Request, _ string) {
			r.Host = "evil.example.com" // none of it counts
			r.Header.Set("X-Forwarded-Host", "forwarded.example.com")
			r.Header.Set("X-Forwarded-Proto", "http")
			r.Header.Set("Forwarded", "host=forwarded.example.com;proto=http")
			r.Header.Set("X-Original-URL", "/other")
		})), "htu is not the URL of the request"})
	}
	return append(rows, hostileRow{"htu a number", pay("htu", 1), kind},
		hostileRow{"another path", func(f *forgery) { f.path = "/other" }, "htu is not the URL of the request"},
		hostileRow{"a path of a megabyte", func(f *forgery) { f.path = "/" + strings.Repeat("a", 1<<20) }, "htu is not the URL of the request"})
}
