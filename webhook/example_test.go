package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/webhook"
)

// A delivery is signed, handled once, and acknowledged when it comes again.
func Example() {
	const secret = "whsec_Z3VhcmQtZGV2ZWxvcG1lbnQtc2VjcmV0LTMyYnl0ZXM="
	hooks := guard.Must(webhook.New(webhook.Standard, webhook.Secrets(secret), nil)) // several processes: Options.Once
	handler := hooks.Handler(func(_ context.Context, d *webhook.Delivery) error {
		fmt.Println("handled", d.ID, d.Type)
		return nil
	})

	send := func(body string, signed *webhook.Delivery) int {
		r := httptest.NewRequest("POST", "/hooks", bytes.NewBufferString(body))
		r.Header = guard.Must(webhook.Sign(webhook.Standard, webhook.Secrets(secret), signed))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	const body = `{"type":"invoice.paid","data":{"amount":1000}}`
	d := &webhook.Delivery{ID: "msg_1", Body: []byte(body)}
	fmt.Println(send(body, d))
	fmt.Println(send(body, d))
	fmt.Println(send(`{"type":"invoice.paid","data":{"amount":9999}}`, d))
	// Output:
	// handled msg_1 invoice.paid
	// 200
	// 200
	// 401
}

// Another sender is a Form: what is signed, and where the parts are.
func ExampleForm() {
	shop := webhook.Form{
		Name: "shop", Content: "{time}.{body}",
		SignatureField: "X-Shop-Signature", Signature: "sha256={hex}", TimeField: "X-Shop-Time",
		IDMember: "event_id", TypeMember: "topic",
	}
	hooks := guard.Must(webhook.New(shop, webhook.Secrets("a shared secret of 32 bytes or so"), nil))
	body := []byte(`{"event_id":"e1","topic":"orders/paid"}`)
	r := httptest.NewRequest("POST", "/hooks", bytes.NewReader(body))
	r.Header = guard.Must(webhook.Sign(shop, webhook.Secrets("a shared secret of 32 bytes or so"), &webhook.Delivery{Body: body}))
	d, err := hooks.Authenticate(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.ID, d.Type)
	// Output: e1 orders/paid
}

// A handler that writes its own answer authenticates by guard.Require, and calls Do.
func ExampleHooks_Do() {
	const secret = "It's a Secret to Everybody"
	hooks := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets(secret), nil))
	deploy := func(context.Context, []byte) error { return nil }
	h := guard.Require(hooks)(guard.Handler(func(w http.ResponseWriter, r *http.Request, d *webhook.Delivery) error {
		called, err := hooks.Do(r.Context(), d, func(ctx context.Context) error {
			return deploy(ctx, d.Body)
		})
		if err != nil {
			return err // 5xx: GitHub shows it, and its redelivery is handled
		}
		fmt.Fprintln(w, "deployed now:", called)
		return nil
	}))

	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, guardtest.Delivery("/deploy", webhook.GitHub, secret, &webhook.Delivery{ID: "1", Body: []byte("{}")}))
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 deployed now: true
	// 200 deployed now: false
}

// The types of deliveries that matter are handled; the others are acknowledged, so that
// the sender stops trying.
func ExampleHooks_Handler() {
	const secret = "a secret of 32 bytes, from a vault"
	hooks := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets(secret), nil))
	mux := http.NewServeMux()
	mux.Handle("POST /hooks", hooks.Handler(func(ctx context.Context, d *webhook.Delivery) error {
		if d.Type != "push" {
			return nil
		}
		fmt.Println("deploy", string(d.Body))
		return nil // an error is 5xx, and the delivery is handled again when it comes again
	}))

	for _, d := range []*webhook.Delivery{{ID: "1", Type: "push", Body: []byte("{}")}, {ID: "2", Type: "ping", Body: []byte("[]")}} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, guardtest.Delivery("/hooks", webhook.GitHub, secret, d))
		fmt.Println(w.Code)
	}
	// Output:
	// deploy {}
	// 200
	// 200
}

// Options for two processes or more, and for two accounts at one sender.
func ExampleNew() {
	shared := guard.Must(once.NewMemory(nil)) // in production a store of stores/redisstore or stores/sqlstore
	hooks, err := webhook.New(webhook.Stripe, webhook.Secrets("whsec_test"), &webhook.Options{
		Once:     shared,
		Endpoint: "account-eu", // each account has its own name and secret
		Timeout:  10 * time.Second,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("POST /stripe", hooks.Handler(func(context.Context, *webhook.Delivery) error { return nil }))

	_, err = webhook.New(webhook.Stripe, webhook.Secrets(), &webhook.Options{Remember: time.Minute})
	fmt.Println(err) // every mistake at once
	// Output:
	// webhook: no secret: see Secrets
	// webhook: Remember is 1m0s, want 15m0s to 8784h0m0s
}

// The secret is replaced without a lost delivery: both are accepted until the sender
// uses the new one.
func ExampleSecrets() {
	const current, old = "new: 32 random bytes of a vault", "old: 32 random bytes of a vault"
	hooks := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets(current, old), nil))

	d := &webhook.Delivery{ID: "1", Body: []byte("{}")}
	for _, secret := range []string{current, old, "another"} {
		_, err := hooks.Authenticate(guardtest.Delivery("/hooks", webhook.GitHub, secret, d))
		fmt.Println(err == nil)
	}
	// Output:
	// true
	// true
	// false
}

// A program that sends deliveries itself signs each attempt.
func ExampleSign() {
	secrets := webhook.Secrets("whsec_Z3VhcmQtZGV2ZWxvcG1lbnQtc2VjcmV0LTMyYnl0ZXM=")
	d := &webhook.Delivery{
		ID:   "msg_1",                     // the same at each attempt
		Time: time.Unix(1_700_000_000, 0), // leave it zero: the time of this attempt
		Body: []byte(`{"type":"invoice.paid"}`),
	}
	header, err := webhook.Sign(webhook.Standard, secrets, d)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := http.NewRequest("POST", "https://customer.example/hooks", bytes.NewReader(d.Body))
	if err != nil {
		fmt.Println(err)
		return
	}
	r.Header = header // then http.Client.Do; an answer other than 2xx is for another attempt
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
		fmt.Println(name, r.Header.Get(name))
	}
	// Output:
	// Webhook-Id msg_1
	// Webhook-Timestamp 1700000000
	// Webhook-Signature v1,UefjXlP1d1yP7ZfFfs7bFyGQyklobs7c5wYYCdRDQyw=
}

// Slack verifies the URL of an endpoint first. A handler without Hooks.Handler answers that.
func ExampleDelivery_Answer() {
	const secret = "8f742231b10e8888abcd99yyyzzz85a5"
	hooks := guard.Must(webhook.New(webhook.Slack, webhook.Secrets(secret), nil))
	events := guard.Require(hooks)(guard.Handler(func(w http.ResponseWriter, r *http.Request, d *webhook.Delivery) error {
		if d.Challenge != "" {
			d.Answer(w)
			return nil
		}
		_, err := hooks.Do(r.Context(), d, func(context.Context) error { return nil })
		return err
	}))

	verification := &webhook.Delivery{Body: []byte(`{"type":"url_verification","challenge":"3eZbrw1aB"}`)}
	w := httptest.NewRecorder()
	events.ServeHTTP(w, guardtest.Delivery("/slack", webhook.Slack, secret, verification))
	fmt.Println(w.Code, w.Body)
	// Output: 200 3eZbrw1aB
}

// A service sends Standard Webhooks under header names of its own.
func ExampleProvider_Form() {
	acme := webhook.Standard.Form()
	acme.Name = "acme"
	acme.IDField, acme.TimeField, acme.SignatureField = "Acme-Id", "Acme-Timestamp", "Acme-Signature"
	hooks := guard.Must(webhook.New(acme, webhook.Secrets("a shared secret of 32 bytes or so"), nil))

	r := guardtest.Delivery("/hooks", acme, "a shared secret of 32 bytes or so", &webhook.Delivery{ID: "1", Body: []byte(`{"type":"paid"}`)})
	d, err := hooks.Authenticate(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.ID, d.Type, r.Header.Get("Acme-Id"))
	// Output: 1 paid 1
}
