package main

import (
	"context"
	"crypto/sha256"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
)

// A tokenUser is the principal of an opaque token.
type tokenUser struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

// tokenDigests maps the digests of the issued tokens to their users.
var tokenDigests = map[[sha256.Size]byte]tokenUser{
	sha256.Sum256([]byte("valid_token_123")): {"1", "Alice", "admin"},
}

// bearerSection shows opaque tokens, which the application looks up.
func bearerSection(mux *http.ServeMux) {
	tokens := guard.Must(bearer.New(userByToken, &bearer.Options{Missing: "Bearer token required"}))
	mux.Handle("GET /bearer/profile", tokens.Wrap(guard.HandlerFunc(showTokenUser)))
}

func userByToken(_ context.Context, token string) (tokenUser, bool, error) {
	u, found := tokenDigests[sha256.Sum256([]byte(token))]
	return u, found, nil
}

func showTokenUser(w http.ResponseWriter, _ *http.Request, u tokenUser) {
	reply(w, http.StatusOK, object{"user": u})
}
