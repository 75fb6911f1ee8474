package session_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
)

// A hostileDevice is a request to the device's path that no browser sends.
type hostileDevice struct {
	name   string
	header []string
	status int
	reason string // a part of what Observe gets
}

const (
	response = "Secure-Session-Response: "
	byID     = "Sec-Secure-Session-Id: "
)

// hostileProofs are the proofs that are refused in a registration and in a refresh,
// where only a registration has a key.
func hostileProofs(b *holder, challenge string, registers bool) []hostileDevice {
	header := func(change func(object)) object {
		h := object{"alg": "ES256", "typ": "dbsc+jwt"}
		if registers {
			h["jwk"] = jwkOf(b.private)
		}
		change(h)
		return h
	}
	set := func(name string, value any) any { return header(func(h object) { h[name] = value }) }
	valid := func(h any) string { return sign(b.private, h, object{"jti": challenge}) }
	good := valid(header(func(object) {}))
	parts := strings.Split(good, ".")
	unsigned := encode(set("alg", "none")) + "." + parts[1] + "."
	text := encode(set("alg", "HS256")) + "." + parts[1]
	point, _ := b.private.PublicKey.Bytes()
	mac := hmac.New(sha256.New, point)
	mac.Write([]byte(text))
	hs256 := text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	other := newHolder(b.TB, b.m)
	zeros := base64.RawURLEncoding.EncodeToString(make([]byte, 64))
	return []hostileDevice{
		{"alg none, unsigned", []string{response + unsigned}, 400, "algorithm is not ES256"},
		{"alg none, signed", []string{response + valid(set("alg", "none"))}, 400, "algorithm is not ES256"},
		{"alg HS256, the public key as the secret", []string{response + hs256}, 400, "algorithm is not ES256"},
		{"alg RS256", []string{response + valid(set("alg", "RS256"))}, 400, "algorithm is not ES256"},
		{"alg es256", []string{response + valid(set("alg", "es256"))}, 400, "algorithm is not ES256"},
		{"no alg", []string{response + valid(header(func(h object) { delete(h, "alg") }))}, 400, "algorithm is not ES256"},
		{"alg is a list", []string{response + valid(set("alg", []string{"ES256"}))}, 400, "a part of the proof"},
		{"typ JWT", []string{response + valid(set("typ", "JWT"))}, 400, "type dbsc+jwt"},
		{"typ of DPoP", []string{response + valid(set("typ", "dpop+jwt"))}, 400, "type dbsc+jwt"},
		{"no typ", []string{response + valid(header(func(h object) { delete(h, "typ") }))}, 400, "type dbsc+jwt"},
		{"a critical extension", []string{response + valid(set("crit", []string{"exp"}))}, 400, "critical extension"},
		{"alg twice", []string{response + valid(`{"alg":"ES256","alg":"ES256","typ":"dbsc+jwt"}`)}, 400, "occurs twice"},
		{"Alg", []string{response + valid(`{"Alg":"ES256","typ":"dbsc+jwt"}`)}, 400, "differs from a known one in case"},
		{"a header that is no object", []string{response + valid(`["ES256"]`)}, 400, "a part of the proof"},
		{"a signature of zeros", []string{response + parts[0] + "." + parts[1] + "." + zeros}, 400, "signature is wrong"},
		{"a signature of 63 bytes", []string{response + good[:len(good)-2]}, 400, "does not have 64 bytes"},
		{"no signature", []string{response + parts[0] + "." + parts[1] + "."}, 400, "does not have 64 bytes"},
		{"another payload", []string{response + parts[0] + "." + encode(object{"jti": "x"}) + "." + parts[2]}, 400, "signature is wrong"},
		{"signed by another key", []string{response + sign(other.private, header(func(object) {}), object{"jti": challenge})}, 400, "signature is wrong"},
		{"two parts", []string{response + parts[0] + "." + parts[1]}, 400, "no JWT"},
		{"four parts", []string{response + good + ".x"}, 400, "no JWT"},
		{"five parts, as encrypted", []string{response + good + ".x.x"}, 400, "no JWT"},
		{"padding", []string{response + parts[0] + "==." + parts[1] + "." + parts[2]}, 400, "a byte of no proof"},
		{"standard base64", []string{response + "ey+/." + parts[1] + "." + parts[2]}, 400, "a byte of no proof"},
		{"trailing bits", []string{response + parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-1] + "_"}, 400, "does not have 64 bytes"},
		{"empty", []string{response}, 400, "has 0 bytes"},
		{"huge", []string{response + strings.Repeat("A", 1<<20)}, 400, "has 1048576 bytes"},
		{"twice", []string{response + good, response + good}, 400, "several fields"},
		{"an open quote", []string{response + `"` + good}, 400, "is not a string"},
		{"text behind the quotes", []string{response + `"` + good + `"x`}, 400, "is not a string"},
		{"a list", []string{response + good + ", " + good}, 400, "a byte of no proof"},
		{"a jti that is a number", []string{response + sign(b.private, header(func(object) {}), object{"jti": 1})}, 400, "a part of the proof"},
		{"jti twice", []string{response + sign(b.private, header(func(object) {}), `{"jti":"a","jti":"b"}`)}, 400, "occurs twice"},
	}
}

// hostileRegistrations are those that only a registration can be.
func hostileRegistrations(t *testing.T, b *holder) []hostileDevice {
	withKey := func(change func(object)) string {
		jwk := jwkOf(b.private)
		change(jwk)
		return response + sign(b.private, object{"alg": "ES256", "typ": "dbsc+jwt", "jwk": jwk}, object{"jti": b.offer})
	}
	with := func(name string, value any) string { return withKey(func(jwk object) { jwk[name] = value }) }
	proof := func(challenge string) string { return response + b.proofOf(challenge) }
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n := base64.RawURLEncoding.EncodeToString(rsaKey.N.Bytes())
	raw, _ := base64.RawURLEncoding.DecodeString(b.offer)
	change := func(at int) string {
		c := append([]byte(nil), raw...)
		c[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(c)
	}
	ended := newHolder(t, b.m).signIn("carol")
	if _, err := b.m.DestroyAll(t.Context(), "carol"); err != nil {
		t.Fatal(err)
	}
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	return []hostileDevice{
		{"nothing", nil, 400, "no Secure-Session-Response"},
		{"no key", []string{response + b.answerTo(b.offer)}, 400, "without a key"},
		{"the key as a claim", []string{response + sign(b.private, object{"alg": "ES256", "typ": "dbsc+jwt"}, object{"jti": b.offer, "key": jwkOf(b.private)})}, 400, "without a key"},
		{"a key of P-384", []string{with("crv", "P-384")}, 400, "no key of ES256"},
		{"a key of RSA", []string{withKey(func(jwk object) { clear(jwk); jwk["kty"], jwk["n"], jwk["e"] = "RSA", n, "AQAB" })}, 400, "no key of ES256"},
		{"a symmetric key", []string{withKey(func(jwk object) { clear(jwk); jwk["kty"], jwk["k"] = "oct", zero })}, 400, "no key of ES256"},
		{"a private key", []string{with("d", zero)}, 400, "a private key"},
		{"a key to encrypt", []string{with("use", "enc")}, 400, "no key of ES256"},
		{"a key of HS256", []string{with("alg", "HS256")}, 400, "no key of ES256"},
		{"the point 0", []string{withKey(func(jwk object) { jwk["x"], jwk["y"] = zero, zero })}, 400, "no point of P-256"},
		{"no point of the curve", []string{with("y", jwkOf(b.private)["x"])}, 400, "no point of P-256"},
		{"a coordinate of 31 bytes", []string{with("x", zero[:42])}, 400, "does not have 32 bytes"},
		{"a key that is a text", []string{response + sign(b.private, object{"alg": "ES256", "typ": "dbsc+jwt", "jwk": "x"}, object{"jti": b.offer})}, 400, "jwk"},
		{"a key with x twice", []string{response + sign(b.private, `{"alg":"ES256","typ":"dbsc+jwt","jwk":{"kty":"EC","crv":"P-256","x":"A","x":"B"}}`, object{"jti": b.offer})}, 400, "occurs twice"},
		{"no challenge", []string{response + sign(b.private, object{"alg": "ES256", "typ": "dbsc+jwt", "jwk": jwkOf(b.private)}, object{})}, 400, "none of a registration"},
		{"an invented challenge", []string{proof("cv")}, 400, "none of a registration"},
		{"a changed challenge", []string{proof(change(31))}, 401, "has ended"},
		{"a challenge of another subject", []string{proof(change(0))}, 401, "has ended"},
		{"a challenge of another time", []string{proof(change(12))}, 401, "has ended"},
		{"a challenge with a line break", []string{proof(b.offer[:20] + "\n" + b.offer[20:])}, 400, "none of a registration"},
		{"a challenge of a rotation, invented", []string{proof(b.offer + strings.Repeat("A", 16))}, 400, "has expired"},
		{"the token as the challenge", []string{proof(b.cookies[longName])}, 400, ""},
		{"the challenge of a session that has ended", []string{response + ended.proofOf(ended.offer)}, 401, "has ended"},
		{"the identifier in a registration", []string{byID + "x", proof(b.offer)}, 400, "identifier"},
	}
}

// hostileRefreshes are those that only a refresh can be.
func hostileRefreshes(b, other *holder) []hostileDevice {
	id, _ := base64.RawURLEncoding.DecodeString(b.identifier)
	changed := func(at int) string {
		c := append([]byte(nil), id...)
		c[at] ^= 1
		return byID + base64.RawURLEncoding.EncodeToString(c)
	}
	otherID, _ := base64.RawURLEncoding.DecodeString(other.identifier)
	joined := byID + base64.RawURLEncoding.EncodeToString(append(append([]byte(nil), id[:20]...), otherID[20:]...))
	return []hostileDevice{
		{"an empty identifier", []string{byID}, 400, "has 0 bytes"},
		{"another text", []string{byID + "my-session"}, 400, "none of a bound session"},
		{"a huge identifier", []string{byID + strings.Repeat("A", 1<<20)}, 400, "has 1048576 bytes"},
		{"two identifiers", []string{byID + b.identifier, byID + b.identifier}, 400, "several fields"},
		{"an identifier and more", []string{byID + b.identifier + "AA"}, 400, "none of a bound session"},
		{"another ID", []string{changed(9)}, 401, "has ended"},
		{"another subject", []string{changed(0)}, 401, "has ended"},
		{"another key", []string{changed(40)}, 400, "another key"},
		{"the key of another session", []string{joined}, 400, "another key"},
		{"the key of another session, with its signature", []string{joined, response + other.answerTo(b.challenge)}, 400, "another key"},
		{"another session's identifier", []string{byID + other.identifier, response + b.answerTo(other.challenge)}, 400, "signature is wrong"},
		{"a key in a refresh", []string{byID + b.identifier, response + b.proofOf(b.challenge)}, 400, "with a key"},
		{"the proof of the registration", []string{byID + b.identifier, response + b.proofOf(b.offer)}, 400, "with a key"},
	}
}

// TestHostileDevices: each is refused with its reason, sets no cookie, and ends nothing.
func TestHostileDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b, other := bound(t, m, "alice"), bound(t, m, "alice")
		for _, holder := range []*holder{b, other} {
			holder.keep(holder.send(request("POST", byID+holder.identifier)))
		}
		unbound := newHolder(t, m).signIn("bob")
		rows := append(hostileProofs(unbound, unbound.offer, true), hostileRegistrations(t, unbound)...)
		for _, tt := range hostileProofs(b, b.challenge, false) {
			tt.header = append(tt.header, byID+b.identifier)
			rows = append(rows, tt)
		}
		rows = append(rows, hostileRefreshes(b, other)...)
		if len(rows) < 60 {
			t.Errorf("%d rows", len(rows))
		}
		for _, tt := range rows {
			w, decisions := deviceDecisions(m.Device(), request("POST", tt.header...))
			if w.Code != tt.status || len(cookies(w)) != 0 || w.Header().Get("Secure-Session-Challenge") != "" {
				t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
			}
			if len(decisions) != 1 || decisions[0].Outcome != guard.Refused || !strings.Contains(decisions[0].Reason, tt.reason) {
				t.Errorf("%s: %+v", tt.name, decisions)
			}
			if body := w.Body.String(); !strings.Contains(body, "Invalid device proof") && !strings.Contains(body, "Invalid session") {
				t.Errorf("%s: %s", tt.name, body)
			}
		}
		for _, holder := range []*holder{b, other, unbound} {
			holder.want("200")
		}
		if w := unbound.register(); w.Code != 200 {
			t.Errorf("the registration afterwards: %d %s", w.Code, w.Body)
		}
		for _, holder := range []*holder{b, other, unbound} {
			if code := holder.refresh(); code != 200 {
				t.Errorf("a refresh afterwards: %d", code)
			}
		}
	})
}

// TestHostileBoundCookies: only that of the session is good, and only until its time.
func TestHostileBoundCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := deviceManager(t, nil)
		b, other := bound(t, m, "alice"), bound(t, m, "alice")
		b.keep(b.send(request("POST", byID+b.identifier)))
		good := b.cookies[boundName]
		for name, value := range map[string]string{
			"empty": "", "another session's": other.cookies[boundName], "a challenge": b.challenge, "short": good[:31], "long": good + "A", "quoted": `"` + good + `"`,
			"another time": "AAAAAAAA" + good[8:], "forged": good[:8] + strings.Repeat("A", 24), "the token": b.cookies[longName], "not base64url": strings.Repeat("+", 32),
		} {
			r := request("GET")
			r.Header.Set("Cookie", longName+"="+b.cookies[longName]+"; "+boundName+"="+value)
			w, reached := serve(t, m.Wrap, r)
			if w.Code != 401 || reached || !strings.Contains(w.Body.String(), "another device") {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
			if set := cookies(w); len(set) != 1 || set[0].Name != boundName || set[0].MaxAge >= 0 {
				t.Errorf("%s: the cookies %v, want the bound one cleared and the session's as it is", name, set)
			}
		}
		r := request("GET")
		r.Header.Set("Cookie", longName+"="+b.cookies[longName]+strings.Repeat("; "+boundName+"=x", 100)+"; "+boundName+"="+good)
		if w, _ := serve(t, m.Wrap, r); w.Code != 401 {
			t.Errorf("behind 100 others: %d", w.Code)
		}
		time.Sleep(time.Second)
		b.want("200")
	})
}
