package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/webhook"
)

// fourKB is a body of 4 KB, as senders write them.
var fourKB = `{"type":"invoice.paid","id":"evt_1","event_id":"Ev1","data":{"lines":[` + strings.Repeat(`{"amount":1000,"text":"A line"},`, 128) + `{}]}}`

// again is a body that is read once more for each request.
type again struct{ bytes.Reader }

func (*again) Close() error { return nil }

// signedRequest returns a request, and a function that gives it its body again.
func signedRequest(t testing.TB, s webhook.Sender, body string) (r *http.Request, rewind func()) {
	r = with(post(body), sign(t, s, &webhook.Delivery{ID: "msg_1", Type: "push", Body: []byte(body)}))
	b, bytes := &again{}, []byte(body)
	return r, func() {
		b.Reset(bytes)
		r.Body = b
	}
}

// TestAllocations: a delivery costs its body, itself and its texts, and a forged one with a
// malformed field no body.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	body := []byte(fourKB)
	for _, s := range []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack} {
		hooks := guard.Must(webhook.New(s, webhook.Secrets(oldSecret, standardSecret), nil))
		r, _ := signedRequest(t, s, fourKB)
		b := &again{}
		n := testing.AllocsPerRun(100, func() {
			b.Reset(body)
			r.Body = b
			if _, err := hooks.Authenticate(r); err != nil {
				t.Fatal(err)
			}
		})
		if n > 4 {
			t.Errorf("%s: %v allocations, want at most 4", s, n)
		}
		h := guard.Require(hooks)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		r.Header.Set(fieldOf(s), strings.Repeat("v1,", 1000))
		if n := harness.NewDiscard().Allocs(h, r); n > 10 {
			t.Errorf("%s: a malformed field: %v allocations", s, n)
		}
	}
}

func fieldOf(p webhook.Provider) string { return p.Form().SignatureField }

func BenchmarkAuthenticate(b *testing.B) {
	for _, s := range []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack} {
		hooks := guard.Must(webhook.New(s, webhook.Secrets(standardSecret), nil))
		r, rewind := signedRequest(b, s, fourKB)
		b.Run(string(s), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rewind()
				if _, err := hooks.Authenticate(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("bare", func(b *testing.B) {
		r, rewind := signedRequest(b, webhook.GitHub, fourKB)
		want, _ := hex.DecodeString(strings.TrimPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256="))
		b.ReportAllocs()
		for b.Loop() {
			rewind()
			body, _ := io.ReadAll(r.Body)
			mac := hmac.New(sha256.New, []byte(standardSecret))
			mac.Write(body)
			if !hmac.Equal(mac.Sum(nil), want) {
				b.Fatal("forged")
			}
		}
	})
}
