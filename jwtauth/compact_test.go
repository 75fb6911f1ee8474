package jwtauth_test

import (
	"encoding/base64"
	"strings"
)

func hostileSpellings() []hostile {
	good := forge(jwtHeader, payload(), hs256(secret))
	h, rest, _ := strings.Cut(good, ".")
	p, sig, _ := strings.Cut(rest, ".")
	// The signature has 32 bytes: its last character has two bits to spare.
	spare := good[:len(good)-1] + string(flip(good[len(good)-1]))
	signAs := func(signed string) string {
		return signed + "." + b64(string(hs256(secret)(signed)))
	}
	return []hostile{
		{"empty", "", " ", malformedReason},
		{"one segment", "", h, segmentsReason},
		{"two segments", "", h + "." + p, segmentsReason},
		{"four segments", "", good + "." + sig, segmentsReason},
		{"five segments, as a JWE has", "", good + ".a.b", encryptedReason},
		{"a JWE with a direct key", "", h + ".." + p + "." + p + "." + sig, encryptedReason},
		{"empty header", "", "." + p + "." + sig, segmentsReason},
		{"empty payload", "", signAs(h + "."), segmentsReason},
		{"empty signature", "", h + "." + p + ".", segmentsReason},
		{"dots alone", "", "..", segmentsReason},
		{"a dot behind", "", good + ".", segmentsReason},
		{"JSON serialization", "", `{"protected":"` + h + `","payload":"` + p + `","signature":"` + sig + `"}`, malformedReason},
		{"JSON serialization around a good token", "", `{"protected":"` + good + `","payload":"` + p + `"}`, malformedReason},
		{"spare bits in the signature", "", spare, base64Reason},
		{"padded signature", "", good + "=", paddedReason},
		{"padded segments, as AWS ALB writes them", "", signAs(b64pad(jwtHeader+" ") + "." + b64pad(payload())), paddedReason},
		{"padding alone", "", "==", malformedReason},
		{"padded header", "", signAs(b64pad(jwtHeader+" ") + "." + p), paddedReason},
		{"standard base64", "", signAs(h + "." + base64.RawStdEncoding.EncodeToString([]byte(payload(`x="ÿÿÿ>>>???"`)))), base64Reason},
		{"newline at the end", "", good + "\n", malformedReason},
		{"carriage return at the end", "", good + "\r\n", malformedReason},
		{"newline between segments", "", signAs(h + ".\n" + p), malformedReason},
		{"newline inside a segment", "", signAs(h[:8] + "\n" + h[8:] + "." + p), malformedReason},
		{"space inside a segment", "", signAs(h[:8] + " " + h[8:] + "." + p), malformedReason},
		{"tab before", "", "\t" + good, malformedReason},
		{"NUL at the end", "", good + "\x00", malformedReason},
		{"a second token behind a comma", "", good + ", " + good, malformedReason},
		{"quoted", "", `"` + good + `"`, malformedReason},
		{"percent sign", "", strings.Replace(good, ".", "%2E", 1), malformedReason},
		{"a letter that is none of base64", "", signAs(h + "!." + p), malformedReason},
		{"non-ASCII", "", good + "é", malformedReason},
		{"tilde", "", signAs(h + "~." + p), base64Reason},
		{"8193 bytes", "", strings.Repeat("a", 8193), tooLongReason},
		{"800 KB", "", strings.Repeat("a.", 400<<10), tooLongReason},
		{"8 KB of dots", "", strings.Repeat(".", 8192), segmentsReason},
	}
}

// flip changes the lowest bit that a base64 letter stands for.
func flip(c byte) byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return letters[strings.IndexByte(letters, c)^1]
}

func b64pad(s string) string {
	for len(s)%3 == 0 {
		s += " "
	}
	return base64.URLEncoding.EncodeToString([]byte(s))
}
