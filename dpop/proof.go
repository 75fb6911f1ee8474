package dpop

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/strictjson"
)

const (
	maxProof   = 4096
	maxID      = 256
	maxMembers = 64 // of the header and of the payload, at any depth
	maxAge     = 60 * time.Second
	maxAhead   = 5 * time.Second
	maxDate    = 253402300799 // the end of the year 9999
)

// A proof is what one proof says. It is reused for the next: what it holds are parts of
// buf.
type proof struct {
	buf     [maxProof]byte
	scanner strictjson.Scanner
	cnf     confirmation // of the token

	typ, alg  []byte
	jwk       keyset.JWK
	hasKey    bool
	thumb     digest
	algorithm *keyset.Algorithm
	signed    string // the text that is signed
	signature []byte

	jti, htm, htu, ath, nonce      []byte
	iat, exp, nbf                  time.Time
	hasIAT, hasEXP, hasATH, hasNCE bool
	bad                            *reason // the first that a visitor found
}

// reset clears what a proof said, but not the buffers.
func (p *proof) reset() {
	p.cnf.jkt, p.cnf.x5t = nil, nil
	p.typ, p.alg, p.jwk, p.hasKey, p.thumb, p.algorithm, p.signed, p.signature = nil, nil, keyset.JWK{}, false, digest{}, nil, "", nil
	p.jti, p.htm, p.htu, p.ath, p.nonce = nil, nil, nil, nil, nil
	p.iat, p.exp, p.nbf = time.Time{}, time.Time{}, time.Time{}
	p.hasIAT, p.hasEXP, p.hasATH, p.hasNCE, p.bad = false, false, false, false, nil
}

// parse reads the form of a proof (RFC 9449, section 4.2), and nothing that needs its
// key or its request.
func (p *proof) parse(text string) *reason {
	if len(text) > maxProof {
		return errTooLong
	}
	header, rest, ok := strings.Cut(text, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || header == "" || payload == "" || signature == "" {
		return errCompact
	}
	p.signed = text[:len(header)+1+len(payload)]
	buf := p.buf[:]
	var parts [3][]byte
	for i, part := range [...]string{header, payload, signature} {
		if strings.ContainsAny(part, "\r\n") { // encoding/base64 ignores them
			return errCompact
		}
		n, err := base64url.Decode(buf, []byte(part))
		if err != nil {
			return errCompact
		}
		parts[i], buf = buf[:n:n], buf[n:]
	}
	p.signature = parts[2]
	if bad := p.read(parts[0], (*headerVisitor)(p), errHeader); bad != nil {
		return bad
	}
	return p.read(parts[1], (*payloadVisitor)(p), errPayload)
}

// read reads one object by a visitor.
func (p *proof) read(data []byte, v strictjson.Visitor, syntax *reason) *reason {
	if p.scanner.Read(data, nil, v, maxMembers) {
		return p.bad
	}
	switch p.scanner.Err().Reason {
	case strictjson.Repeated:
		return errDuplicate
	case strictjson.Type:
		return errKind
	case strictjson.Members:
		return errMembers
	}
	return syntax
}

// fail keeps the first reason.
func (p *proof) fail(r *reason) {
	if p.bad == nil {
		p.bad = r
	}
}

// checkKey checks the header, and finds the key (RFC 9449, section 4.3).
func (p *proof) checkKey(allowed []*keyset.Algorithm) *reason {
	if string(p.typ) != "dpop+jwt" {
		return errType
	}
	p.algorithm = keyset.AlgorithmByName(p.alg)
	switch {
	case p.algorithm == nil || !slices.Contains(allowed, p.algorithm):
		return errAlgorithm
	case !p.hasKey:
		return errNoKey
	case p.jwk.Use != "" && p.jwk.Use != "sig":
		return errKeyUse
	case p.jwk.Alg != "" && !slices.Contains(p.algorithm.Names(), p.jwk.Alg):
		return errKeyUse
	}
	p.thumb = p.jwk.Digest()
	return nil
}

// verify checks the signature.
func (p *proof) verify() *reason {
	public, err := p.jwk.PublicFor(p.algorithm)
	if err != nil {
		return errKey
	}
	if p.algorithm.Verify(p.signed, p.signature, public) != nil {
		return errSignature
	}
	return nil
}

// check checks the claims of a proof whose signature is verified, but for its nonce.
func (p *proof) check(t *target, r *http.Request, now time.Time) *reason {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	switch {
	case len(p.jti) == 0 || len(p.jti) > maxID:
		return errID
	case string(p.htm) != method:
		return errMethod
	case !t.matches(p.htu, r):
		return errURL
	case !p.hasIAT:
		return errNoTime
	case p.iat.Before(now.Add(-maxAge)):
		return errOld
	case p.iat.After(now.Add(maxAhead)):
		return errAhead
	case p.hasEXP && !now.Before(p.exp): // RFC 7519, section 4.1.4
		return errExpired
	case now.Add(maxAhead).Before(p.nbf):
		return errEarly
	}
	return nil
}

// checkHash checks that the proof is for a token.
func (p *proof) checkHash(token string) *reason {
	if !p.hasATH {
		return errNoHash
	}
	if sum := digest(sha256.Sum256([]byte(token))); !sum.is(p.ath) {
		return errHash
	}
	return nil
}
