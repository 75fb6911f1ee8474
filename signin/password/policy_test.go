package password_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

// TestPolicy: a form can show why Hash refuses a password.
func TestPolicy(t *testing.T) {
	skipUnderRace(t)
	list, err := password.ReadList(strings.NewReader("password1\ncorrect horse\n"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*password.Options)) *password.Hasher {
		return hasher(t, func(o *password.Options) {
			o.MinLength, o.Refuse = 0, list
			change(o)
		})
	}
	argon := with(func(*password.Options) {})
	slow, strict := with(func(o *password.Options) { o.BcryptCost = 10 }), with(func(o *password.Options) { o.MinLength = 15 })
	for _, tt := range []struct {
		h                 *password.Hasher
		pw, code, message string
	}{
		{argon, "", "password_too_short", "Choose a password of at least 8 characters"},
		{argon, "1234567", "password_too_short", "Choose a password of at least 8 characters"},
		{argon, "12345678", "", ""},
		{argon, "пароль", "password_too_short", "Choose a password of at least 8 characters"}, // of 12 bytes
		{argon, "паролька", "", ""},
		{argon, "\U0001f600\U0001f600", "password_too_short", "Choose a password of at least 8 characters"},
		{argon, "1234567\xff", "", ""},
		{strict, "fourteen bytes", "password_too_short", "Choose a password of at least 15 characters"},
		{strict, "fifteen bytes 5", "", ""},
		{argon, strings.Repeat("x", 1024), "", ""},
		{argon, strings.Repeat("x", 1025), "password_too_long", "Choose a password of at most 1024 bytes"},
		{slow, strings.Repeat("x", 73), "password_too_long", "Choose a password of at most 72 bytes"},
		{argon, "password1", "password_refused", "This password is too easy to guess. Choose another one"},
		{argon, "Password1", "password_refused", "This password is too easy to guess. Choose another one"},
	} {
		encoded, err := tt.h.Hash(t.Context(), tt.pw)
		if tt.code == "" {
			if err != nil || encoded == "" {
				t.Errorf("%.10q: %v", tt.pw, err)
			}
			continue
		}
		e, _ := errors.AsType[*guard.Error](err)
		if e == nil || encoded != "" || e.Status != http.StatusUnprocessableEntity || e.Code != tt.code || e.Message != tt.message {
			t.Fatalf("%.10q: %q, %+v", tt.pw, encoded, e)
		}
		if errors.Is(err, password.ErrLength) != strings.HasPrefix(tt.code, "password_too_") {
			t.Errorf("%.10q: ErrLength: %v", tt.pw, err)
		}
		w := refuse(err)
		var body struct{ Message string }
		if json.Unmarshal(w.Body.Bytes(), &body) != nil || w.Code != http.StatusUnprocessableEntity || body.Message != tt.message {
			t.Errorf("%.10q: %d, %s", tt.pw, w.Code, w.Body)
		}
		if tt.pw != "" && strings.Contains(err.Error(), tt.pw) {
			t.Errorf("the error contains the password: %v", err)
		}
	}
}

// TestRefuseFails: a list that cannot be read is our failure, and a refusal of the
// application's own is one.
func TestRefuseFails(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
	}{
		{errors.New("disk"), http.StatusInternalServerError},
		{context.DeadlineExceeded, http.StatusServiceUnavailable},
		{&guard.Error{Status: http.StatusUnprocessableEntity, Message: "Not your name"}, http.StatusUnprocessableEntity},
	} {
		h := hasher(t, func(o *password.Options) {
			o.Refuse = func(context.Context, string) (bool, error) { return false, tt.err }
		})
		encoded, err := h.Hash(t.Context(), "correct horse")
		if encoded != "" || !errors.Is(err, tt.err) || refuse(err).Code != tt.status {
			t.Errorf("%q, %v", encoded, err)
		}
	}
}
