package leak_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/leak"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/webhook"
)

// ofWebhook has hooks that handled a delivery. A Delivery shows its body, as a request does.
func ofWebhook(t *testing.T) map[string]leak.Instance {
	secrets := []guard.Secret{leak.Secret("new", 40), leak.Secret("old", 40)}
	options := webhook.Options{Endpoint: "x", Once: guard.Must(once.NewMemory(nil))}
	hooks := guard.Must(webhook.New(webhook.GitHub, secrets, &options))
	d := webhook.Delivery{ID: "1", Type: "push", Body: []byte("{}")}
	r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
	r.Header = guard.Must(webhook.Sign(webhook.GitHub, secrets, &d))
	w := httptest.NewRecorder()
	hooks.Handler(func(context.Context, *webhook.Delivery) error { return nil }).ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatal(w.Code)
	}
	return map[string]leak.Instance{
		"Options":  {Value: options, Digests: true}, // of once.Memory
		"Hooks":    {Value: hooks, Digests: true},
		"Delivery": {Value: d},
		"Form":     {Value: webhook.Slack.Form()},
		"Provider": {Value: webhook.Slack},
	}
}
