package main

import (
	"context"
	"crypto/sha256"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/example/backend"
)

// A keyHolder is the principal of an API key.
type keyHolder struct{ ID, Name string }

var keyHolders = map[string]keyHolder{"1": {"1", "Alice"}, "2": {"2", "Bob"}, "3": {"3", "Carol"}}

// keyDigests maps the digests of legacy keys to the ids of their holders. A reader
// of the map cannot use the keys. Keys of high entropy need no slow hash.
var keyDigests = map[[sha256.Size]byte]string{
	sha256.Sum256([]byte("key_12345")): "1", // in a real program: the digest alone
	sha256.Sum256([]byte("key_67890")): "2",
}

// apikeySection shows API keys in the field X-API-Key. Keys of the managed ring,
// which expire and can be revoked, have its prefix; all others are looked up in
// keyDigests. Users who are signed in manage their keys of the ring on pages.
func apikeySection(mux *http.ServeMux, set settings, signedIn guard.Middleware) {
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{
		Prefix:  backend.KeyPrefix,
		Store:   set.stores.APIKeys,
		Address: set.clientIP(),
	}))
	legacy := guard.Must(apikey.New(holderByKey, nil))

	authenticated := guard.Require[keyHolder](guard.BySubject(ring, holderByID), legacy)
	mux.Handle("GET /apikey/protected", authenticated(guard.HandlerFunc(greet)))
	keyPagesSection(mux, ring, signedIn)
}

func holderByKey(ctx context.Context, key string) (keyHolder, bool, error) {
	id, found := keyDigests[sha256.Sum256([]byte(key))]
	if !found {
		return keyHolder{}, false, nil
	}
	return holderByID(ctx, id)
}

func holderByID(_ context.Context, id string) (keyHolder, bool, error) {
	h, found := keyHolders[id]
	return h, found, nil // an error here is an outage: 5xx, never 401
}

func greet(w http.ResponseWriter, _ *http.Request, h keyHolder) {
	reply(w, http.StatusOK, struct {
		Message string `json:"message"`
		UserID  string `json:"user_id"`
	}{"Hello, " + h.Name + "!", h.ID})
}
