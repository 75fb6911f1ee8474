package jwtauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

type profile struct {
	Email string `json:"email"`
	Role  string `json:"role"`
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func TestIssueAndVerify(t *testing.T) {
	issuer := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), nil))
	tokens, err := issuer.Issue("1", profile{"alice@example.com", "admin"})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(tokens)
	t.Log(string(b))
	h := issuer.Verifier().Wrap(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, tok *jwtauth.Token[profile]) {
		json.NewEncoder(w).Encode(map[string]any{"sub": tok.Sub(), "claims": tok.Claims})
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	t.Log(w.Body)
}
