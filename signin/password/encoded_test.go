package password_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/go-guard/guard/signin/password"
)

func TestMalformed(t *testing.T) {
	h := hasher(t, nil)
	const salt, sum = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	of := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt + "$" + sum }
	b := bcryptHash(t, "secret", bcrypt.MinCost)
	for _, encoded := range []string{
		" ", "secret", "$", "$argon2id$", "$argon2i$v=19$m=7168,t=1,p=1$" + salt + "$" + sum,
		"$argon2id$v=16$m=7168,t=1,p=1$" + salt + "$" + sum, "$argon2id$m=7168,t=1,p=1$" + salt + "$" + sum,
		of("m=65537,t=1,p=1"), of("m=4294967295,t=1,p=1"), of("m=99999999999999999999,t=1,p=1"), of("m=7168,t=17,p=1"), of("m=7168,t=1,p=17"),
		of("m=0,t=1,p=1"), of("m=7168,t=0,p=1"), of("m=7168,t=1,p=0"), of("m=7,t=1,p=1"), of("m=-1,t=1,p=1"), of("m=+7168,t=1,p=1"), of("m=07168,t=1,p=1"),
		of("t=1,m=7168,p=1"), of("m=7168,t=1"), of("m=7168,t=1,p=1,x=1"), of("m=7168 ,t=1,p=1"), of("m=,t=,p="),
		of("m=7168,t=1,p=1") + "$", of("m=7168,t=1,p=1") + "\n", of("m=7168,t=1,p=1") + "=", of("m=7168,t=1,p=1") + strings.Repeat("A", 300),
		"$argon2id$v=19$m=7168,t=1,p=1$c2E$" + sum, "$argon2id$v=19$m=7168,t=1,p=1$" + salt + "$c29tZXNhbHQ",
		"$argon2id$v=19$m=7168,t=1,p=1$" + salt + "$", "$argon2id$v=19$m=7168,t=1,p=1$" + salt + "$" + sum[:42] + "d",
		"$argon2id$v=19$m=7168,t=1,p=1$" + strings.Repeat("A", 88) + "$" + sum,
		"$2a$", b[:59], b + "x", "$2x" + b[3:], "$2a$17" + b[6:], "$2a$03" + b[6:], "$2a$+4" + b[6:], "$2a$xx" + b[6:], b[:6] + "x" + b[7:], b[:59] + "!", b[:20] + "\n" + b[21:],
	} {
		ok, rehash, err := h.Verify(t.Context(), encoded, "password")
		if ok || rehash || err == nil {
			t.Errorf("Verify(%q) = %t, %t, %v", encoded, ok, rehash, err)
			continue
		}
		if w := refuse(err); w.Code != http.StatusInternalServerError || strings.Contains(err.Error(), "c29t") {
			t.Errorf("Verify(%q): %d, %v", encoded, w.Code, err)
		}
	}
}

// FuzzVerify checks that rehash implies ok, and that an error is no match.
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
