package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/webhook"
)

// developmentSecret signs deliveries with -dev, without WEBHOOK_SECRET. It is base64 of
// "guard-development-secret-32bytes".
const developmentSecret = "whsec_Z3VhcmQtZGV2ZWxvcG1lbnQtc2VjcmV0LTMyYnl0ZXM="

// senders are those of /webhook. All of them sign with WEBHOOK_SECRET here; an application
// has a secret for each.
var senders = []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack}

// webhookSection shows deliveries that their sender signed, and that are handled once.
func webhookSection(mux *http.ServeMux, set settings, log *slog.Logger) error {
	if len(set.webhook) == 0 {
		log.Warn("WEBHOOK_SECRET is not set: /webhook is not mounted")
		return nil
	}
	for _, sender := range senders {
		hooks, err := webhook.New(sender, set.webhook, &webhook.Options{Once: set.stores.Once})
		if err != nil {
			return fmt.Errorf("WEBHOOK_SECRET: %w", err)
		}
		mux.Handle("POST /webhook/"+string(sender), guard.Require(hooks)(receive(hooks)))
	}
	return nil
}

// receive answers with what it received. A handler without an answer of its own is
// hooks.Handler.
func receive(hooks *webhook.Hooks) http.Handler {
	return guard.Handler(func(w http.ResponseWriter, r *http.Request, d *webhook.Delivery) error {
		if d.Challenge != "" { // Slack asks whether this is its endpoint
			d.Answer(w)
			return nil
		}
		handled, err := hooks.Do(r.Context(), d, func(ctx context.Context) error { return handleDelivery(ctx, d) })
		switch {
		case err != nil:
			return err // the sender tries again
		case handled:
			reply(w, http.StatusOK, object{"id": d.ID, "bytes": len(d.Body)})
		default:
			reply(w, http.StatusOK, object{"id": d.ID, "replayed": true})
		}
		return nil
	})
}

// handleDelivery stands for what an application does with a delivery, and fails where that
// is tested.
func handleDelivery(_ context.Context, d *webhook.Delivery) error {
	var event struct{ Type string }
	if json.Unmarshal(d.Body, &event) == nil && event.Type == "test.fail" {
		return guard.Unavailable(errors.New("a delivery of type test.fail"))
	}
	return nil
}

// readWebhookSecrets reads a list such as "NEW,OLD".
func readWebhookSecrets(value string, dev bool) ([]guard.Secret, error) {
	if value == "" {
		if !dev {
			return nil, nil
		}
		value = developmentSecret
	}
	var secrets []string
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			return nil, fmt.Errorf("WEBHOOK_SECRET: secret %d of the list is empty", len(secrets)+1)
		}
		secrets = append(secrets, part)
	}
	return webhook.Secrets(secrets...), nil
}
