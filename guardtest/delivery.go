package guardtest

import (
	"bytes"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard/webhook"
)

// Delivery returns a POST that delivers d, signed with secret, now unless d has a time. A
// sender, secret or delivery that webhook.Sign refuses panics.
func Delivery(target string, s webhook.Sender, secret string, d *webhook.Delivery) *http.Request {
	h, err := webhook.Sign(s, webhook.Secrets(secret), d)
	if err != nil {
		panic("guardtest: " + err.Error())
	}
	r := httptest.NewRequest(http.MethodPost, target, bytes.NewReader(d.Body))
	r.Header = h
	return r
}
