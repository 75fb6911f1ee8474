package passkey_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/passkey"
)

// The settings of an account list its passkeys.
func ExampleRelyingParty_List() {
	ctx := context.Background()
	store := guard.Must(passkey.NewMemory(nil))
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), store, nil))
	guard.Must(store.Add(ctx, passkey.Credential{ID: "a1", Subject: "1", Name: "Phone", BackupEligible: true})) // Register does this
	guard.Must(store.Add(ctx, passkey.Credential{ID: "b2", Subject: "1", Name: "Security key"}))

	list, err := keys.List(ctx, "1")
	if err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	for _, c := range list {
		fmt.Println(c.ID, c.Name, c.BackupEligible)
	}
	// Output:
	// a1 Phone true
	// b2 Security key false
}

// A form with a new name. A passkey of another account is 404.
func ExampleRelyingParty_Rename() {
	ctx := context.Background()
	store := guard.Must(passkey.NewMemory(nil))
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), store, nil))
	guard.Must(store.Add(ctx, passkey.Credential{ID: "a1", Subject: "1", Name: "Passkey"})) // Register does this

	fmt.Println(keys.Rename(ctx, "1", "a1", "Phone"))
	fmt.Println(keys.Rename(ctx, "2", "a1", "Mine"))
	// Output:
	// <nil>
	// guard: 404 Not Found
}

// The owner removes a passkey. The answer lists the passkeys that are left, for the browser.
func ExampleRelyingParty_Remove() {
	ctx := context.Background()
	store := guard.Must(passkey.NewMemory(nil))
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), store, nil))
	guard.Must(store.Add(ctx, passkey.Credential{ID: "a1", Subject: "1", Name: "Phone"})) // Register does this

	if err := keys.Remove(ctx, "1", "a1"); err != nil {
		log.Fatal(err) // guard.Refuse(w, r, err)
	}
	left, err := keys.Accepted(ctx, "1") // the answer; and mail the owner
	fmt.Println(len(left.CredentialIDs), err)
	// Output: 0 <nil>
}

// The page calls PublicKeyCredential.signalAllAcceptedCredentials(await response.json()).
func ExampleRelyingParty_Accepted() {
	keys := guard.Must(passkey.New("localhost", []string{"http://localhost:8080"}, []byte(strings.Repeat("k", 32)), guard.Must(passkey.NewMemory(nil)), nil))
	handler := func(w http.ResponseWriter, r *http.Request) {
		accepted, err := keys.Accepted(r.Context(), "1") // the account of the session
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(accepted); err != nil {
			log.Print(err) // the client has left
		}
	}

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("GET", "/passkey/accepted", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), `"rpId":"localhost"`))
	// Output: 200 true
}

// A site of another domain, whose pages use the same passkeys.
func ExampleRelyingParty_RelatedOrigins() {
	origins := []string{"https://example.com", "https://example.de"}
	keys := guard.Must(passkey.New("example.com", origins, []byte(strings.Repeat("k", 32)), guard.Must(passkey.NewMemory(nil)), nil))
	mux := http.NewServeMux() // of https://example.com
	mux.Handle("GET /.well-known/webauthn", keys.RelatedOrigins())

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/webauthn", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 {"origins":["https://example.com","https://example.de"]}
}
