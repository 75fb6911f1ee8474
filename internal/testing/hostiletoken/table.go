package hostiletoken

import (
	"fmt"
	"strings"
)

// What the log says.
const (
	algReason       = "jwtauth: alg is not the key's"
	sigReason       = "jwtauth: the signature does not verify"
	jsonReason      = "jwtauth: a segment is not one strict JSON object"
	base64Reason    = "jwtauth: a segment is not strict base64url"
	segmentsReason  = "jwtauth: the token does not have three segments"
	malformedReason = "jwtauth: the credential is not one token"
	tooLongReason   = "jwtauth: the token is longer than MaxTokenBytes"
	paddedReason    = "jwtauth: a segment has base64 padding"
	twiceReason     = "jwtauth: a member name occurs twice"
	kindReason      = "jwtauth: a registered member is of the wrong JSON type"
	dateReason      = "jwtauth: a date is negative or out of range"
	critReason      = "jwtauth: crit or b64 requires an extension"
	typReason       = "jwtauth: typ is not accepted"
	kidReason       = "jwtauth: kid is empty or too long"
	subReason       = "jwtauth: sub is missing or empty"
	boundReason     = "jwtauth: cnf binds the token to a key, which is not checked"
)

const invalid = "Invalid token"

func (f *forger) headers() []Token {
	with := func(more string) string { return f.forge(f.header(more), f.payload()) }
	alg := func(a string) string { return f.forge(`{"alg":`+a+`,"kid":"`+f.alg+`"}`, f.payload()) }
	return []Token{
		{"control: good", with(""), "", ""},
		{"control: typ JWT", with(`,"typ":"JWT"`), "", ""},
		{"control: typ at+jwt", with(`,"typ":"at+jwt"`), "", ""},
		{"control: unknown member", with(`,"x":{"y":[1]}`), "", ""},
		{"control: jku is not followed", with(`,"jku":"http://127.0.0.1:1/","jwk":{"kty":"oct","k":"AA"}`), "", ""},

		{"alg none", alg(`"none"`), invalid, algReason},
		{"alg nOnE", alg(`"nOnE"`), invalid, algReason},
		{"alg HS256", alg(`"HS256"`), invalid, algReason},
		{"alg lower case", alg(`"` + strings.ToLower(f.alg) + `"`), invalid, algReason},
		{"alg with a space", alg(`"` + f.alg + ` "`), invalid, algReason},
		{"alg null", alg(`null`), invalid, kindReason},
		{"alg a list", alg(`["` + f.alg + `"]`), invalid, kindReason},
		{"alg missing", f.forge(`{"kid":"`+f.alg+`"}`, f.payload()), invalid, algReason},
		{"alg twice", with(`,"alg":"none"`), invalid, twiceReason},
		{"alg escaped and twice", with(`,"\u0061lg":"none"`), invalid, twiceReason},
		{"control: ALG beside alg", with(`,"ALG":"none"`), "", ""},
		{"crit unknown", with(`,"crit":["exp"]`), invalid, critReason},
		{"crit empty", with(`,"crit":[]`), invalid, critReason},
		{"b64", with(`,"b64":false`), invalid, critReason},
		{"typ dpop+jwt", with(`,"typ":"dpop+jwt"`), invalid, typReason},
		{"typ empty", with(`,"typ":""`), invalid, typReason},
		{"typ a list", with(`,"typ":["JWT"]`), invalid, kindReason},
		{"kid a number", f.forge(`{"alg":"`+f.alg+`","kid":1}`, f.payload()), invalid, kindReason},
		{"kid empty", f.forge(`{"alg":"`+f.alg+`","kid":""}`, f.payload()), invalid, kidReason},
		{"kid of 257 bytes", f.forge(`{"alg":"`+f.alg+`","kid":"`+strings.Repeat("k", 257)+`"}`, f.payload()), invalid, kidReason},
		{"header a list", f.forge("["+f.header("")+"]", f.payload()), invalid, jsonReason},
		{"header twice", f.forge(f.header("")+f.header(""), f.payload()), invalid, jsonReason},
		{"header with a comma", f.forge(f.header(","), f.payload()), invalid, jsonReason},
		{"header with a byte order mark", f.forge("\ufeff"+f.header(""), f.payload()), invalid, jsonReason},
	}
}

func (f *forger) claims() []Token {
	with := func(edits ...string) string { return f.forge(f.header(""), f.payload(edits...)) }
	raw := func(payload string) string { return f.forge(f.header(""), payload) }
	later := fmt.Sprint(f.now + 3600)
	past := fmt.Sprint(f.now - 60)
	return []Token{
		{"control: a list of audiences", with(`aud=["x","` + f.audience + `"]`), "", ""},
		{"control: a fraction in exp", with("exp=" + later + ".5"), "", ""},
		{"control: type of a foreign token", with(`type="x"`), "", ""},

		{"no exp", with("exp="), "Token expired", "jwtauth: exp is missing"},
		{"exp past", with("exp=" + past), "Token expired", "jwtauth: exp is past"},
		{"exp 0", with("exp=0"), "Token expired", "jwtauth: exp is past"},
		{"exp negative", with("exp=-1"), invalid, dateReason},
		{"exp a string", with(`exp="` + later + `"`), invalid, kindReason},
		{"exp null", with("exp=null"), invalid, kindReason},
		{"exp 1e300", with("exp=1e300"), invalid, dateReason},
		{"exp 1e999", with("exp=1e999"), invalid, jsonReason},
		{"exp NaN", with("exp=NaN"), invalid, kindReason},
		{"exp in milliseconds", with("exp=" + later + "000"), invalid, dateReason},
		{"EXP beside a past exp", with("exp=1", "EXP="+later), "Token expired", "jwtauth: exp is past"},
		{"exp twice", raw(strings.Replace(f.payload(), "{", `{"exp":1,`, 1)), invalid, twiceReason},
		{"nbf in the future", with("nbf=" + later), "Token not yet valid", "jwtauth: nbf is in the future"},
		{"nbf 1e300", with("nbf=1e300"), invalid, dateReason},
		{"control: iat in the future", with("iat=" + later), "", ""},
		{"iat a string", with(`iat="now"`), invalid, kindReason},
		{"no iss", with("iss="), "Invalid issuer", "jwtauth: iss is missing"},
		{"iss of another", with(`iss="https://other.example"`), "Invalid issuer", "jwtauth: iss has another value"},
		{"iss with a slash behind", with(`iss="` + f.issuer + `/"`), "Invalid issuer", "jwtauth: iss has another value"},
		{"iss a list", with(`iss=["` + f.issuer + `"]`), invalid, kindReason},
		{"iss with a long s", with(`iss="x"`, `iſs="`+f.issuer+`"`), "Invalid issuer", "jwtauth: iss has another value"},
		{"no aud", with("aud="), "Invalid audience", "jwtauth: aud is missing"},
		{"aud of another", with(`aud="other"`), "Invalid audience", "jwtauth: aud has only other values"},
		{"aud an empty list", with("aud=[]"), "Invalid audience", "jwtauth: aud has only other values"},
		{"aud two in one string", with(`aud="` + f.audience + ` web"`), "Invalid audience", "jwtauth: aud has only other values"},
		{"aud an object", with(`aud={"` + f.audience + `":1}`), invalid, kindReason},
		{"AUD beside aud", with(`aud="x"`, `AUD="`+f.audience+`"`), "Invalid audience", "jwtauth: aud has only other values"},
		{"no sub", with("sub="), invalid, subReason},
		{"sub empty", with(`sub=""`), invalid, subReason},
		{"sub a number", with("sub=1"), invalid, "jwtauth: sub is a number, not a string"},
		{"sub escaped and twice", raw(strings.Replace(f.payload(), "{", `{"s\u0075b":"2",`, 1)), invalid, twiceReason},
		{"bound to a key", with(`cnf={"jkt":"x"}`), invalid, boundReason},
		{"a nested member twice", with(`x={"a":1,"a":2}`), invalid, twiceReason},
		{"payload a list", raw("[" + f.payload() + "]"), invalid, jsonReason},
		{"payload null", raw("null"), invalid, jsonReason},
		{"payload with more behind", raw(f.payload() + "x"), invalid, jsonReason},
		{"payload with a NUL behind", raw(f.payload() + "\x00"), invalid, jsonReason},
		{"payload that is no UTF-8", with("x=\"\xff\""), invalid, jsonReason},
		{"payload 40 deep", with("x=" + strings.Repeat("[", 40) + strings.Repeat("]", 40)), invalid, jsonReason},
	}
}

func (f *forger) spellings() []Token {
	good := f.forge(f.header(""), f.payload())
	h, rest, _ := strings.Cut(good, ".")
	p, sig, _ := strings.Cut(rest, ".")
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	spare := good[:len(good)-1] + string(letters[strings.IndexByte(letters, good[len(good)-1])^1])
	signature := func(b []byte) string { return h + "." + p + "." + b64(b) }
	return []Token{
		{"one segment", h, invalid, segmentsReason},
		{"two segments", h + "." + p, invalid, segmentsReason},
		{"four segments", good + "." + sig, invalid, segmentsReason},
		{"no signature", h + "." + p + ".", invalid, segmentsReason},
		{"a dot behind", good + ".", invalid, segmentsReason},
		{"spare bits", spare, invalid, base64Reason},
		{"padded", good + "=", invalid, paddedReason},
		{"a space inside", f.sign(h[:8] + " " + h[8:] + "." + p), invalid, malformedReason},
		{"a newline inside", f.sign(h[:8] + "\n" + h[8:] + "." + p), invalid, malformedReason},
		{"a carriage return inside", f.sign(h[:8] + "\r" + h[8:] + "." + p), invalid, malformedReason},
		{"a NUL behind", good + "\x00", invalid, malformedReason},
		{"two tokens", good + ", " + good, invalid, malformedReason},
		{"non-ASCII", good + "é", invalid, malformedReason},
		{"8193 bytes", strings.Repeat("a", 8193), invalid, tooLongReason},
		{"another payload", h + "." + b64([]byte(f.payload(`sub="2"`))) + "." + sig, invalid, sigReason},
		{"a signature of zeros", signature(make([]byte, 64)), invalid, sigReason},
		{"a signature of one byte", signature([]byte{1}), invalid, sigReason},
		{"a signature of 65 bytes", signature(make([]byte, 65)), invalid, sigReason},
	}
}
