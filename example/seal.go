package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-guard/guard"
)

// readSealKeys reads SEAL_KEY: base64 of 32 bytes, or a list of such keys with the
// newest first. Without it there is no key or, with -dev, a random one.
func readSealKeys(value string, dev bool) (keys []guard.Secret, err error) {
	if value == "" {
		if dev {
			key := make(guard.Secret, 32)
			_, _ = rand.Read(key) // never fails
			keys = append(keys, key)
		}
		return keys, nil
	}
	for part := range strings.SplitSeq(value, ",") {
		key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(part))
		if err != nil || len(key) != 32 { // err may quote a part of the key
			return nil, fmt.Errorf("SEAL_KEY: key %d is not base64 of 32 bytes: openssl rand -base64 32", len(keys)+1)
		}
		if !slices.ContainsFunc(key, func(b byte) bool { return b != 0 }) { // the packages see derived keys alone
			return nil, fmt.Errorf("SEAL_KEY: key %d has zeros only: openssl rand -base64 32", len(keys)+1)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// sealKeys returns the keys for a purpose, the newest first: what was sealed for
// another purpose does not open.
func (s *settings) sealKeys(purpose string) []guard.Secret {
	keys := make([]guard.Secret, len(s.seal))
	for i, key := range s.seal {
		derived, err := hkdf.Key(sha256.New, key, nil, "example "+purpose, 32)
		if err != nil {
			panic(err) // only if the length is too large for the hash
		}
		keys[i] = derived
	}
	return keys
}

// A sealer encrypts what is stored elsewhere, by AES-256-GCM. It is for one purpose.
type sealer struct{ aeads []cipher.AEAD }

// sealer returns the sealer for a purpose. It seals with the newest key, and opens what
// any of the keys sealed.
func (s *settings) sealer(purpose string) (*sealer, error) {
	var all sealer
	for _, key := range s.sealKeys(purpose) {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		all.aeads = append(all.aeads, aead)
	}
	if len(all.aeads) == 0 {
		return nil, errors.New("SEAL_KEY is not set")
	}
	return &all, nil
}

// seal encrypts text. Only an open with the same subject returns it.
func (s *sealer) seal(text []byte, subject string) []byte {
	return s.aeads[0].Seal(nil, nil, text, []byte(subject))
}

// open returns the text that was sealed. ok is false for anything else.
func (s *sealer) open(sealed []byte, subject string) (text []byte, ok bool) {
	for _, aead := range s.aeads {
		if text, err := aead.Open(nil, nil, sealed, []byte(subject)); err == nil {
			return text, true
		}
	}
	return nil, false
}
