package password_test

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/go-guard/guard/signin/password"
)

// long is the password of Django's test of bcrypt_sha256, of 100 bytes.
const long = "VSK0UYV6FFQVZ0KG88DYN9WADAADZO1CTSIVDJUNZSUML6IBX7LN7ZS3R5JGB3RGZ7VI7G7DJQ9NI8BQFSRPTG6UWTTVESA5ZPUN"

// foreign has hashes of other programs: from their own tests and manuals, and others
// that these versions of them made.
var foreign = []struct{ source, pw, encoded string }{
	{"Django, tests/auth_tests/test_hashers.py", "lètmein", "pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c="},
	{"Django, tests/auth_tests/test_hashers.py", "lètmein", "pbkdf2_sha1$390000$seasalt2$aDapRanzW8aHTz97v2TcfHzWD+I="},
	{"Django, tests/auth_tests/test_hashers.py", "lètmein",
		"scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw=="},
	{"Django, tests/auth_tests/test_hashers.py", "secret", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q"},
	{"Django, tests/auth_tests/test_hashers.py", "secret", "argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw"},
	{"Django 3.2.25", "correct horse", "bcrypt$$2b$04$jUh3Lz7/OqMWxyCaKowZvu.vg6U3RCS2xTG8xXdWLd/tA9BEgzZIG"},
	{"Django 3.2.25", "correct horse", "bcrypt_sha256$$2b$04$BZsvXQhHfn3FRY.Rto9mQeiTW/DlcFf8SbU2bR3f3oTnsyxzhuU5i"},
	{"Django 3.2.25", long, "bcrypt_sha256$$2b$04$awSDJ2tXakhaNBEzj07noewSDdZZLaHFiHWMnhRLzyDiQZW.ykPva"},
	{"Django 3.2.25, with the 1,200,000 of Django 6.0", "correct horse", "pbkdf2_sha256$1200000$AbCdEfGhIjKlMnOpQrStUv$1xOwob+D94oyHe+xw0DrOdkeAJaBTQvsiSSKaFXx8nQ="},
	{"ASP.NET Core, PasswordHasherTest.cs, version 2", "my password", "ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A=="},
	{"ASP.NET Core, PasswordHasherTest.cs, version 2", "my password", "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg=="},
	{"ASP.NET Core, PasswordHasherTest.cs, SHA-256, 10000", "my password", "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw=="},
	{"ASP.NET Core, PasswordHasherTest.cs, SHA-512, 50", "my password", "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw"},
	{"ASP.NET Core, PasswordHasherTest.cs, a sum of 64 bytes", "my password",
		"AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAfZ8v+ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw=="},
	{"ASP.NET Core, PasswordHasherTest.cs, SHA-1", "my password", "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M"},
	{"ASP.NET Core, PasswordHasherTest.cs, 250000", "my password",
		"AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ="},
	{"werkzeug 3.1.8, its default", "correct horse",
		"scrypt:32768:8:1$MoArHgHtLto9ksNi$b5535963e32d61368d23ac44e973b25b850b18ecbafdba28a398af9dcc710e4a95c7808fef7dd692545f9e202a420735f0286dd49a30e7a340fcdc82d1165e8d"},
	{"werkzeug 3.1.8", "correct horse",
		"scrypt:16:4:3$tbKqNYGE5WwT3fZo$6452f99694e68c8fa42678c828fe967a468cee4c6121b63aec5dfd93168d419942f6153e1ab1a3998a2c25058e39b3b3bc4d06afde11627e654b33d41a04ac67"},
	{"werkzeug 3.1.8", "correct horse", "pbkdf2:sha256:1000$tDkS2UJTCstSZAZG$7a9b897830617b0475cfe88370ff5ecdb4de63b12b78d3b4da516f3939eb065d"},
	{"werkzeug 3.1.8", "correct horse", "pbkdf2:sha1:1000$z9yqPYCplAV4l8Fm$20ecfc2ccc109a956db6008cc97f133cbba6c647"},
	{"werkzeug 3.1.8", "correct horse",
		"pbkdf2:sha512:1000$zwTiAEkjnYmSh1rq$5a0874930ccdff9bcd992ca5dd0909b2f88a572d6701025d99bc762fb082ecadcd9dc37d482b252d5f090c56d9149e730161af1b8bdf94697ce61011693548bf"},
	{"passlib, manual of pbkdf2_sha256", "password", "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M"},
	{"passlib 1.7.4, its default", "correct horse", "$pbkdf2-sha256$29000$7Z3zfi.F0FoLYUxp7V0LwQ$s65nnACDbxhaykM40j63qmIOKM.F7M.DaHXdzi.fe1Y"},
	{"passlib 1.7.4", "correct horse", "$pbkdf2$1000$AqDUGiOkFMI4J0RoTam19g$wyUemrDYBe6MiWSsDyDcIx72Jc8"},
	{"passlib 1.7.4", "correct horse",
		"$pbkdf2-sha512$1000$z3lvTWkthfBeSylF6J1TKg$msAhi3K/Mj90eemJb/lDenTSc.vfFqOa5h/YjuG1hR7rUIiUhUIv1U1.LbM9LKGkRz85MAEHLwpAZVeUOpq6Fw"},
	{"the same with the parameters of a PHC string", "correct horse", "$pbkdf2-sha256$i=29000,l=32$7Z3zfi+F0FoLYUxp7V0LwQ$s65nnACDbxhaykM40j63qmIOKM+F7M+DaHXdzi+fe1Y"},
	{"passlib, manual of scrypt", "password", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"},
	{"passlib 1.7.4, with OWASP's 128 MiB", "correct horse", "$scrypt$ln=17,r=8,p=1$KIXQuheCUIoxRkgppbR2jg$Viu5QSVdPbnCzQv0Fo2YpoBLxb6v5CmvY9C45/ZPQkY"},
	{"passlib 1.7.4", "correct horse", "$scrypt$ln=4,r=8,p=1$Vur93/t/T0mp9d4755zTOg$zHv7V0yU81XHTxsTpTtfLH2fsnlL1VMh9pm8NCVcUmg"},
	{"passlib 1.7.4, version 1", "correct horse", "$bcrypt-sha256$2b,5$0xFmLpqjzOdgtxtoH0S8.O$LEdXwzp8AsHsvbrbQQAUs2UkEqilUJi"},
	{"passlib 1.7.4", "correct horse", "$bcrypt-sha256$v=2,t=2b,r=5$SEMgEmwalGu52vSR40Cc9e$7JVKdWk3/V20FoMUVOQuX2To3k/wWl6"},
	{"passlib, manual of argon2", "password", "$argon2i$v=19$m=512,t=2,p=2$aI2R0hpDyLm3ltLa+1/rvQ$LqPKjd6n8yniKtAithoR7A"},
	{"argon2-cffi 21.1", "correct horse", "$argon2i$v=19$m=1024,t=2,p=3$bdtf8fB46M9ekJnVv+/epg$8kQg57G4vAKGP5W8h7I4t76WDlkAuYvPE4mku11W4D8"},
	{"argon2-cffi 21.1", "correct horse", "$argon2id$v=19$m=1024,t=2,p=3$9UZeNeLC18nVZTvq/IcV7w$YGqkTAVNxNttcdTiNElJAoXoAsb8qZHA8zvAOO935pI"},
	{"PHP, manual of password_verify", "rasmuslerdorf", "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"},
	{"bcryptjs 3.0.3", "correct horse", "$2b$04$3kiRSZU.iP.AnPG1v5R7Wey2.OaMgDohaoYxPJPEnnmCYr101IsdS"},
}

// TestForeign: hashes of other programs are verified in their published forms, and
// are to be replaced.
func TestForeign(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	for _, tt := range foreign {
		t.Run(tt.source, func(t *testing.T) {
			t.Parallel()
			verify(t, h, tt.encoded, tt.pw, true, true)
			verify(t, h, tt.encoded, tt.pw+"z", false, false)
		})
	}
}

// TestIdentityFailures has the failures of ASP.NET Core's PasswordHasherTest.cs. Those
// that it calls too short or too long for version 2 are broken, and our failure.
func TestIdentityFailures(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	for encoded, isBroken := range map[string]bool{
		"AAABAgMEBQYHCAkKCwwNDg+uAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAALtH1uJg==":             false,
		"AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggE=":                                     true,
		"AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJgAAAAAAAAAAAAA=": true,
		"AQAAAAAAAAD6AAAAEAhftMyfTJyAAAAAAAAAAAAAAAAAAAih5WsjXaR3PA9M":                     false,
		"AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4A=":                                     true,
		"AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHwAAAAAAAAAAAA":         false,
	} {
		ok, rehash, err := h.Verify(t.Context(), encoded, "my password")
		if ok || rehash || (err != nil) != isBroken {
			t.Errorf("Verify(%s) = %t, %t, %v", encoded, ok, rehash, err)
		}
	}
}

// TestForeignForm: a hash with the parameters of Hash in Django's form is replaced too.
func TestForeignForm(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	encoded := hash(t, h, "correct horse")
	verify(t, h, encoded, "correct horse", true, false)
	verify(t, h, "argon2"+encoded, "correct horse", true, true)
	slow := hasher(t, func(o *password.Options) { o.BcryptCost = 10 })
	encoded = hash(t, slow, "correct horse")
	verify(t, slow, encoded, "correct horse", true, false)
	verify(t, slow, "bcrypt$"+encoded, "correct horse", true, true)
}

// TestUnusable: a hash that no password matches is a wrong password, and none of our
// failures.
func TestUnusable(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	locked := "!" + hash(t, h, "correct horse")
	for _, encoded := range []string{"", "!", "!!", "*", "*LK*", "!*", "*0", "!jaMDCpFdTLKOffR6cwu45OYutXQwBCicg2QroE9q", locked, "!" + strings.Repeat("x", 1<<20)} {
		for _, pw := range []string{"correct horse", "", encoded} {
			verify(t, h, encoded, pw, false, false)
			if n := allocated(func() { verify(t, h, encoded, pw, false, false) }); n < 7<<20 {
				t.Errorf("%.10q takes %d bytes, and so less work than a current hash", encoded, n)
			}
		}
	}
}

// TestOldTakesNoLessWork: the work of an old hash is followed by that of a current one,
// whose 7 MiB a PBKDF2 of one iteration does not take.
func TestOldTakesNoLessWork(t *testing.T) {
	skipUnderRace(t)
	h := hasher(t, nil)
	const quick = "pbkdf2_sha256$1000$AbCdEfGhIjKlMnOpQrStUv$nUE03thWfOiV46DAqteSej5Vv8sUGw4nkINzCTUCicc="
	for pw, right := range map[string]bool{"correct horse": true, "battery staple": false, "": false} {
		if n := allocated(func() { verify(t, h, quick, pw, right, right) }); n < 7<<20 {
			t.Errorf("%q takes %d bytes", pw, n)
		}
	}
	if n := allocated(func() { verify(t, h, hash(t, h, "correct horse"), "x", false, false) }); n > 15<<20 {
		t.Errorf("a current hash takes %d bytes, and so the work of two", n)
	}
}

// TestTruncated: a bcrypt hash of the first 72 bytes matches the whole password.
func TestTruncated(t *testing.T) {
	skipUnderRace(t)
	argon, slow := hasher(t, nil), hasher(t, func(o *password.Options) { o.BcryptCost = 10 })
	const encoded = "$2b$04$bZHzlrWvDw4YPUtNc5AT9OWVfkfI3MIDVDNKPqoCMSqgd2fKld6ve" // bcrypt 3.2.2, which truncates
	for _, pw := range []string{long, long[:72], long[:72] + "x"} {
		verify(t, argon, encoded, pw, true, true)
		verify(t, slow, encoded, pw, true, len(pw) <= 72) // bcrypt could not hold more
		verify(t, argon, "bcrypt$"+encoded, pw, true, true)
	}
	for _, pw := range []string{long[:71], "x" + long[1:], long[:71] + "x", strings.Repeat(long, 11)[:1025]} {
		verify(t, argon, encoded, pw, false, false)
	}
	fresh, err := argon.Rehash(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, argon, fresh, long, true, false)
	verify(t, argon, fresh, long[:72], false, false)
	verify(t, slow, fresh, long, true, false) // a hash that holds it is kept
	if _, err := bcrypt.GenerateFromPassword([]byte(long), bcrypt.MinCost); err == nil {
		t.Error("bcrypt holds it")
	}
}

// TestShortRehash: an old password of any length is verified and hashed again.
func TestShortRehash(t *testing.T) {
	skipUnderRace(t)
	refuseAll := func(o *password.Options) { o.Refuse = everything }
	h := hasher(t, refuseAll)
	verify(t, h, bcryptHash(t, "abc", bcrypt.MinCost), "abc", true, true)
	encoded, err := h.Rehash(t.Context(), "abc")
	if err != nil {
		t.Fatal(err)
	}
	verify(t, h, encoded, "abc", true, false)
}
