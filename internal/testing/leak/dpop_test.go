package leak_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/leak"
	"github.com/go-guard/guard/internal/testing/prover"
)

func ofDPoP(t *testing.T) map[string]leak.Instance {
	options := dpop.Options{NonceKey: leak.Secret("nonce", 40), OldNonceKeys: []guard.Secret{leak.Secret("old nonce", 40)}}
	proofs := guard.Must(dpop.New("https://api.example.com", &options))
	h := http.Header{}
	proofs.Accepted(h)
	key := prover.NewKey("ES256", 0)
	token := string(leak.Secret("token", 40))
	r := key.Request("GET", "/", token, h.Get("DPoP-Nonce"), time.Now())
	if err := proofs.Confirm(r, "DPoP", token, `{"jkt":"`+key.Thumbprint()+`"}`); err != nil {
		t.Fatal(err)
	}
	return map[string]leak.Instance{
		"Certificates": {Value: guard.Must(dpop.TLS(nil))},
		"Confirmation": {Value: dpop.Confirmation{JKT: key.Thumbprint()}},
		"Options":      {Value: options, Exposed: aSecret},
		"Proofs":       {Value: proofs, Secrets: []string{token, r.Header.Get("DPoP")}},
		"TLSOptions":   {Value: dpop.TLSOptions{Header: "Client-Cert"}},
	}
}
