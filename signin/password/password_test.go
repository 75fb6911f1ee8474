package password_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/signin/password"
)

// hasher is as cheap as is accepted.
func hasher(t *testing.T, change func(*password.Options)) *password.Hasher {
	t.Helper()
	o := password.Options{Memory: 7 * 1024, Time: 1}
	if change != nil {
		change(&o)
	}
	h, err := password.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// alone skips a test of one goroutine under the race detector, which would take
// its time over each hash and find nothing.
func alone(t *testing.T) {
	t.Helper()
	if race.Enabled {
		t.Skip("nothing to race")
	}
}

func hash(t *testing.T, h *password.Hasher, pw string) string {
	t.Helper()
	encoded, err := h.Hash(t.Context(), pw)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func verify(t *testing.T, h *password.Hasher, encoded, pw string, ok, rehash bool) {
	t.Helper()
	gotOK, gotRehash, err := h.Verify(t.Context(), encoded, pw)
	if err != nil || gotOK != ok || gotRehash != rehash {
		t.Errorf("Verify(%.14s…, %.10q) = %t, %t, %v; want %t, %t", encoded, pw, gotOK, gotRehash, err, ok, rehash)
	}
}

func bcrypted(t *testing.T, pw string, cost int) string {
	t.Helper()
	b, err := bcrypt.GenerateFromPassword([]byte(pw), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDefaults(t *testing.T) {
	alone(t)
	encoded, err := password.Hash(t.Context(), "secret")
	if err != nil || !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("Hash = %q, %v", encoded, err)
	}
	for _, tt := range []struct {
		encoded, pw string
		ok          bool
	}{{encoded, "secret", true}, {encoded, "Secret", false}, {"", "secret", false}, {"", "", false}} {
		ok, rehash, err := password.Verify(t.Context(), tt.encoded, tt.pw)
		if ok != tt.ok || rehash || err != nil {
			t.Errorf("Verify(%.10s, %q) = %t, %t, %v", tt.encoded, tt.pw, ok, rehash, err)
		}
	}
}

func TestVerify(t *testing.T) {
	alone(t)
	argon, other := hasher(t, nil), hasher(t, func(o *password.Options) { o.Time = 2 })
	slow := hasher(t, func(o *password.Options) { o.BcryptCost = 10 })
	a, b, old := hash(t, argon, "secret"), hash(t, slow, "secret"), bcrypted(t, "secret", bcrypt.MinCost)
	if a == hash(t, argon, "secret") {
		t.Error("no salt")
	}
	tests := []struct {
		name       string
		h          *password.Hasher
		encoded    string
		ok, rehash bool
	}{
		{"its own", argon, a, true, false},
		{"of other parameters", other, a, true, true},
		{"bcrypt by argon2id", argon, b, true, true},
		{"argon2id by bcrypt", slow, a, true, true},
		{"bcrypt", slow, b, true, false},
		{"bcrypt of a lower cost", slow, old, true, true},
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
	alone(t)
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
		if _, err := tt.h.Hash(t.Context(), tt.pw); err != tt.want {
			t.Errorf("Hash of %d bytes: %v, want %v", len(tt.pw), err, tt.want)
		}
	}
	// bcrypt ignores what is behind 72 bytes, so that a prefix would do.
	b := bcrypted(t, long[:72], bcrypt.MinCost)
	verify(t, argon, b, long[:72], true, true)
	verify(t, argon, b, long[:73], false, false)
	verify(t, argon, b, long[:71]+"y", false, false)
	a := hash(t, argon, long)
	verify(t, argon, a, long, true, false)
	verify(t, argon, a, long+"x", false, false)
}

// The work for an unknown user is that for a known one: it is well formed, and
// of the same parameters. An ill-formed one would cost nothing.
func TestDummy(t *testing.T) {
	alone(t)
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

func TestMalformed(t *testing.T) {
	h := hasher(t, nil)
	const salt, sum = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	of := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt + "$" + sum }
	b := bcrypted(t, "secret", bcrypt.MinCost)
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

func refuse(err error) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	guard.Refuse(w, httptest.NewRequest("POST", "/login", nil), err)
	return w
}

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hasher(t, func(o *password.Options) { o.Parallel = 1 })
		encoded := hash(t, h, "secret")
		release := h.Occupy()
		start := time.Now()
		_, hashErr := h.Hash(t.Context(), "secret")
		ok, rehash, err := h.Verify(t.Context(), encoded, "secret")
		if time.Since(start) != 2*time.Second {
			t.Errorf("waited %v", time.Since(start))
		}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, _, goneErr := h.Verify(gone, "", "secret")
		_, _, againErr := h.Verify(gone, "", "secret")
		for _, err := range []error{hashErr, err, goneErr, againErr} {
			if w := refuse(err); ok || rehash || !errors.Is(err, password.ErrBusy) || w.Code != http.StatusServiceUnavailable {
				t.Errorf("%t, %t, %d, %v", ok, rehash, w.Code, err)
			}
		}
		if !errors.Is(goneErr, context.Canceled) {
			t.Errorf("%v does not say that the client left", goneErr)
		}
		time.AfterFunc(time.Second/2, release)
		verify(t, h, encoded, "secret", true, false) // waited for its turn
		verify(t, h, encoded, "secret", true, false) // and gave its room back
	})
}

func TestOptions(t *testing.T) {
	_, err := password.New(&password.Options{Memory: 7167, Time: 17, Threads: 17, BcryptCost: 9, Parallel: -1})
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("not all mistakes are reported: %v", err)
	}
	for _, o := range []password.Options{{Memory: 65537}, {BcryptCost: 17}, {BcryptCost: -1}, {Wait: -1}} {
		if h, err := password.New(&o); err == nil || h != nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	if _, err := password.New(nil); err != nil {
		t.Error(err)
	}
}

// More callers than room: they take turns, and each gets the right answer.
func TestTurns(t *testing.T) {
	h := hasher(t, func(o *password.Options) { o.Parallel, o.Wait = 2, time.Minute })
	encoded := hash(t, h, "secret")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			pw := []string{"secret", "other"}[i%2]
			if ok, rehash, err := h.Verify(t.Context(), encoded, pw); ok != (i%2 == 0) || rehash || err != nil {
				t.Errorf("%s: %t, %t, %v", pw, ok, rehash, err)
			}
		})
	}
	wg.Wait()
}
