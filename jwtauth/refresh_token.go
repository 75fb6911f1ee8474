package jwtauth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// A refreshToken is what a refresh token says. It is written as
//
//	base64url(id, 16 bytes | expires, 8 | generation, 4 | subject | MAC of all that, 32)
//
// and has no dot, so that no parser takes it for an access token. The MAC is
// what makes a token: a forged one needs no store to be refused, a store needs
// to know no token, and a successor is nothing but the next generation's MAC,
// the same whoever computes it. Holding one token tells nothing about the next.
type refreshToken struct {
	id         [16]byte
	expires    time.Time // of the family, in seconds
	generation uint32
	subject    string
}

const (
	refreshHead = 16 + 8 + 4
	refreshMin  = refreshHead + 1 + sha256.Size

	// maxRefreshSubject bounds a subject, and with it a refresh token.
	maxRefreshSubject = 1024
)

var maxRefreshToken = base64.RawURLEncoding.EncodedLen(refreshMin - 1 + maxRefreshSubject)

// family is the family's id as the sid claim and the store have it.
func (t refreshToken) family() string { return base64.RawURLEncoding.EncodeToString(t.id[:]) }

// refreshKeys are the keys of the MAC: the first makes tokens, all check them.
type refreshKeys [][]byte

func (k refreshKeys) seal(t refreshToken) string {
	b := make([]byte, 0, refreshMin+len(t.subject))
	b = append(b, t.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.expires.Unix()))
	b = binary.BigEndian.AppendUint32(b, t.generation)
	b = append(b, t.subject...)
	return base64.RawURLEncoding.EncodeToString(append(b, refreshMAC(k[0], b)...))
}

func (k refreshKeys) open(token string) (t refreshToken, ok bool) {
	if len(token) > maxRefreshToken {
		return t, false
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < refreshMin || base64.RawURLEncoding.EncodeToString(b) != token { // one spelling only
		return t, false
	}
	body, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	for _, key := range k {
		ok = hmac.Equal(mac, refreshMAC(key, body)) || ok
	}
	if !ok {
		return t, false
	}
	copy(t.id[:], body)
	t.expires = time.Unix(int64(binary.BigEndian.Uint64(body[16:])), 0)
	t.generation = binary.BigEndian.Uint32(body[24:])
	t.subject = string(body[refreshHead:])
	return t, true
}

func refreshMAC(key, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return h.Sum(nil)
}

// newRefreshKeys derives the keys from secrets, for refresh tokens that lead to
// the same access tokens alone: with the same secret, those of another issuer,
// for another audience or of another type are foreign.
func newRefreshKeys(secrets [][]byte, o *Options) (refreshKeys, error) {
	var keys refreshKeys
	info := []byte("guard jwtauth refresh token 2")
	for _, s := range append([]string{o.Issuer, o.Type}, slices.Sorted(slices.Values(o.Audience))...) {
		info = append(binary.AppendUvarint(info, uint64(len(s))), s...)
	}
	for _, s := range secrets {
		if len(s) < 32 {
			return nil, fmt.Errorf("jwtauth: a key for refresh tokens has %d bytes, and needs 32", len(s))
		}
		k, err := hkdf.Key(sha256.New, s, nil, string(info), sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("jwtauth: %w", err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// refreshSecrets are those of an issuer's keys that have one. The first has.
func refreshSecrets(keys []Key) ([][]byte, error) {
	var secrets [][]byte
	for _, k := range keys {
		switch p := k.private().(type) {
		case nil:
		case []byte:
			secrets = append(secrets, p)
		default:
			der, err := x509.MarshalPKCS8PrivateKey(p)
			if err != nil { // its text is not repeated: it may quote the key
				return nil, errors.New("jwtauth: no key for refresh tokens can be derived from the issuer's: see RefreshOptions.Key")
			}
			secrets = append(secrets, der)
		}
	}
	return secrets, nil
}

func checkRefreshSubject(subject string) error {
	if subject == "" || len(subject) > maxRefreshSubject || !utf8.ValidString(subject) {
		return fmt.Errorf("jwtauth: a refresh token needs a subject of 1 to %d bytes", maxRefreshSubject)
	}
	return nil
}
