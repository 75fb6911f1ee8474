package jwtauth_test

import (
	"compress/flate"
	"crypto/hmac"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"io"
	"strconv"
	"strings"

	"github.com/go-guard/guard"
)

func hostileHeaders() []hostile {
	sign := hs256(secret)
	with := func(header string) string { return forge(header, payload(), sign) }
	pub := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: guard.Must(x509.MarshalPKIXPublicKey(&rsaKey().PublicKey))})
	none := func(alg string) string {
		return b64(`{"alg":"`+alg+`","typ":"JWT"}`) + "." + b64(payload()) + "." + b64("x")
	}
	return []hostile{
		{"control: a good token", "", with(jwtHeader), ""},
		{"control: at+jwt", "", with(`{"alg":"HS256","typ":"at+jwt"}`), ""},
		{"control: application/at+jwt", "at+jwt", with(`{"alg":"HS256","typ":"application/AT+jwt"}`), ""},
		{"control: no typ", "", with(`{"alg":"HS256"}`), ""},
		{"control: escapes in the header", "", with(`{"alg":"H\u00532\u00356","t\u0079p":"JWT"}`), ""},
		{"control: whitespace in the header", "", with(" {\r\n\t\"alg\" : \"HS256\" , \"typ\":\"JWT\" } \n"), ""},
		{"control: unknown header member", "", with(`{"alg":"HS256","x":{"y":[1,{}]}}`), ""},
		{"control: 64 header members", "", with(`{"alg":"HS256"` + numbered(63) + `}`), ""},
		{"control: kid of a key without id", "", with(`{"alg":"HS256","kid":"../../etc/passwd"}`), ""},
		{"control: jku is not followed", "", with(`{"alg":"HS256","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/","jwk":{"kty":"oct","k":"AA"},"x5c":["x"]}`), ""},
		{"control: kid chooses", "id", with(`{"alg":"HS256","kid":"a"}`), ""},
		{"control: no kid, all keys", "id", with(`{"alg":"HS256"}`), ""},
		{"control: ALG beside alg is an unknown member", "", with(`{"alg":"HS256","ALG":"none","Crit":["x"],"B64":false}`), ""},
		{"control: Kid is an unknown member", "id", with(`{"alg":"HS256","Kid":"c"}`), ""},
		{"control: kid with the Kelvin sign", "id", with(`{"alg":"HS256","` + "\u212a" + `id":"c"}`), ""},

		{"alg none", "", none("none"), algReason},
		{"alg None", "", none("None"), algReason},
		{"alg NONE", "", none("NONE"), algReason},
		{"alg nOnE with a right signature", "", with(`{"alg":"nOnE"}`), algReason},
		{"alg none without a signature", "", b64(`{"alg":"none"}`) + "." + b64(payload()) + ".", segmentsReason},
		{"alg missing", "", with(`{"typ":"JWT"}`), algReason},
		{"alg null", "", with(`{"alg":null}`), kindReason},
		{"alg a number", "", with(`{"alg":256}`), kindReason},
		{"alg a list", "", with(`{"alg":["HS256"]}`), kindReason},
		{"alg lower case", "", with(`{"alg":"hs256"}`), algReason},
		{"alg with a space", "", with(`{"alg":"HS256 "}`), algReason},
		{"alg with a NUL", "", with(`{"alg":"HS256\u0000"}`), algReason},
		{"alg HS512 for a key of HS256", "", forge(`{"alg":"HS512"}`, payload(), func(s string) []byte {
			m := hmac.New(sha512.New, secret)
			m.Write([]byte(s))
			return m.Sum(nil)
		}), algReason},
		{"alg HS256 with the RSA key as secret", "rs", forge(jwtHeader, payload(), hs256(pub)), algReason},
		{"alg RS256 for a key of PS256", "ps", forge(`{"alg":"RS256"}`, payload(), rs256), algReason},
		{"alg PS256 for a key of RS256", "rs", forge(`{"alg":"PS256"}`, payload(), ps256(32)), algReason},
		{"alg twice", "", with(`{"alg":"HS256","alg":"none"}`), twiceReason},
		{"alg twice, once escaped", "", with(`{"alg":"HS256","\u0061lg":"HS256"}`), twiceReason},
		{"ALG for alg", "", with(`{"ALG":"HS256"}`), algReason},
		{"alg PBES2 with 2 billion iterations", "", with(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000,"p2s":"AA"}`), algReason},
		{"alg RSA1_5", "rs", with(`{"alg":"RSA1_5","enc":"A128GCM"}`), algReason},
		{"control: zip and p2c are not read", "", with(`{"alg":"HS256","zip":"DEF","p2c":2000000000}`), ""},
		{"zip with a deflated payload", "", forge(`{"alg":"HS256","zip":"DEF"}`, deflated(payload()), sign), jsonReason},
		{"a bomb of 4 KB for 4 MB", "", forge(`{"alg":"HS256","zip":"DEF"}`, deflated(strings.Repeat(" ", 4<<20)+payload()), sign), jsonReason},
		{"kid with SQL", "id", with(`{"alg":"HS256","kid":"a' OR '1'='1"}`), keyReason},
		{"crit unknown", "", with(`{"alg":"HS256","crit":["exp"],"exp":1}`), critReason},
		{"crit b64", "", with(`{"alg":"HS256","crit":["b64"],"b64":true}`), critReason},
		{"crit empty", "", with(`{"alg":"HS256","crit":[]}`), critReason},
		{"crit null", "", with(`{"alg":"HS256","crit":null}`), critReason},
		{"b64 without crit", "", with(`{"alg":"HS256","b64":false}`), critReason},
		{"typ dpop+jwt", "", with(`{"alg":"HS256","typ":"dpop+jwt"}`), typReason},
		{"typ JOSE", "", with(`{"alg":"HS256","typ":"JOSE"}`), typReason},
		{"typ secevent+jwt", "", with(`{"alg":"HS256","typ":"secevent+jwt"}`), typReason},
		{"typ empty", "", with(`{"alg":"HS256","typ":""}`), typReason},
		{"typ application/ alone", "", with(`{"alg":"HS256","typ":"application/"}`), typReason},
		{"typ a list", "", with(`{"alg":"HS256","typ":["JWT"]}`), kindReason},
		{"typ JWT where at+jwt is required", "at+jwt", with(jwtHeader), typReason},
		{"typ absent where at+jwt is required", "at+jwt", with(`{"alg":"HS256"}`), typReason},
		{"kid of no key", "id", with(`{"alg":"HS256","kid":"c"}`), keyReason},
		{"kid of another key", "id", with(`{"alg":"HS256","kid":"b"}`), sigReason},
		{"kid empty", "id", with(`{"alg":"HS256","kid":""}`), kidReason},
		{"kid of 257 bytes", "", with(`{"alg":"HS256","kid":"` + strings.Repeat("k", 257) + `"}`), kidReason},
		{"kid a number", "id", with(`{"alg":"HS256","kid":1}`), kindReason},
		{"kid an object", "id", with(`{"alg":"HS256","kid":{"a":1}}`), kindReason},
		{"65 header members", "", with(`{"alg":"HS256"` + numbered(64) + `}`), headReason},
		{"65 header members, nested", "", with(`{"alg":"HS256","x":[{"y":{"z":0` + numbered(61) + `}}]}`), headReason},
		{"header a list", "", with(`[{"alg":"HS256"}]`), jsonReason},
		{"header null", "", with(`null`), jsonReason},
		{"header with a trailing comma", "", with(`{"alg":"HS256",}`), jsonReason},
		{"header with single quotes", "", with(`{'alg':'HS256'}`), jsonReason},
		{"header in UTF-16", "", with(utf16(jwtHeader)), jsonReason},
		{"header with a byte order mark", "", with("\ufeff" + jwtHeader), jsonReason},
		{"header with a second object", "", with(jwtHeader + jwtHeader), jsonReason},
		{"header cut off", "", with(`{"alg":"HS256"`), jsonReason},
		{"header of 100 nested lists", "", with(`{"alg":"HS256","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`), jsonReason},
		{"header nested without end", "", with(`{"alg":"HS256","x":` + strings.Repeat(`[`, 4000)), jsonReason},
	}
}

func deflated(s string) string {
	var b strings.Builder
	w := guard.Must(flate.NewWriter(&b, flate.BestCompression))
	if _, err := io.WriteString(w, s); err != nil || w.Close() != nil {
		panic(err)
	}
	return b.String()
}

// utf16 is ASCII as UTF-16 without a byte order mark.
func utf16(s string) string { return strings.Join(strings.Split(s, ""), "\x00") + "\x00" }

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"x` + strconv.Itoa(i) + `":0`)
	}
	return b.String()
}
