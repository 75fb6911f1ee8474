package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/webhook"
)

const hookSecret = "whsec_Z3VhcmQtZGV2ZWxvcG1lbnQtc2VjcmV0LTMyYnl0ZXM="

// hookBody is a body of 4 KB.
var hookBody = []byte(`{"id":"evt_1","event_id":"Ev1","type":"invoice.paid","data":{"lines":[` + strings.Repeat(`{"amount":1000,"text":"A line"},`, 125) + `{}]}}`)

// A rewound is the body of a request that is sent again and again.
type rewound struct{ bytes.Reader }

func (*rewound) Close() error { return nil }

// webhooks compares deliveries of 4 KB with what no receiver can do without: reading the
// body, and its HMAC. The middleware has the context's node and the copy of the request,
// too. Handler also asks the store, as for a new delivery each time.
func webhooks(settings) (comparison, error) {
	const bare = "bare HMAC and read"
	c := comparison{}
	through := func(h http.Handler, r *http.Request) func(n int) {
		body := &rewound{}
		r.Method, r.ContentLength = http.MethodPost, int64(len(hookBody))
		return func(n int) {
			w := &discard{header: http.Header{}}
			for range n {
				body.Reset(hookBody)
				r.Body = body
				clear(w.header)
				h.ServeHTTP(w, r)
				check(w.status == 0 || w.status == http.StatusOK, "webhook: status")
			}
		}
	}
	for _, s := range []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack} {
		hooks := guard.Must(webhook.New(s, webhook.Secrets(hookSecret), &webhook.Options{Once: newForgetful()}))
		r := request("/hooks")
		for name, values := range guard.Must(webhook.Sign(s, webhook.Secrets(hookSecret), &webhook.Delivery{ID: "msg_1", Type: "push", Body: hookBody})) {
			r.Header[name] = values
		}
		verified := "guard: " + string(s)
		c.benchmarks = append(c.benchmarks,
			benchmark{verified, ours, through(guard.Require(hooks)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), r)},
			benchmark{verified + ", handled once", ours, through(hooks.Handler(func(context.Context, *webhook.Delivery) error { return nil }), r)},
		)
		c.bars = append(c.bars, ratio(verified, bare, 1.4), allocs(verified, 6))
	}
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write(hookBody)
	signature := hex.EncodeToString(mac.Sum(nil))
	c.benchmarks = append(c.benchmarks, benchmark{bare, lowerBound, through(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		check(err == nil, "webhook: read")
		want, err := hex.DecodeString(r.Header.Get("X-Signature"))
		mac := hmac.New(sha256.New, []byte(hookSecret))
		mac.Write(body)
		check(err == nil && hmac.Equal(mac.Sum(nil), want), "webhook: HMAC")
	}), request("/hooks", "X-Signature", signature))})
	return c, nil
}
