package apikey_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/source"
)

func TestNewRingErrors(t *testing.T) {
	short := []byte("short")
	_, err := apikey.NewRing(&apikey.RingOptions{
		Prefix: "A_", Env: "li_ve", Pepper: short, OldPeppers: []guard.Secret{short, nil}, Realm: "\n", Sources: []source.Source{{}},
	})
	for _, want := range []string{"prefix", "env", "32 bytes", "twice", "realm", "zero Source"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %s", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "short") {
		t.Error("the error holds the pepper")
	}
	if _, err := apikey.NewRing(nil); err != nil {
		t.Error(err)
	}
}

// TestUnsetPepper: an environment variable that is not set is a mistake, not a ring
// without a pepper, and not one that accepts the keys of before.
func TestUnsetPepper(t *testing.T) {
	unset, pepper := []byte(os.Getenv("GUARD_TEST_UNSET")), []byte(strings.Repeat("p", 32))
	for name, opts := range map[string]apikey.RingOptions{
		"Pepper": {Pepper: unset}, "OldPeppers": {Pepper: pepper, OldPeppers: []guard.Secret{unset}},
	} {
		if _, err := apikey.NewRing(&opts); err == nil || !strings.Contains(err.Error(), "a pepper of 0 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPepperOfZeros: a pepper that was made and never filled keeps no digest secret.
func TestPepperOfZeros(t *testing.T) {
	zeros, pepper := make([]byte, 32), []byte(strings.Repeat("p", 32))
	for name, opts := range map[string]apikey.RingOptions{
		"Pepper": {Pepper: zeros}, "OldPeppers": {Pepper: pepper, OldPeppers: []guard.Secret{zeros}},
	} {
		if _, err := apikey.NewRing(&opts); err == nil || !strings.Contains(err.Error(), "a pepper has zeros only") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A ring and an application's own lookup share a header: the ring handles the
// keys with its prefix, the lookup all others.
func TestSharedHeader(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{})
	byID := func(_ context.Context, id string) (user, bool, error) {
		if id != "1" {
			return user{}, false, nil
		}
		return user{"1", "Alice of the ring"}, true, nil
	}
	step := guard.Require[user](guard.BySubject(ring, byID), guard.Must(apikey.New(byKey, nil)))
	key, rec := issue(t, ring, apikey.Grant{Subject: "1"})
	deleted, _ := issue(t, ring, apikey.Grant{Subject: "9"})
	for _, tt := range []struct {
		name, key string
		want      int
		body      string
	}{
		{"none", "", 401, e(401, "API key required")},
		{"the ring's", key, 200, "Alice of the ring"},
		{"the lookup's", "key_67890", 200, "Bob"},
		{"unknown", "key_0", 401, e(401, "Invalid API key")},
		{"a bad one of the ring's", key[:59] + "!", 401, e(401, "Invalid API key")},
		{"a forged one of the ring's", apikey.ForgeKey(rec.ID), 401, e(401, "Invalid API key")},
		{"of a deleted user", deleted, 401, e(401, "Invalid API key")},
	} {
		r := request()
		if tt.key != "" {
			r.Header.Set("X-API-Key", tt.key)
		}
		w, _ := serve(t, step, r)
		if w.Code != tt.want || w.Body.String() != tt.body {
			t.Errorf("%s: %d %s, want %d %s", tt.name, w.Code, w.Body, tt.want, tt.body)
		}
	}
	// Alone, the ring distinguishes a key of another ring from no key.
	if status, message, _ := answer(t, ring, request("X-API-Key", "key_12345")); status != 401 || message != "Invalid API key" {
		t.Errorf("a key without the prefix: %d %q", status, message)
	}
	w, _ := serve(t, step, request("X-API-Key", key, "X-API-Key", "key_12345"))
	if w.Code != 400 {
		t.Errorf("two keys: %d", w.Code)
	}
}

// A ring shares "Bearer" with other tokens.
func TestSharedBearer(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Sources: []source.Source{source.Authorization("Bearer"), source.Header("X-API-Key")}})
	key, _ := issue(t, ring, apikey.Grant{})
	if _, err := ring.Authenticate(request("Authorization", "Bearer eyJhbGciOi.e30.x")); !errors.Is(err, guard.ErrNoCredentials) {
		t.Errorf("another's token: %v", err)
	}
	if _, err := ring.Authenticate(request("Authorization", "Bearer")); !errors.Is(err, guard.ErrNoCredentials) {
		t.Errorf("a malformed token: %v", err)
	}
	if rec, err := ring.Authenticate(request("Authorization", "Bearer "+key)); err != nil || rec.Sub() != "1" {
		t.Errorf("a key: %v", err)
	}
	// A token of another's is no second credential of the ring's.
	if rec, err := ring.Authenticate(request("Authorization", "Bearer eyJhbGciOi.e30.x", "X-API-Key", key)); err != nil || rec.Sub() != "1" {
		t.Errorf("a key beside another's token: %v", err)
	}
	if rec, err := ring.Authenticate(request("Authorization", "Bearer "+key, "X-API-Key", key)); err != nil || rec.Sub() != "1" {
		t.Errorf("one key in two fields: %v", err)
	}
	if _, err := ring.Authenticate(request("Authorization", "Bearer "+key, "X-API-Key", key+"x")); statusOf(err) != 400 {
		t.Errorf("two keys: %v", err)
	}
}
