package totp_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"testing"
	"time"

	"github.com/go-guard/guard/signin/totp"
)

// TestHOTPVectors is RFC 4226, appendix D.
func TestHOTPVectors(t *testing.T) {
	for counter, want := range []string{
		"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
	} {
		if got := totp.HOTP(sha1.New, []byte("12345678901234567890"), [8]byte{7: byte(counter)}, 6); got != want {
			t.Errorf("counter %d: %s, want %s", counter, got, want)
		}
	}
}

// TestTOTPVectors is RFC 6238, appendix B, with the keys of its errata. The algorithms
// other than SHA-1 check the truncation.
func TestTOTPVectors(t *testing.T) {
	key := func(n int) []byte { return bytes.Repeat([]byte("1234567890"), 7)[:n] }
	for _, tt := range []struct {
		at                   int64
		sha1, sha256, sha512 string
	}{
		{59, "94287082", "46119246", "90693936"},
		{1111111109, "07081804", "68084774", "25091201"},
		{1111111111, "14050471", "67062674", "99943326"},
		{1234567890, "89005924", "91819424", "93441116"},
		{2000000000, "69279037", "90698825", "38618901"},
		{20000000000, "65353130", "77737706", "47863826"},
	} {
		step, ok := totp.Match(key(20), tt.sha1, time.Unix(tt.at, 0))
		if !ok || step != tt.at/30 {
			t.Errorf("%d: step %d, %t", tt.at, step, ok)
		}
		var counter [8]byte
		binary.BigEndian.PutUint64(counter[:], uint64(tt.at/30))
		for _, algorithm := range []struct {
			name string
			new  func() hash.Hash
			size int
			want string
		}{{"SHA1", sha1.New, 20, tt.sha1}, {"SHA256", sha256.New, 32, tt.sha256}, {"SHA512", sha512.New, 64, tt.sha512}} {
			if got := totp.HOTP(algorithm.new, key(algorithm.size), counter, 8); got != algorithm.want {
				t.Errorf("%s at %d: %s, want %s", algorithm.name, tt.at, got, algorithm.want)
			}
		}
	}
}

// TestEpoch: around 1970 there is no step before the first, and before it there is none.
func TestEpoch(t *testing.T) {
	secret := []byte("12345678901234567890") // 755224 is the code of step 0
	for _, tt := range []struct {
		at   int64
		code string
		step int64
		ok   bool
	}{
		{0, "755224", 0, true},
		{0, "287082", 1, true},
		{0, "359152", 0, false},
		{29, "287082", 1, true},
		{30, "755224", 0, true},
		{59, "755224", 0, true},
		{60, "755224", 0, false},
		{-1, "755224", 0, false},
		{-1, "287082", 0, false},
		{-31, "755224", 0, false},
	} {
		if step, ok := totp.Match(secret, tt.code, time.Unix(tt.at, 0)); ok != tt.ok || ok && step != tt.step {
			t.Errorf("%s at %d: step %d, %t", tt.code, tt.at, step, ok)
		}
	}
}

// TestTwoStepsOfOneCode: a code of two steps is that of the newer one, so that it is spent
// for both.
func TestTwoStepsOfOneCode(t *testing.T) {
	secret := []byte("12345678901234567890")
	seen := map[string]int64{}
	for step := int64(0); ; step++ {
		var counter [8]byte
		binary.BigEndian.PutUint64(counter[:], uint64(step))
		code := totp.HOTP(sha1.New, secret, counter, 6)
		if before, ok := seen[code]; ok && step-before <= 2 {
			middle := (before + step + 1) / 2
			if got, ok := totp.Match(secret, code, time.Unix(30*middle, 0)); !ok || got != step {
				t.Errorf("step %d, %t; want %d, as %s is also that of %d", got, ok, step, code, before)
			}
			return
		}
		seen[code] = step
	}
}
