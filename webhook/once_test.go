package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/hookrace"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/webhook"
)

// A receiver is a handler that counts, and returns err.
type receiver struct {
	t     *testing.T
	calls int
	err   error
	http.Handler
	decisions guardtest.Recorder
}

func newReceiver(t *testing.T, s webhook.Sender, o *webhook.Options) *receiver {
	rc := &receiver{t: t}
	hooks := guard.Must(webhook.New(s, webhook.Secrets(standardSecret, oldSecret), o))
	rc.Handler = rc.decisions.Observe(hooks.Handler(func(_ context.Context, d *webhook.Delivery) error {
		rc.calls++
		return rc.err
	}))
	return rc
}

// deliver sends a delivery, which is signed now, and checks the status and whether the
// function was called.
func (rc *receiver) deliver(s webhook.Sender, d webhook.Delivery, status int, called bool) *httptest.ResponseRecorder {
	rc.t.Helper()
	return rc.send(with(post(string(d.Body)), sign(rc.t, s, &d)), status, called)
}

func (rc *receiver) send(r *http.Request, status int, called bool) *httptest.ResponseRecorder {
	rc.t.Helper()
	before, w := rc.calls, httptest.NewRecorder()
	rc.ServeHTTP(w, r)
	if w.Code != status || (rc.calls > before) != called {
		rc.t.Errorf("status %d, called %t; want %d, %t", w.Code, rc.calls > before, status, called)
	}
	return w
}

var providers = []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack}

func delivery(id string) webhook.Delivery {
	return webhook.Delivery{ID: id, Type: "push", Body: []byte(`{"id":"` + id + `","event_id":"` + id + `","type":"order.paid"}`)}
}

// TestOnce: a delivery that was handled is acknowledged for a day, and not handled.
func TestOnce(t *testing.T) {
	for _, s := range providers {
		t.Run(string(s), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rc := newReceiver(t, s, nil)
				rc.err = guard.Unavailable(errors.New("the database is down"))
				rc.deliver(s, delivery("a"), 503, true)
				rc.err = errors.New("secret cause")
				if w := rc.deliver(s, delivery("a"), 500, true); strings.Contains(w.Body.String(), "secret cause") {
					t.Error("the client reads the cause")
				}
				rc.err = &guard.Error{Status: 422, Code: "unknown_order"}
				rc.deliver(s, delivery("a"), 422, true)
				rc.err = nil
				if w := rc.deliver(s, delivery("a"), 200, true); w.Body.Len() != 0 {
					t.Errorf("body %q", w.Body)
				}
				rc.deliver(s, delivery("a"), 200, false)
				rc.deliver(s, delivery("b"), 200, true)
				time.Sleep(24*time.Hour - time.Second)
				rc.deliver(s, delivery("a"), 200, false)
				time.Sleep(once.Slack + 2*time.Second)
				rc.deliver(s, delivery("a"), 200, true)
			})
		})
	}
}

// TestReplayIsReported: the audit log tells a delivery from its repetition.
func TestReplayIsReported(t *testing.T) {
	rc := newReceiver(t, webhook.Standard, nil)
	rc.deliver(webhook.Standard, delivery("a"), 200, true)
	rc.deliver(webhook.Standard, delivery("a"), 200, false)
	var actions []string
	for _, d := range rc.decisions.Decisions() {
		if d.Action != "" {
			actions = append(actions, d.Action+" "+d.Guard+" "+d.Subject+" "+string(d.Outcome))
		}
	}
	if got := strings.Join(actions, ", "); got != "handle standard a allowed, replay standard a allowed" {
		t.Errorf("%s", got)
	}
}

// TestGitHubBody: GitHub does not sign the id, so that a body is handled under one id, and an
// id with one body.
func TestGitHubBody(t *testing.T) {
	rc := newReceiver(t, webhook.GitHub, nil)
	d := webhook.Delivery{ID: "1", Type: "push", Body: []byte("{}")}
	rc.deliver(webhook.GitHub, d, 200, true)
	d.ID, d.Type = "2", "ping"
	rc.deliver(webhook.GitHub, d, 200, false)
	d.Body = []byte("{ }")
	rc.deliver(webhook.GitHub, d, 200, true) // id 2 was not spent by the replay
	d.Body = []byte("{  }")
	rc.deliver(webhook.GitHub, d, 200, false)
	d.ID = "3"
	rc.deliver(webhook.GitHub, d, 200, true) // nor was the body
}

// TestWithoutID: a form without an id knows a delivery by its body.
func TestWithoutID(t *testing.T) {
	rc := newReceiver(t, commands(), nil)
	rc.deliver(commands(), webhook.Delivery{Body: []byte("trigger_id=1")}, 200, true)
	rc.deliver(commands(), webhook.Delivery{Body: []byte("trigger_id=1")}, 200, false)
	rc.deliver(commands(), webhook.Delivery{Body: []byte("trigger_id=2")}, 200, true)
}

// TestNamespaces: an id belongs to its sender and endpoint, and no two of them have keys
// that are equal.
func TestNamespaces(t *testing.T) {
	store := guard.Must(once.NewMemory(nil))
	other := webhook.Standard.Form()
	other.Name = "other"
	for _, tt := range []struct {
		sender   webhook.Sender
		endpoint string
	}{{webhook.Standard, ""}, {webhook.Stripe, ""}, {webhook.Slack, ""}, {other, ""}, {webhook.Standard, "a"}, {webhook.Standard, "id"}} {
		rc := newReceiver(t, tt.sender, &webhook.Options{Once: store, Endpoint: tt.endpoint})
		rc.deliver(tt.sender, delivery("a"), 200, true)
		rc.deliver(tt.sender, delivery("a"), 200, false)
	}
}

// TestRotation: a delivery may be signed with any secret, and a new signature is no new
// delivery.
func TestRotation(t *testing.T) {
	rc := newReceiver(t, webhook.Standard, nil)
	d := delivery("a")
	rc.send(with(post(string(d.Body)), signWith(t, webhook.Standard, &d, oldSecret)), 200, true)
	rc.send(with(post(string(d.Body)), signWith(t, webhook.Standard, &d, standardSecret)), 200, false)
	d = delivery("b")
	both := signWith(t, webhook.Standard, &d, "a secret that is not known here", oldSecret)
	if n := len(strings.Fields(both.Get("Webhook-Signature"))); n != 2 {
		t.Fatalf("%d signatures", n)
	}
	rc.send(with(post(string(d.Body)), both), 200, true)
	for _, s := range []webhook.Provider{webhook.GitHub, webhook.Slack} { // which have one signature
		h := signWith(t, s, &d, "first", "second")
		if got, want := h.Get(fieldOf(s)), signWith(t, s, &d, "first").Get(fieldOf(s)); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
	h := signWith(t, webhook.Stripe, &d, "first", oldSecret)
	if n := strings.Count(h.Get("Stripe-Signature"), "v1="); n != 2 {
		t.Errorf("%d signatures", n)
	}
	newReceiver(t, webhook.Stripe, nil).send(with(post(string(d.Body)), h), 200, true)
}

// TestAtOnce: of 64 copies at once, over three hooks that share a store, one is handled.
func TestAtOnce(t *testing.T) {
	store := guard.Must(once.NewMemory(nil))
	hookrace.Run(t, [3]once.Store{store, store, store})
}

// TestBodyAgain: the handler reads the exact bytes, from the delivery and from the request.
func TestBodyAgain(t *testing.T) {
	const text = " {\"id\" : \"evt_1\", \"x\":\"\\u00e9\xff\"}\r\n"
	hooks := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets(standardSecret), nil))
	for _, size := range []int64{int64(len(text)), -1} { // with a length, and in chunks
		r := with(post(text), sign(t, webhook.GitHub, &webhook.Delivery{ID: "1", Body: []byte(text)}))
		r.ContentLength = size
		w := httptest.NewRecorder()
		guard.Require(hooks)(guard.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, d *webhook.Delivery) {
			read, err := io.ReadAll(r.Body)
			if err != nil || string(read) != text || string(d.Body) != text || cap(d.Body) != len(text) {
				t.Errorf("%q, %q, %v", read, d.Body, err)
			}
		})).ServeHTTP(w, r)
		if w.Code != 200 {
			t.Error(w.Code)
		}
	}
}

// TestDoNeedsAnID: a delivery that was made by hand without an id is a mistake, and no
// replay.
func TestDoNeedsAnID(t *testing.T) {
	hooks := guard.Must(webhook.New(webhook.Standard, webhook.Secrets(standardSecret), nil))
	harness.CaptureLog(t)
	for _, d := range []*webhook.Delivery{{}, {ID: "1", Challenge: "c"}} {
		called, err := hooks.Do(t.Context(), d, func(context.Context) error {
			t.Error("called")
			return nil
		})
		if called || err == nil {
			t.Errorf("%t %v", called, err)
		}
	}
	var zero webhook.Hooks
	if _, err := zero.Do(t.Context(), &webhook.Delivery{ID: "1"}, func(context.Context) error { return nil }); err == nil {
		t.Error("a zero Hooks handles")
	}
	if _, err := zero.Authenticate(post("")); err == nil || errors.Is(err, guard.ErrNoCredentials) {
		t.Errorf("a zero Hooks: %v", err)
	}
}
