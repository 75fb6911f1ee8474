package password_test

import (
	"strings"
	"testing"

	"github.com/go-guard/guard/signin/password"
)

func TestDefaults(t *testing.T) {
	skipUnderRace(t)
	encoded, err := password.Hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("Hash = %q, %v", encoded, err)
	}
	if rehashed, err := password.Rehash(t.Context(), "short"); err != nil || rehashed[:31] != encoded[:31] {
		t.Errorf("Rehash = %q, %v", rehashed, err)
	}
	for _, tt := range []struct {
		encoded, pw string
		ok          bool
	}{{encoded, "correct horse", true}, {encoded, "Correct horse", false}, {"", "correct horse", false}, {"", "", false}} {
		ok, rehash, err := password.Verify(t.Context(), tt.encoded, tt.pw)
		if ok != tt.ok || rehash || err != nil {
			t.Errorf("Verify(%.10s, %q) = %t, %t, %v", tt.encoded, tt.pw, ok, rehash, err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	encoded, err := password.Hash(b.Context(), "correct horse")
	if err != nil {
		b.Fatal(err)
	}
	for name, e := range map[string]string{"known": encoded, "unknown": ""} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = password.Verify(b.Context(), e, "wrong")
			}
		})
	}
}
