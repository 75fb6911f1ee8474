package keyset

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// parsePEM returns the first key in text: PKCS #8, PKCS #1, SEC 1, PKIX or the
// public key of a certificate. Blocks of other types are skipped: openssl writes
// EC PARAMETERS before an EC key.
func parsePEM(text []byte) (any, error) {
	for first := true; ; first = false {
		block, rest := pem.Decode(text)
		switch {
		case block == nil && first:
			return nil, errors.New("the bytes are not PEM text (a file's name?)")
		case block == nil:
			return nil, errors.New("no key in PEM")
		}
		text = rest
		key, ok, err := parseBlock(block)
		if !ok {
			continue
		}
		if err != nil { // err is dropped: it may quote the key
			return nil, fmt.Errorf("the PEM block %q cannot be parsed", block.Type)
		}
		return key, nil
	}
}

// parseBlock returns the key in a block. ok is false if its type is not one of a
// key.
func parseBlock(b *pem.Block) (key any, ok bool, err error) {
	switch b.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(b.Bytes)
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(b.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(b.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(b.Bytes); err == nil {
			key = c.PublicKey
		}
	default:
		return nil, false, nil
	}
	return key, true, err
}
