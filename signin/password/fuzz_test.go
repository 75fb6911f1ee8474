package password_test

import (
	"testing"

	"github.com/go-guard/guard/signin/password"
)

// What is accepted has one spelling, is cheap enough, and never matches by
// accident.
func FuzzVerify(f *testing.F) {
	for _, s := range []string{
		"", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$2a$04$eImiTXuWVxfM37uY4JANjO5E5qVh5y1i2n4Z1yP1o8r5fV8n3yO1a", "$argon2id$v=19$m=65536,t=2,p=1$$", "$2y$",
	} {
		f.Add(s, "password")
	}
	h, err := password.New(&password.Options{Memory: 7 * 1024, Time: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, encoded, pw string) {
		if len(encoded) > 30 && encoded[0] == '$' && encoded[1] == '2' && (encoded[4] != '0' || encoded[5] != '4') {
			return // slow, not wrong
		}
		ok, rehash, err := h.Verify(t.Context(), encoded, pw)
		if rehash && !ok || ok && err != nil {
			t.Errorf("Verify(%q) = %t, %t, %v", encoded, ok, rehash, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	encoded, err := password.Hash(b.Context(), "secret")
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
