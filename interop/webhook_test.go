package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/webhook"
)

const webhookDir = "testdata/webhook"

var installWebhook = sync.OnceValue(func() error { return installPackages(webhookDir) })

// TestWebhookLibraries: standardwebhooks, svix, @octokit/webhooks-methods and stripe, each at
// its newest, sign what guard verifies over TCP, and verify what guard signs; for Slack,
// @slack/bolt verifies. See webhook.mjs.
func TestWebhookLibraries(t *testing.T) {
	if err := installWebhook(); err != nil {
		harness.Needs(t, "Node.js and npm: %v (Debian: apt-get install nodejs npm; then npm ci in interop/%s)", err, webhookDir)
	}
	const secret = "whsec_Z3VhcmQtZGV2ZWxvcG1lbnQtc2VjcmV0LTMyYnl0ZXM="
	var mu sync.Mutex
	var handled []string
	mux := http.NewServeMux()
	type delivery struct {
		Sender  string            `json:"sender"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	}
	var signed []delivery
	for _, s := range []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack} {
		hooks := guard.Must(webhook.New(s, webhook.Secrets("an old secret of 32 bytes or so", secret), nil))
		mux.Handle("/"+string(s), hooks.Handler(func(_ context.Context, d *webhook.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			handled = append(handled, d.ID+" "+d.Type)
			return nil
		}))
		d := delivery{string(s), map[string]string{}, `{"id":"evt_1","event_id":"Ev1","type":"order.paid","text":"Grüße, 💚"}`}
		for name, values := range guard.Must(webhook.Sign(s, webhook.Secrets(secret, "an old secret of 32 bytes or so"), &webhook.Delivery{ID: "msg_1", Type: "push", Body: []byte(d.Body)})) {
			d.Headers[strings.ToLower(name)] = values[0]
		}
		signed = append(signed, d)
	}
	server := httptest.NewServer(mux)
	defer server.Close()

	cmd := exec.Command("node", "webhook.mjs")
	cmd.Dir = webhookDir
	cmd.Stdin = bytes.NewReader(guard.Must(json.Marshal(map[string]any{"url": server.URL, "secret": secret, "signed": signed})))
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &problems)
	}
	var result struct {
		Sent     map[string]map[string]string
		Verified map[string]string
	}
	if err := json.Unmarshal(out, &result); err != nil || len(result.Sent) != 5 || len(result.Verified) != 4 {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, answers := range result.Sent {
		for attempt, got := range answers {
			want := "200"
			if attempt == "altered" || attempt == "another" {
				want = `401 {"error":"Unauthorized","message":"Invalid signature"}`
			}
			if got != want {
				t.Errorf("%s, %s: %s, want %s", name, attempt, got, want)
			}
		}
	}
	if got, want := strings.Join(handled, ", "), "id-standardwebhooks order.paid, id-svix order.paid, id-octokit push, id-stripe order.paid, id-slack order.paid"; got != want {
		t.Errorf("handled %s, want %s", got, want)
	}
	for name, got := range result.Verified {
		if got != "verified, altered refused" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
