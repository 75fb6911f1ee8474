package session

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"

	"github.com/go-guard/guard/internal/strictjson"
)

// Fields of the draft. Chromium 156 sends the text of the first two without quotes.
const (
	responseHeader  = "Secure-Session-Response"
	sessionIDHeader = "Sec-Secure-Session-Id"
	challengeHeader = "Secure-Session-Challenge"
)

// maxProof bounds a proof: one of ES256 has about 450 bytes.
const maxProof = 2048

// headerText returns the string of a field, with or without the quotes of a
// structured field (RFC 9651, section 3.3.3). Parameters are ignored, as the draft
// has it. sent is false without the field.
func headerText(h http.Header, name string) (text string, sent bool, err error) {
	switch lines := h[name]; len(lines) {
	case 0:
		return "", false, nil
	case 1:
		text = lines[0]
	default:
		return "", true, fmt.Errorf("session: several fields %s", name)
	}
	if rest, quoted := strings.CutPrefix(text, `"`); quoted {
		inner, params, closed := strings.Cut(rest, `"`)
		if !closed || params != "" && params[0] != ';' {
			return "", true, fmt.Errorf("session: %s is not a string", name)
		}
		text = inner
	}
	if text == "" || len(text) > maxProof {
		return "", true, fmt.Errorf("session: %s has %d bytes, want 1 to %d", name, len(text), maxProof)
	}
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return "", true, fmt.Errorf("session: %s has a byte of no proof or identifier", name)
		}
	}
	return text, true, nil
}

// A proof is the JWT of the draft, in which a device signs a challenge.
type proof struct {
	challenge string
	key       *[deviceKeyLen]byte // only in a registration
	signed    string
	signature [64]byte
}

type proofHeader struct {
	Typ  string          `json:"typ"`
	Alg  string          `json:"alg"`
	JWK  json.RawMessage `json:"jwk"`
	Crit json.RawMessage `json:"crit"`
}

type proofPayload struct {
	JTI string `json:"jti"`
}

type proofKey struct {
	Kty string          `json:"kty"`
	Crv string          `json:"crv"`
	X   string          `json:"x"`
	Y   string          `json:"y"`
	Alg string          `json:"alg"`
	Use string          `json:"use"`
	D   json.RawMessage `json:"d"`
}

// parseProof parses a proof, and does not verify its signature.
func parseProof(text string) (p proof, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return p, errors.New("session: the proof is no JWT")
	}
	var header proofHeader
	if err := decodePart(parts[0], &header); err != nil {
		return p, err
	}
	switch {
	case header.Typ != "dbsc+jwt":
		return p, errors.New("session: the proof is no JWT of the type dbsc+jwt")
	case header.Alg != "ES256": // what was announced: never "none" or HMAC
		return p, errors.New("session: the proof's algorithm is not ES256")
	case header.Crit != nil: // RFC 7515, section 4.1.11
		return p, errors.New("session: the proof has a critical extension")
	}
	if header.JWK != nil {
		if p.key, err = parseDeviceKey(header.JWK); err != nil {
			return p, err
		}
	}
	var payload proofPayload
	if err := decodePart(parts[1], &payload); err != nil {
		return p, err
	}
	signature, err := tokenEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != len(p.signature) { // RFC 7518, section 3.4
		return p, errors.New("session: the proof's signature does not have 64 bytes")
	}
	p.challenge, p.signature = payload.JTI, [64]byte(signature)
	p.signed = text[:len(parts[0])+1+len(parts[1])]
	return p, nil
}

func decodePart(part string, v any) error {
	b, err := tokenEncoding.DecodeString(part)
	if err != nil {
		return errors.New("session: the proof is not in base64url")
	}
	if err := strictjson.Unmarshal(b, v); err != nil {
		return fmt.Errorf("session: a part of the proof: %w", err)
	}
	return nil
}

func parseDeviceKey(text []byte) (*[deviceKeyLen]byte, error) {
	var j proofKey
	if err := strictjson.Unmarshal(text, &j); err != nil {
		return nil, fmt.Errorf("session: the proof's jwk: %w", err)
	}
	if j.Kty != "EC" || j.Crv != "P-256" || j.Alg != "" && j.Alg != "ES256" || j.Use != "" && j.Use != "sig" {
		return nil, errors.New("session: the proof's jwk is no key of ES256")
	}
	if j.D != nil {
		return nil, errors.New("session: the proof's jwk is a private key")
	}
	var key [deviceKeyLen]byte
	for i, member := range []string{j.X, j.Y} {
		b, err := tokenEncoding.DecodeString(member)
		if err != nil || len(b) != 32 { // RFC 7518, section 6.2.1.2
			return nil, errors.New("session: a coordinate of the proof's jwk does not have 32 bytes")
		}
		copy(key[32*i:], b)
	}
	return &key, nil
}

// verify checks the signature by a key.
func (p *proof) verify(key *[deviceKeyLen]byte) error {
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, key[:]...))
	if err != nil {
		return errors.New("session: the device's key is no point of P-256")
	}
	digest := sha256.Sum256([]byte(p.signed))
	r, s := new(big.Int).SetBytes(p.signature[:32]), new(big.Int).SetBytes(p.signature[32:])
	if !ecdsa.Verify(public, digest[:], r, s) {
		return errors.New("session: the proof's signature is wrong")
	}
	return nil
}
