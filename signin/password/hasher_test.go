package password_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/go-guard/guard/signin/password"
)

func TestOptions(t *testing.T) {
	_, err := password.New(&password.Options{Memory: 7167, Time: 17, Threads: 17, BcryptCost: 9, MinLength: 65, MaxMemory: 7166, MaxMemoryTime: 7167, MaxIterations: 1 << 31, Parallel: -1})
	if err == nil || strings.Count(err.Error(), "\n") != 8 {
		t.Errorf("not all mistakes are reported: %v", err)
	}
	for _, o := range []password.Options{{Memory: 65537}, {BcryptCost: 17}, {BcryptCost: -1}, {MinLength: -1}, {MaxMemory: 1<<20 + 1}, {MaxMemoryTime: 19455}, {Memory: 65536, MaxMemory: 65535}, {Wait: -1}} {
		if h, err := password.New(&o); err == nil || h != nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	if _, err := password.New(nil); err != nil {
		t.Error(err)
	}
}

func TestVerify(t *testing.T) {
	skipUnderRace(t)
	argon, other := hasher(t, nil), hasher(t, func(o *password.Options) { o.Time = 2 })
	slow := hasher(t, func(o *password.Options) { o.BcryptCost = 10 })
	a, b, old := hash(t, argon, "secret"), hash(t, slow, "secret"), bcryptHash(t, "secret", bcrypt.MinCost)
	if a == hash(t, argon, "secret") {
		t.Error("no salt")
	}
	tests := []struct {
		name       string
		h          *password.Hasher
		encoded    string
		ok, rehash bool
	}{
		{"the same parameters", argon, a, true, false},
		{"other parameters", other, a, true, true},
		{"bcrypt by argon2id", argon, b, true, true},
		{"argon2id by bcrypt", slow, a, true, true},
		{"bcrypt", slow, b, true, false},
		{"bcrypt with a lower cost", slow, old, true, true},
		{"2y", argon, "$2y$" + old[4:], true, true},
		{"2b", argon, "$2b$" + old[4:], true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			verify(t, tt.h, tt.encoded, "secret", tt.ok, tt.rehash)
			verify(t, tt.h, tt.encoded, "secreT", false, false) // rehash implies ok
			verify(t, tt.h, tt.encoded, "", false, false)
		})
	}
	// From the reference implementation's own test vectors.
	verify(t, argon, "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", true, true)
}

func TestLength(t *testing.T) {
	skipUnderRace(t)
	argon := hasher(t, nil)
	slow := hasher(t, func(o *password.Options) { o.BcryptCost = 10 })
	long := strings.Repeat("x", password.MaxLength)
	for _, tt := range []struct {
		h    *password.Hasher
		pw   string
		want error
	}{
		{argon, "", password.ErrLength}, {argon, long, nil}, {argon, long + "x", password.ErrLength},
		{slow, "", password.ErrLength}, {slow, long[:72], nil}, {slow, long[:73], password.ErrLength},
	} {
		if _, err := tt.h.Hash(t.Context(), tt.pw); !errors.Is(err, tt.want) {
			t.Errorf("Hash of %d bytes: %v, want %v", len(tt.pw), err, tt.want)
		}
	}
	a := hash(t, argon, long)
	verify(t, argon, a, long, true, false)
	verify(t, argon, a, long+"x", false, false)
}

// The dummy for an unknown user is well formed and has the parameters of a real
// hash. Verifying a malformed one would take no time.
func TestDummy(t *testing.T) {
	skipUnderRace(t)
	for name, h := range map[string]*password.Hasher{
		"argon2id": hasher(t, func(o *password.Options) { o.Time, o.Threads = 3, 2 }),
		"bcrypt":   hasher(t, func(o *password.Options) { o.BcryptCost = 10 }),
	} {
		dummy, known := h.Dummy(), hash(t, h, "secret")
		if len(dummy) != len(known) || dummy[:7] != known[:7] {
			t.Errorf("%s: the dummy is %s, a hash %s", name, dummy, known)
		}
		if name == "bcrypt" {
			if cost, err := bcrypt.Cost([]byte(dummy)); cost != 10 || err != nil {
				t.Errorf("the dummy's cost is %d, %v", cost, err)
			}
			if err := bcrypt.CompareHashAndPassword([]byte(dummy), []byte("x")); err != bcrypt.ErrMismatchedHashAndPassword {
				t.Errorf("the dummy is not compared: %v", err)
			}
		}
		verify(t, h, "", "secret", false, false)
		verify(t, h, dummy, "secret", false, false)
	}
}
