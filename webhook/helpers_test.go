package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard/webhook"
)

// standardSecret is "guard-development-secret-32bytes" as base64.
const standardSecret = "whsec_Z3VhcmQtZGV2ZWxvcG1lbnQtc2VjcmV0LTMyYnl0ZXM="

// oldSecret is another one, which is still accepted.
const oldSecret = "an old secret of 32 bytes or so."

func post(body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(body))
}

// sign is webhook.Sign with standardSecret.
func sign(t testing.TB, s webhook.Sender, d *webhook.Delivery) http.Header {
	t.Helper()
	return signWith(t, s, d, standardSecret)
}

func signWith(t testing.TB, s webhook.Sender, d *webhook.Delivery, secrets ...string) http.Header {
	t.Helper()
	h, err := webhook.Sign(s, webhook.Secrets(secrets...), d)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
