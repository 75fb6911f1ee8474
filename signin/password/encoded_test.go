package password_test

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/signin/password"
)

// The causes of an encoding that is an error.
const (
	malformed = "password: the stored hash is malformed"
	unknown   = "password: the stored hash is of an unknown kind"
	tooLarge  = "password: the stored hash takes more memory than Options.MaxMemory"
	tooLong   = "password: the stored hash takes more memory times passes than Options.MaxMemoryTime"
	tooMany   = "password: the stored hash has more iterations than Options.MaxIterations"
	tooCostly = "password: the stored hash has a bcrypt cost above 16"
)

// broken has encodings that are errors, by their cause.
func broken(t *testing.T) map[string][]string {
	const salt, sum = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	of := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt + "$" + sum }
	b, sha256, hex := bcryptHash(t, "secret", bcrypt.MinCost), "$"+salt+"$"+sum, "$salt$"+strings.Repeat("ab", 32)
	identity := func(function, iterations, saltLen uint32, rest int) string {
		v := []byte{1}
		for _, n := range []uint32{function, iterations, saltLen} {
			v = binary.BigEndian.AppendUint32(v, n)
		}
		return base64.StdEncoding.EncodeToString(append(v, make([]byte, rest)...))
	}
	return map[string][]string{
		unknown: {
			" ", "secret", "$", "argon2$", identity(1, 1000, 129, 200), "$$", "x$", "$1$salt$2Ysk8mFv7Xa0CWJjBdnQd1", "$P$B12345678123456789012345678901", "$argon2d$v=19$m=7168,t=1,p=1" + sha256,
			"$2x" + b[3:], "$2" + b[3:], "bcrypt$" + b[:2] + "x" + b[3:], "5f4dcc3b5aa765d61d8327deb882cf99", "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3", "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8",
			"plain$$secret", "pbkdf2:md5:1000" + hex, "pbkdf2:sha256x:1000" + hex, "pbkdf2_sha512$1000$salt$" + sum + "=", base64.StdEncoding.EncodeToString(make([]byte, 13)), base64.StdEncoding.EncodeToString(append([]byte{2}, make([]byte, 60)...)),
		},
		malformed: {
			"$argon2id$", "$argon2i$", "$argon2id$v=16$m=7168,t=1,p=1" + sha256, "$argon2id$m=7168,t=1,p=1" + sha256,
			of("m=4294967295,t=1,p=1"), of("m=99999999999999999999,t=1,p=1"), of("m=7168,t=1,p=256"), of("m=0,t=1,p=1"), of("m=7168,t=0,p=1"), of("m=7168,t=1,p=0"), of("m=7,t=1,p=1"),
			of("m=-1,t=1,p=1"), of("m=+7168,t=1,p=1"), of("m=07168,t=1,p=1"), of("t=1,m=7168,p=1"), of("m=7168,t=1"), of("m=7168,t=1,p=1,x=1"), of("m=7168 ,t=1,p=1"), of("m=,t=,p="),
			of("m=7168,t=1,p=1") + "$", of("m=7168,t=1,p=1") + "\n", of("m=7168,t=1,p=1") + "=", of("m=7168,t=1,p=1") + strings.Repeat("A", 600),
			"$argon2id$v=19$m=7168,t=1,p=1$c2E$" + sum, "$argon2id$v=19$m=7168,t=1,p=1$" + salt + "$c29tZXNhbHQ",
			"$argon2id$v=19$m=7168,t=1,p=1$" + salt + "$", "$argon2id$v=19$m=7168,t=1,p=1$" + salt + "$" + sum[:42] + "d", "$argon2id$v=19$m=7168,t=1,p=1$" + strings.Repeat("A", 176) + "$" + sum,
			"argon2$" + b, "bcrypt$" + of("m=7168,t=1,p=1"), "bcrypt$", "bcrypt_sha256$", "bcrypt_sha256$" + of("m=8,t=1,p=1"),
			"$2a$", b[:59], b + "x", "$2a$03" + b[6:], "$2a$32" + b[6:], "$2a$+4" + b[6:], "$2a$xx" + b[6:], b[:6] + "x" + b[7:], b[:59] + "!", b[:20] + "\n" + b[21:],
			"$bcrypt-sha256$", "$bcrypt-sha256$v=3,t=2b,r=5$SEMgEmwalGu52vSR40Cc9e$7JVKdWk3/V20FoMUVOQuX2To3k/wWl6", "$bcrypt-sha256$v=2,t=2x,r=5$SEMgEmwalGu52vSR40Cc9e$7JVKdWk3/V20FoMUVOQuX2To3k/wWl6",
			"$pbkdf2-sha256$0" + sha256, "$pbkdf2-sha256$-1" + sha256, "$pbkdf2-sha256$01000" + sha256, "$pbkdf2-sha256$9999999999" + sha256, "$pbkdf2-sha256$1000" + sha256 + "$", "$pbkdf2-sha256$1000$$" + sum, "$pbkdf2-sha256$1000$" + salt + "$",
			"$pbkdf2-sha256$1000,l=32" + sha256, "$pbkdf2-sha256$i=1000,l=31" + sha256, "$pbkdf2-sha256$i=1000,l=32,x=1" + sha256, "pbkdf2_sha256$0$salt$" + sum + "=", "pbkdf2_sha256$1000$$" + sum + "=", "pbkdf2_sha256$1000$salt$" + sum, "pbkdf2_sha256$1000$salt$" + sum + "=\n",
			"pbkdf2_sha256$1000$" + strings.Repeat("s", 129) + "$" + sum + "=", "pbkdf2:sha256" + hex, "pbkdf2:sha256:0" + hex, "pbkdf2:sha256:1000:1" + hex, "pbkdf2:sha256:1000$salt$abcd", "pbkdf2:sha256:1000" + hex + "a",
			"$scrypt$ln=4,r=8" + sha256, "$scrypt$ln=0,r=8,p=1" + sha256, "$scrypt$ln=4,p=1,r=8" + sha256, "$scrypt$ln=4,r=0,p=1" + sha256, "scrypt$15$salt$8$1$" + sum + "=", "scrypt$1$salt$8$1$" + sum + "=", "scrypt$16$$8$1$" + sum + "=", "scrypt$16$salt$8$1$" + sum + "=$",
			"scrypt:16:8" + hex, "scrypt:16:8:0" + hex, "scrypt:3:8:1" + hex, "scrypt:16:8:1:1" + hex,
			identity(3, 1000, 16, 48), identity(1, 0, 16, 48), identity(1, 1000, 15, 48), identity(1, 1000, 0, 48), identity(1, 1000, 33, 48), identity(1, 1000, 1<<32-1, 48), identity(1, 1000, 16, 81),
		},
		tooCostly: {"$2a$17" + b[6:], "bcrypt_sha256$$2a$17" + b[6:], "$bcrypt-sha256$v=2,t=2b,r=17$SEMgEmwalGu52vSR40Cc9e$7JVKdWk3/V20FoMUVOQuX2To3k/wWl6"},
		tooLong:   {of("m=131072,t=9,p=1"), of("m=8,t=131073,p=1"), "argon2" + of("m=131072,t=9,p=1"), "$scrypt$ln=17,r=8,p=9" + sha256, "scrypt$131072$salt$8$9$" + sum + "=", "scrypt:131072:8:9" + hex},
		tooMany: {
			"$pbkdf2-sha256$2000001" + sha256, "$pbkdf2$1000001" + sha256, "pbkdf2_sha1$1000001$salt$" + sum + "=", "pbkdf2:sha256:2000001" + hex, "pbkdf2:sha256:2147483647" + hex,
			identity(1, 2000001, 16, 48), identity(1, 1<<32-1, 16, 48), identity(0, 1000001, 16, 48),
		},
		tooLarge: {
			of("m=131073,t=1,p=1"), of("m=2147483647,t=2147483647,p=255"),
			"$scrypt$ln=18,r=8,p=1" + sha256, "$scrypt$ln=31,r=8,p=1" + sha256, "$scrypt$ln=2147483647,r=8,p=1" + sha256, "$scrypt$ln=16,r=2147483647,p=2147483647" + sha256, "$scrypt$ln=30,r=2147483647,p=2147483647" + sha256, "$scrypt$ln=1,r=1,p=2147483647" + sha256, "$scrypt$ln=1,r=1,p=65537" + sha256,
			"scrypt:1073741824:2147483647:2147483647" + hex,
		},
	}
}

// TestBroken: an encoding that cannot be verified is our failure, whose error does not
// contain it, and nothing is allocated for what it asks for.
func TestBroken(t *testing.T) {
	h := hasher(t, nil)
	for cause, encodings := range broken(t) {
		for _, encoded := range encodings {
			var ok, rehash bool
			var err error
			n := allocated(func() { ok, rehash, err = h.Verify(t.Context(), encoded, "password") })
			if ok || rehash || err == nil || err.Error() != cause {
				t.Errorf("Verify(%q) = %t, %t, %v; want %s", encoded, ok, rehash, err, cause)
			}
			if n > 64<<10 && !race.Enabled {
				t.Errorf("Verify(%q) allocates %d bytes", encoded, n)
			}
		}
	}
	_, _, err := h.Verify(t.Context(), "secret", "password")
	if w := refuse(err); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "hash") {
		t.Errorf("%d, %s", w.Code, w.Body)
	}
}

// TestCeiling: what is an error by default is verified where Options admit it, and the
// reverse.
func TestCeiling(t *testing.T) {
	skipUnderRace(t)
	low := hasher(t, func(o *password.Options) { o.MaxMemory, o.MaxMemoryTime, o.MaxIterations = 7168, 7168, 999 })
	high := hasher(t, func(o *password.Options) { o.MaxMemoryTime = 18 * 65536 })
	for _, tt := range []struct{ encoded, pw, cause string }{
		{"pbkdf2_sha1$1000$AbCdEfGhIjKlMnOpQrStUv$pS4f32yatb9o4emxNDB34MxYtAA=", "correct horse", tooMany},
		{"$scrypt$ln=13,r=8,p=1$Vur93/t/T0mp9d4755zTOg$zHv7V0yU81XHTxsTpTtfLH2fsnlL1VMh9pm8NCVcUmg", "x", tooLarge},
		{"$argon2id$v=19$m=1024,t=8,p=3$9UZeNeLC18nVZTvq/IcV7w$YGqkTAVNxNttcdTiNElJAoXoAsb8qZHA8zvAOO935pI", "x", tooLong},
	} {
		if _, _, err := low.Verify(t.Context(), tt.encoded, tt.pw); err == nil || err.Error() != tt.cause {
			t.Errorf("Verify(%s): %v", tt.encoded, err)
		}
		if ok, _, err := high.Verify(t.Context(), tt.encoded, tt.pw); err != nil || ok != (tt.pw != "x") {
			t.Errorf("Verify(%s) = %t, %v", tt.encoded, ok, err)
		}
	}
	const work17 = "$argon2id$v=19$m=65536,t=17,p=4$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if _, _, err := hasher(t, nil).Verify(t.Context(), work17, "x"); err == nil {
		t.Error("17 passes over 64 MiB are within the default")
	}
	verify(t, high, work17, "x", false, false)
}

// FuzzVerify checks that rehash implies ok, that an error is no match, and that no
// encoding takes more than the ceiling.
func FuzzVerify(f *testing.F) {
	for _, tt := range foreign {
		f.Add(tt.encoded, tt.pw)
	}
	for _, s := range []string{
		"", "!", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$2a$04$eImiTXuWVxfM37uY4JANjO5E5qVh5y1i2n4Z1yP1o8r5fV8n3yO1a", "$argon2id$v=19$m=65536,t=2,p=1$$", "$2y$", "$scrypt$ln=30,r=2147483647,p=2147483647$c2FsdA$",
	} {
		f.Add(s, "password")
	}
	h, err := password.New(&password.Options{Memory: 7 * 1024, Time: 1, MaxMemory: 7 * 1024, MaxMemoryTime: 7 * 1024, MaxIterations: 1000})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, encoded, pw string) {
		if isSlowBcrypt(encoded) {
			return // slow, not wrong
		}
		var ok, rehash bool
		var err error
		n := allocated(func() { ok, rehash, err = h.Verify(t.Context(), encoded, pw) })
		if rehash && !ok || ok && err != nil {
			t.Errorf("Verify(%q) = %t, %t, %v", encoded, ok, rehash, err)
		}
		if n > 16<<20 {
			t.Errorf("Verify(%q) allocates %d bytes", encoded, n)
		}
	})
}

// isSlowBcrypt reports whether an encoding may be bcrypt of another cost than 4.
func isSlowBcrypt(encoded string) bool {
	return strings.Contains(encoded, "$2") && !strings.Contains(encoded, "$04$") || strings.Contains(encoded, "bcrypt-sha256") && !strings.Contains(encoded, "r=4")
}
