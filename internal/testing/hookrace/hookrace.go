// Package hookrace tests a store by deliveries that come at once.
package hookrace

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/webhook"
)

// Run delivers to three hooks, as those of three processes that share a store. Of 64 copies
// at once one is handled, after an attempt that failed, and none later. Where the sender
// signs no id, each copy has another one.
func Run(t *testing.T, stores [3]once.Store) {
	for _, s := range []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack} {
		t.Run(string(s), func(t *testing.T) { run(t, s, stores) })
	}
}

func run(t *testing.T, s webhook.Provider, stores [3]once.Store) {
	var fails atomic.Bool
	var handled atomic.Int32
	var handlers [3]http.Handler
	for i, store := range stores {
		hooks := guard.Must(webhook.New(s, secrets(), &webhook.Options{Once: store}))
		handlers[i] = guard.Observe(nil)(hooks.Handler(func(context.Context, *webhook.Delivery) error {
			if fails.Load() {
				return guard.Unavailable(errors.New("the attempt fails"))
			}
			handled.Add(1)
			return nil
		}))
	}
	send := func(i int) int {
		d := &webhook.Delivery{ID: "msg_1", Body: []byte(`{"id":"evt_1","event_id":"Ev1","type":"order.paid"}`)}
		if s == webhook.GitHub {
			d.ID = "copy-" + strconv.Itoa(i)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks", bytes.NewReader(d.Body))
		r.Header = guard.Must(webhook.Sign(s, secrets(), d))
		w := httptest.NewRecorder()
		handlers[i%len(handlers)].ServeHTTP(w, r)
		return w.Code
	}
	fails.Store(true)
	if code := send(0); code != http.StatusServiceUnavailable {
		t.Errorf("an attempt that fails: %d", code)
	}
	fails.Store(false)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			if code := send(i); code != http.StatusOK && code != http.StatusConflict {
				t.Errorf("copy %d: %d", i, code)
			}
		})
	}
	wg.Wait()
	for i := range handlers {
		if code := send(i); code != http.StatusOK {
			t.Errorf("later: %d", code)
		}
	}
	if n := handled.Load(); n != 1 {
		t.Errorf("%d copies were handled, want one", n)
	}
}

func secrets() []guard.Secret { return webhook.Secrets(strings.Repeat("k", 32)) }
