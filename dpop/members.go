package dpop

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/strictjson"
)

type (
	headerVisitor  proof // the visitor of the header
	payloadVisitor proof // the visitor of the payload
	keyVisitor     proof // the visitor of jwk
)

// Member implements strictjson.Visitor.
func (h *headerVisitor) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	switch string(m.Name) {
	case "typ":
		h.typ = s.Text()
	case "alg":
		h.alg = s.Text()
	case "jwk":
		h.hasKey = true
		s.Object(nil, (*keyVisitor)(h))
	case "crit", "b64": // no extension is supported (RFC 7515, section 4.1.11; RFC 7797, section 6)
		(*proof)(h).fail(errCritical)
		return false
	default: // what points to keys (jku, x5u, x5c) is never followed
		return false
	}
	return true
}

// Member implements strictjson.Visitor.
func (k *keyVisitor) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	var to *string
	switch string(m.Name) {
	case "kty":
		k.jwk.Kty = keyset.KeyType(word(s.Text()))
		return true
	case "crv":
		k.jwk.Crv = word(s.Text())
		return true
	case "x":
		to = &k.jwk.X
	case "y":
		to = &k.jwk.Y
	case "n":
		to = &k.jwk.N
	case "e":
		to = &k.jwk.E
	case "alg":
		to = &k.jwk.Alg
	case "use":
		to = &k.jwk.Use
	case "key_ops":
		s.Array(nil, func(*strictjson.Shape) { k.jwk.KeyOps = append(k.jwk.KeyOps, string(s.Text())) })
		if !slices.Contains(k.jwk.KeyOps, "verify") {
			(*proof)(k).fail(errKeyUse)
		}
		return true
	case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv": // RFC 9449, section 4.3
		(*proof)(k).fail(errPrivate)
		return false
	default:
		return false
	}
	*to = string(s.Text())
	return true
}

// word is string, without an allocation for what most keys have.
func word(text []byte) string {
	for _, known := range [...]string{"EC", "P-256", "P-384", "OKP", "Ed25519", "RSA"} {
		if string(text) == known {
			return known
		}
	}
	return string(text)
}

// Member implements strictjson.Visitor.
func (p *payloadVisitor) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	switch string(m.Name) {
	case "jti":
		p.jti = s.Text()
	case "htm":
		p.htm = s.Text()
	case "htu":
		p.htu = s.Text()
	case "iat":
		p.iat, p.hasIAT = date(s.Number())
	case "exp":
		p.exp, p.hasEXP = date(s.Number())
		if !p.hasEXP {
			(*proof)(p).fail(errExpired)
		}
	case "nbf":
		var ok bool
		if p.nbf, ok = date(s.Number()); !ok {
			(*proof)(p).fail(errEarly)
		}
	case "ath":
		p.ath, p.hasATH = s.Text(), true
	case "nonce":
		p.nonce, p.hasNCE = s.Text(), true
	default:
		return false
	}
	return true
}

// date reads a NumericDate (RFC 7519, section 2). ok is false for what is no time since
// 1970 with a year of four digits.
func date(number []byte) (t time.Time, ok bool) {
	seconds, err := strconv.ParseFloat(string(number), 64)
	if err != nil || seconds < 0 || seconds > maxDate || len(number) == 0 || number[0] == '-' {
		return time.Time{}, false
	}
	whole := int64(seconds)
	return time.Unix(whole, int64((seconds-float64(whole))*1e9)), true
}
