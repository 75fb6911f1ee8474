package keyset

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard/internal/wiring"
)

// A Signer is the private half of a key of an asymmetric algorithm.
type Signer struct {
	alg      *Algorithm
	key      crypto.Signer
	public   crypto.PublicKey
	external bool // key is that of NewSigner, such as one of a KMS
}

// NewSigner returns the pair of a signer whose public key is one of a. It does not
// call Sign. A private key of the standard library is external too, so that a program
// that is tried with one behaves as with a KMS.
func NewSigner(a *Algorithm, s crypto.Signer) (*Pair, error) {
	if wiring.IsNil(s) {
		return nil, errors.New("the crypto.Signer is nil")
	}
	if p := split(s); p.Private != nil || p.Public == nil { // of the standard library, sound or not
		return newExternal(a, s, p.Public)
	}
	var public crypto.PublicKey
	if err := recovered("Public", func() error { public = s.Public(); return nil }); err != nil {
		return nil, err
	}
	return newExternal(a, s, public)
}

func newExternal(a *Algorithm, s crypto.Signer, public crypto.PublicKey) (*Pair, error) {
	if err := checkPublic(a, public); err != nil {
		return nil, err
	}
	return &Pair{public, &Signer{a, s, public, true}}, nil
}

// recovered calls f, a method of an external signer, and returns its panic as an error.
func recovered(method string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s of the crypto.Signer panicked: %v", method, p)
		}
	}()
	return f()
}

// IsExternal reports whether the private half of p is in other hands: signing with
// it may fail, and no secret can be derived from it.
func (p *Pair) IsExternal() bool {
	s, ok := p.Private.(*Signer)
	return ok && s.external
}

// Derive returns bytes that only the holder of the private half knows. It returns
// nil if p has none, or an external one.
func (p *Pair) Derive() ([]byte, error) {
	switch k := p.Private.(type) {
	case *Secret:
		return k.Reveal(), nil
	case *Signer:
		if k.external {
			return nil, nil
		}
		der, err := x509.MarshalPKCS8PrivateKey(k.key)
		if err != nil { // its text is omitted: it may quote the key
			return nil, errors.New("a private key cannot be encoded")
		}
		return der, nil
	}
	return nil, nil
}

// sign signs text (RFC 7518, sections 3.3 to 3.5; RFC 8037, section 3.1). What an
// external signer returns is verified, as a KMS may sign with a newer version of its
// key: no token is issued that no one can verify.
func (s *Signer) sign(text string) (signature []byte, err error) {
	if !s.external {
		return s.alg.signWith(s.key, text)
	}
	err = recovered("Sign", func() error {
		signature, err = s.alg.signWith(s.key, text)
		return err
	})
	if err == nil && s.alg.Verify(text, signature, s.public) != nil {
		err = errors.New("the crypto.Signer's public key does not verify its signature: it uses another key or another form")
	}
	if err != nil {
		return nil, err
	}
	return signature, nil
}

func (a *Algorithm) signWith(s crypto.Signer, text string) ([]byte, error) {
	message, opts := []byte(text), crypto.SignerOpts(a.hash)
	if a.hash != 0 {
		h := a.hash.New()
		h.Write(message)
		message = h.Sum(nil)
	}
	if m, ok := a.method.(*jwt.SigningMethodRSAPSS); ok {
		opts = &rsa.PSSOptions{SaltLength: m.Options.SaltLength, Hash: a.hash}
	}
	signature, err := s.Sign(rand.Reader, message, opts)
	if err != nil {
		return nil, fmt.Errorf("the crypto.Signer: %w", err)
	}
	if a.Type != EC {
		return signature, nil
	}
	return a.concatenated(signature)
}

// concatenated returns an ECDSA signature, which a crypto.Signer encodes by ASN.1,
// as RFC 7518, section 3.4, has it: r and s, each of the full size.
func (a *Algorithm) concatenated(der []byte) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 {
		return nil, errors.New("the crypto.Signer's signature is not an ASN.1 sequence of two integers")
	}
	params := a.curve.Params()
	size := (params.BitSize + 7) / 8
	for _, n := range []*big.Int{sig.R, sig.S} {
		if n.Sign() <= 0 || n.Cmp(params.N) >= 0 {
			return nil, fmt.Errorf("the crypto.Signer's signature is not one on %s", params.Name)
		}
	}
	return slices.Concat(sig.R.FillBytes(make([]byte, size)), sig.S.FillBytes(make([]byte, size))), nil
}
