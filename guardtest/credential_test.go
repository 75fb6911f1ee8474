package guardtest_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/session"
)

// TestSessionIsLikeAManagers: what a handler reads from a session does not differ
// from a manager's.
func TestSessionIsLikeAManagers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sessions := guard.Must(session.New[profile](nil))
		want, err := sessions.Create(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil), "1", profile{"Alice"})
		if err != nil {
			t.Fatal(err)
		}
		got := guardtest.Session("1", profile{"Alice"})
		if got.Sub() != "1" || got.Data() != want.Data() {
			t.Errorf("subject %q, data %v", got.Sub(), got.Data())
		}
		if !got.AuthTime().Equal(want.AuthTime()) || !got.LastSeen().Equal(want.LastSeen()) || !got.Deadline().Equal(want.Deadline()) {
			t.Errorf("times %v, %v, %v; want %v, %v, %v",
				got.AuthTime(), got.LastSeen(), got.Deadline(), want.AuthTime(), want.LastSeen(), want.Deadline())
		}
		if len(got.ID()) != len(want.ID()) || got.ID() == guardtest.Session("1", profile{}).ID() {
			t.Errorf("ID %q is not random", got.ID())
		}
		if s := fmt.Sprint(got); !strings.Contains(s, got.ID()) || strings.Contains(s, "Alice") {
			t.Errorf("printed: %s", s)
		}
	})
}

func TestSessionSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		tests := []struct {
			name     string
			age      time.Duration
			deadline time.Duration // from now
		}{
			{"new", 0, 30 * time.Minute},
			{"an hour", time.Hour, 30 * time.Minute},
			{"near the absolute timeout", 12*time.Hour - time.Minute, time.Minute},
		}
		for _, tt := range tests {
			s := guardtest.SessionSince("1", struct{}{}, now.Add(-tt.age))
			if !s.AuthTime().Equal(now.Add(-tt.age)) || !s.LastSeen().Equal(now) || !s.Deadline().Equal(now.Add(tt.deadline)) {
				t.Errorf("%s: signed in %v ago, seen %v ago, ends in %v", tt.name, now.Sub(s.AuthTime()), now.Sub(s.LastSeen()), s.Deadline().Sub(now))
			}
		}
	})
}

// TestSessionFactors: a handler that wants a second factor reads AMR.
func TestSessionFactors(t *testing.T) {
	if got := guardtest.Session("1", 0, "pwd", "otp").AMR(); !slices.Equal(got, []string{"pwd", "otp"}) {
		t.Errorf("%q", got)
	}
	if got := guardtest.SessionSince("1", 0, time.Now()).AMR(); got != nil {
		t.Errorf("%q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a factor that Create would refuse")
		}
	}()
	guardtest.Session("1", 0, "two words")
}

// TestSessionIsInNoStore: a manager changes no session that was not created.
func TestSessionIsInNoStore(t *testing.T) {
	sessions := guard.Must(session.New[profile](nil))
	_, err := sessions.Update(t.Context(), guardtest.Session("1", profile{"Alice"}), func(p *profile) error {
		if p.Name != "Alice" {
			t.Errorf("Update has %v", *p)
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "Invalid session") {
		t.Errorf("Update: %v", err)
	}
}

// TestTokenIsLikeAVerifiers: what a handler reads from a token does not differ from
// a verifier's.
func TestTokenIsLikeAVerifiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type claims struct {
			Role  string `json:"role"`
			Scope string `json:"scope"`
		}
		issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), nil))
		tokens, err := issuer.Issue("1", claims{"admin", "a b"})
		if err != nil {
			t.Fatal(err)
		}
		want, err := issuer.Verifier().Verify(t.Context(), tokens.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		got := guardtest.Token("1", claims{"admin", "a b"}, "a", "b")
		if got.Sub() != want.Sub() || got.Claims != want.Claims || !slices.Equal(got.Scopes(), want.Scopes()) {
			t.Errorf("subject %q, claims %v, scopes %q", got.Sub(), got.Claims, got.Scopes())
		}
		if !got.IssuedAt.Equal(want.IssuedAt) || !got.ExpiresAt.Equal(want.ExpiresAt) || got.ExpiresAt.Location() != time.UTC {
			t.Errorf("issued %v, expires %v; want %v, %v", got.IssuedAt, got.ExpiresAt, want.IssuedAt, want.ExpiresAt)
		}
		if len(got.ID) != len(want.ID) || got.ID == guardtest.Token("1", claims{}).ID {
			t.Errorf("ID %q is not random", got.ID)
		}
	})
}

// TestValuesAreDecoded: as in production, a handler sees what JSON makes of a
// value, and no memory of the test's.
func TestValuesAreDecoded(t *testing.T) {
	claims := map[string]any{"n": 1}
	token, s := guardtest.Token("1", claims), guardtest.Session("1", claims)
	claims["n"] = 2
	if n := token.Claims["n"]; n != 1.0 {
		t.Errorf("claim %v of type %T", n, n)
	}
	if n := s.Data()["n"]; n != 1.0 {
		t.Errorf("data %v of type %T", n, n)
	}
}
