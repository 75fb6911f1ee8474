package passkey_test

import (
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/leak"
	"github.com/go-guard/guard/signin/passkey"
)

// TestNoSecretIsPrinted: printing and logging shows no key.
func TestNoSecretIsPrinted(t *testing.T) {
	o := passkey.Options{OldKeys: []guard.Secret{leak.Secret("old", 32)}}
	memory := guard.Must(passkey.NewMemory(nil))
	p := guard.Must(passkey.New(rpID, origins, leak.Secret("key", 32), memory, &o))
	leak.Check(t, ".", map[string]leak.Instance{
		"Accepted": {Value: passkey.Accepted{}}, "Account": {Value: alice}, "Credential": {Value: passkey.Credential{ID: "a"}}, "Memory": {Value: memory},
		"MemoryOptions": {Value: passkey.MemoryOptions{}}, "Options": {Value: o, Exposed: "a guard.Secret"}, "RelyingParty": {Value: p}, "Store": {Value: memory}, "Use": {Value: passkey.Use{}},
	})
}
