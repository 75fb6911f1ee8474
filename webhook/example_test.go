package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
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
	fmt.Println(d.ID, d.Type, err)
	// Output: e1 orders/paid <nil>
}

// A handler that writes its own answer authenticates by guard.Require, and calls Do.
func ExampleHooks_Do() {
	hooks := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets("It's a Secret to Everybody"), nil))
	deploy := func(context.Context, []byte) error { return errors.New("the cluster is busy") }
	http.Handle("POST /deploy", guard.Require(hooks)(guard.Handler(func(w http.ResponseWriter, r *http.Request, d *webhook.Delivery) error {
		called, err := hooks.Do(r.Context(), d, func(ctx context.Context) error {
			return deploy(ctx, d.Body)
		})
		if err != nil {
			return err // 5xx: GitHub shows it, and its redelivery is handled
		}
		fmt.Fprintln(w, "deployed now:", called)
		return nil
	})))
}
