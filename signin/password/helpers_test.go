package password_test

import (
	"context"
	"net/http/httptest"
	"runtime"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/signin/password"
)

// hasher returns a Hasher with the cheapest parameters that New accepts.
func hasher(t *testing.T, change func(*password.Options)) *password.Hasher {
	t.Helper()
	o := password.Options{Memory: 7 * 1024, Time: 1, MinLength: 6}
	if change != nil {
		change(&o)
	}
	h, err := password.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// skipUnderRace skips a test of one goroutine under the race detector, which makes
// each hash slow and has no race to find.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if race.Enabled {
		t.Skip("nothing to race")
	}
}

// allocated returns how many bytes f allocates, all goroutines included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func everything(context.Context, string) (bool, error) { return true, nil }

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

// bcryptHash returns a hash of any cost, which New would not accept.
func bcryptHash(t *testing.T, pw string, cost int) string {
	t.Helper()
	b, err := bcrypt.GenerateFromPassword([]byte(pw), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func refuse(err error) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	guard.Refuse(w, httptest.NewRequest("POST", "/login", nil), err)
	return w
}
