package guardtest_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/webhook"
)

// TestDelivery: a delivery is accepted as the sender's, and no other.
func TestDelivery(t *testing.T) {
	const secret = "a shared secret of 32 bytes or so"
	for _, s := range []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack} {
		got := ""
		h := guard.Must(webhook.New(s, webhook.Secrets(secret), nil)).Handler(func(_ context.Context, d *webhook.Delivery) error {
			got = d.ID
			return nil
		})
		d := &webhook.Delivery{ID: "1", Body: []byte(`{"id":"1","event_id":"1"}`)}
		for with, want := range map[string]int{secret: 200, "another " + secret: 401} {
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, guardtest.Delivery("/hooks", s, with, d)); w.Code != want || want == 200 && got != "1" {
				t.Errorf("%s: %d, handled %q", s, w.Code, got)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a delivery without a secret")
		}
	}()
	guardtest.Delivery("/", webhook.GitHub, "", &webhook.Delivery{ID: "1"})
}
