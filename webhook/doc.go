// Package webhook receives deliveries that their sender signed, and handles each of
// them once. [Standard] (Standard Webhooks), [GitHub], [Stripe] and [Slack] are ready;
// a [Form] describes another sender.
//
//	hooks := guard.Must(webhook.New(webhook.Standard, webhook.Secrets(secret, oldSecret), &webhook.Options{Once: stores.Once()}))
//	mux.Handle("POST /hooks", hooks.Handler(func(ctx context.Context, d *webhook.Delivery) error {
//		return orders.Apply(ctx, d.Type, d.Body)
//	}))
//
// # Guarantees
//
// The signature is verified over the exact bytes of the body, in constant time, before
// anything reads the body. Other versions and algorithms are ignored. If the sender
// signs a time, it may be at most five minutes old or ahead. Every refusal of a
// signature is "Invalid signature"; guard.Observe receives the reason.
//
// If the function returns nil, further attempts are answered 200 for a day without
// another call. If it fails, panics or runs too long, the next attempt is handled
// again. All processes that share the [once.Store] handle one of several concurrent
// attempts, and answer the others 409 or 200. A store that is down is 503.
//
// GitHub signs neither the id nor the event of a delivery: a body that was handled
// under one id is not handled under another.
//
// # Not covered
//
// A signature names no URL: a delivery for one endpoint is accepted at another one that
// has the same secret. Deliveries are handled in the order in which they come, which is
// not always that of their events. If a process ends between the function's last effect
// and the record of it, the delivery is handled again: effects that must not happen twice
// need a transaction with the delivery's ID. [Sign] signs; it does not send, retry, or keep
// addresses of the internal network from being called.
package webhook
