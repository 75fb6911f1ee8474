package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/example/backend"
)

// A keyHolder is the principal of an API key.
type keyHolder struct{ ID, Name string }

// holderNames has the names that the guide's accounts have.
var holderNames = map[string]string{"1": "Alice", "2": "Bob", "3": "Carol"}

// keyDigests maps the digests of legacy keys to the ids of their holders. A reader
// of the map cannot use the keys. Keys of high entropy need no slow hash.
var keyDigests = map[[sha256.Size]byte]string{
	sha256.Sum256([]byte("key_12345")): "1", // in a real program: the digest alone
	sha256.Sum256([]byte("key_67890")): "2",
}

// newRing returns the managed API keys, which /apikey and /app share.
func newRing(set settings) *apikey.Ring {
	return guard.Must(apikey.NewRing(&apikey.RingOptions{
		Prefix:  backend.KeyPrefix,
		Store:   set.stores.APIKeys,
		Address: set.clientIP(),
	}))
}

// apikeySection shows API keys in the field X-API-Key. Keys of the managed ring,
// which expire and can be revoked, have its prefix; all others are looked up in
// keyDigests. Users who are signed in manage their keys of the ring on pages.
func apikeySection(mux *http.ServeMux, ring *apikey.Ring, shared accounts, signedIn guard.Middleware) {
	holders := keyHolders{shared.users}
	legacy := guard.Must(apikey.New(holders.byKey, nil))

	authenticated := guard.Require[keyHolder](guard.BySubject(ring, holders.byID), legacy)
	mux.Handle("GET /apikey/protected", authenticated(guard.HandlerFunc(greet)))
	keyPagesSection(mux, ring, shared, signedIn)
}

// keyHolders finds the accounts of API keys: a key ends with its account.
type keyHolders struct{ users *Directory }

func (h keyHolders) byKey(ctx context.Context, key string) (keyHolder, bool, error) {
	id, found := keyDigests[sha256.Sum256([]byte(key))]
	if !found {
		return keyHolder{}, false, nil
	}
	return h.byID(ctx, id)
}

func (h keyHolders) byID(ctx context.Context, id string) (keyHolder, bool, error) {
	u, found, err := h.users.ByID(ctx, id)
	return keyHolder{id, cmp.Or(holderNames[id], u.Email)}, found, err // an error is an outage: 5xx, never 401
}

func greet(w http.ResponseWriter, _ *http.Request, h keyHolder) {
	reply(w, http.StatusOK, struct {
		Message string `json:"message"`
		UserID  string `json:"user_id"`
	}{"Hello, " + h.Name + "!", h.ID})
}
