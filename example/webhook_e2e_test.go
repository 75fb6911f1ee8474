package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/webhook"
)

// hookSecret is that of -dev.
const hookSecret = "whsec_Z3VhcmQtZGV2ZWxvcG1lbnQtc2VjcmV0LTMyYnl0ZXM="

const badSignature = `{"error":"Unauthorized","message":"Invalid signature"}`

var senders = []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack}

// A delivery is signed, and can be changed afterwards.
type delivery struct {
	id, kind string
	at       time.Time
	secret   string
	change   func(h http.Header, body *string)
}

// text is the body of a delivery that has its id wherever a sender has one.
func (d delivery) text() string {
	kind := d.kind
	if kind == "" {
		kind = "order.paid"
	}
	return fmt.Sprintf(`{"id":%q,"event_id":%q,"type":%q}`, d.id, d.id, kind)
}

func (p *process) deliver(t *testing.T, s webhook.Provider, d delivery) answer {
	t.Helper()
	secret, body := hookSecret, d.text()
	if d.secret != "" {
		secret = d.secret
	}
	h := guard.Must(webhook.Sign(s, webhook.Secrets(secret), &webhook.Delivery{ID: d.id, Type: "push", Time: d.at, Body: []byte(body)}))
	if d.change != nil {
		d.change(h, &body)
	}
	c := call{do: "POST /webhook/" + string(s), body: body}
	for name, values := range h {
		for _, v := range values {
			c.header = append(c.header, name+": "+v)
		}
	}
	return p.send(t, c)
}

func hookHandled(id string, bytes int) string { return fmt.Sprintf(`{"bytes":%d,"id":%q}`, bytes, id) }
func hookReplayed(id string) string           { return fmt.Sprintf(`{"id":%q,"replayed":true}`, id) }

// TestWebhook: every row of BEYOND.md, for each sender.
func TestWebhook(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, s := range senders {
		t.Run(string(s), func(t *testing.T) { checkWebhook(t, p, p, s) })
	}
	t.Run("an id belongs to its sender", func(t *testing.T) {
		for _, s := range senders {
			d := delivery{id: "shared"}
			row{status: 200, body: hookHandled("shared", len(d.text()))}.check(t, p.deliver(t, s, d))
		}
	})
	t.Run("GitHub's id is not signed", func(t *testing.T) {
		d := delivery{id: "github-first"}
		row{status: 200, body: hookHandled(d.id, len(d.text()))}.check(t, p.deliver(t, webhook.GitHub, d))
		d.change = func(h http.Header, _ *string) { h.Set("X-GitHub-Delivery", "another") }
		row{status: 200, body: hookReplayed("another")}.check(t, p.deliver(t, webhook.GitHub, d))
		d.change = func(h http.Header, _ *string) { h.Del("X-GitHub-Delivery") }
		row{status: 400, body: e(400, "")}.check(t, p.deliver(t, webhook.GitHub, d))
	})
	t.Run("Slack's challenge", func(t *testing.T) {
		d := delivery{change: func(h http.Header, body *string) {
			*body = `{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}`
			for name, values := range guard.Must(webhook.Sign(webhook.Slack, webhook.Secrets(hookSecret), &webhook.Delivery{Body: []byte(*body)})) {
				h[name] = values
			}
		}}
		for range 2 {
			row{status: 200, body: "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", header: []string{"Content-Type: text/plain; charset=utf-8", "Cache-Control: no-store"}}.
				check(t, p.deliver(t, webhook.Slack, d))
		}
	})
	p.rows(t, []row{
		{"a GET", call{do: "GET /webhook/standard"}, 405, "", []string{"Allow: POST"}},
		{"another sender", call{do: "POST /webhook/gitlab", body: "{}"}, 404, "", nil},
	})
	if logs := p.logs(); strings.Contains(logs, hookSecret) || !strings.Contains(logs, "webhook: it is older than 5m0s") {
		t.Errorf("the log: %s", logs)
	}
}

// checkWebhook sends deliveries of one sender to a, and what comes again to b.
func checkWebhook(t *testing.T, a, b *process, s webhook.Provider) {
	refused := []string{"WWW-Authenticate: Webhook", "Cache-Control: no-store"}
	field := s.Form().SignatureField
	d := delivery{id: "first-" + string(s)}
	row{status: 200, body: hookHandled(d.id, len(d.text()))}.check(t, a.deliver(t, s, d))
	row{status: 200, body: hookReplayed(d.id)}.check(t, b.deliver(t, s, d))
	d.at = time.Now().Add(-time.Minute)
	row{call: call{do: "an attempt of another time"}, status: 200, body: hookReplayed(d.id)}.check(t, a.deliver(t, s, d))

	fails := delivery{id: "fails-" + string(s), kind: "test.fail"}
	row{status: 503, body: e(503, "")}.check(t, a.deliver(t, s, fails))
	row{status: 503, body: e(503, "")}.check(t, b.deliver(t, s, fails))
	fails.kind = ""
	row{call: call{do: "after a failure"}, status: 200, body: hookHandled(fails.id, len(fails.text()))}.check(t, a.deliver(t, s, fails))

	for name, change := range map[string]func(h http.Header, body *string){
		"unsigned": func(h http.Header, _ *string) { h.Del(field) },
		"altered":  func(_ http.Header, body *string) { *body += " " },
		"twice":    func(h http.Header, _ *string) { h.Add(field, h.Get(field)) },
		"another version": func(h http.Header, _ *string) {
			h.Set(field, strings.NewReplacer("v1", "v2", "v0", "v1", "sha256", "sha1").Replace(h.Get(field)))
		},
		"half a signature": func(h http.Header, _ *string) { h.Set(field, h.Get(field)[:len(h.Get(field))-8]) },
	} {
		row{call: call{do: name}, status: 401, body: badSignature, header: refused}.check(t, a.deliver(t, s, delivery{id: "x", change: change}))
	}
	row{call: call{do: "another secret"}, status: 401, body: badSignature, header: refused}.check(t, a.deliver(t, s, delivery{id: "x", secret: "another secret of 32 bytes or so"}))
	row{call: call{do: "over 1 MiB"}, status: 413, body: e(413, "")}.check(t, a.deliver(t, s, delivery{id: "x", change: func(_ http.Header, body *string) { *body = strings.Repeat("a", 1<<20+1) }}))
	if s == webhook.GitHub {
		return
	}
	for _, age := range []time.Duration{-310 * time.Second, 310 * time.Second} {
		row{call: call{do: age.String()}, status: 401, body: badSignature, header: refused}.check(t, a.deliver(t, s, delivery{id: "x", at: time.Now().Add(age)}))
	}
	for _, age := range []time.Duration{-280 * time.Second, 280 * time.Second} {
		d := delivery{id: "age-" + strconv.Itoa(int(age.Seconds())), at: time.Now().Add(age)}
		row{call: call{do: age.String()}, status: 200, body: hookHandled(d.id, len(d.text()))}.check(t, a.deliver(t, s, d))
	}
	none := func(h http.Header, body *string) { // signed without an id
		h.Del("Webhook-Id")
		if s != webhook.Standard {
			*body = `{"type":"order.paid"}`
			h.Set(field, guard.Must(webhook.Sign(s, webhook.Secrets(hookSecret), &webhook.Delivery{Body: []byte(*body)})).Get(field))
		}
	}
	row{call: call{do: "no id"}, status: 400, body: e(400, "")}.check(t, a.deliver(t, s, delivery{id: "x", change: none}))
	if s == webhook.Standard {
		stop := func(h http.Header, _ *string) { h.Set("Webhook-Id", "msg.1") }
		row{call: call{do: "a full stop"}, status: 400, body: e(400, "")}.check(t, a.deliver(t, s, delivery{id: "x", change: stop}))
	}
}

// TestWebhookOfSeveralProcesses: a delivery is handled once over all of them.
func TestWebhookOfSeveralProcesses(t *testing.T) {
	for name, env := range map[string]func(*testing.T) string{
		"Redis":      func(t *testing.T) string { return redisURL(t) },
		"PostgreSQL": postgresURL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := env(t)
			both := []*process{start(t, store), start(t, store)}
			for _, s := range senders {
				t.Run(string(s), func(t *testing.T) { checkWebhook(t, both[0], both[1], s) })
				one := make(chan string, 64)
				d := delivery{id: "at-once-" + string(s)}
				for i := range 64 {
					go func() {
						a := both[i%2].deliver(t, s, d)
						if a.status == 409 && a.header.Get("Retry-After") == "" {
							t.Errorf("no Retry-After: %v", a)
						}
						one <- fmt.Sprint(a.status) + a.body
					}()
				}
				counts := map[string]int{}
				for range 64 {
					counts[<-one]++
				}
				busy, again := counts[`409{"error":"Conflict","message":"The delivery is being handled"}`], counts["200"+hookReplayed(d.id)]
				if first := counts["200"+hookHandled(d.id, len(d.text()))]; first != 1 || first+busy+again != 64 {
					t.Errorf("%s: %v", s, counts)
				}
			}
		})
	}
}

// TestWebhookOutage: what cannot be remembered is not handled, and a refusal needs no store.
func TestWebhookOutage(t *testing.T) {
	t.Parallel()
	url, stop, _ := redisOf(t)
	p := start(t, "REDIS_URL="+url)
	stop()
	for _, s := range senders {
		row{status: 503, body: e(503, "")}.check(t, p.deliver(t, s, delivery{id: "a"}))
		row{status: 401, body: badSignature}.check(t, p.deliver(t, s, delivery{id: "a", secret: "another secret of 32 bytes or so"}))
	}
}

// TestWebhookSecret: the rules of WEBHOOK_SECRET.
func TestWebhookSecret(t *testing.T) {
	t.Parallel()
	const current, old = "whsec_bmV3IHNlY3JldCBvZiAzMiBieXRlcyBvciBzbyE=", "an old secret"
	p := start(t, "WEBHOOK_SECRET= "+current+" , "+old+" ")
	for _, s := range senders {
		for i, secret := range []string{current, old} {
			row{call: call{do: secret}, status: 200}.check(t, p.deliver(t, s, delivery{id: strconv.Itoa(i), secret: secret}))
		}
		row{status: 401, body: badSignature}.check(t, p.deliver(t, s, delivery{id: "dev"}))
	}
	for value, want := range map[string]string{
		"a,,b":            "WEBHOOK_SECRET: secret 2 of the list is empty",
		",":               "WEBHOOK_SECRET: secret 1 of the list is empty",
		"a, ":             "WEBHOOK_SECRET: secret 2 of the list is empty",
		"whsec_c2hvcnQ=":  "want at least 24",
		"whsec_hunter2!!": "is not base64 behind whsec_",
	} {
		q := launch(t, []string{"WEBHOOK_SECRET=" + value, "JWT_SECRET_KEY=" + secret}, "-dev", "-addr", "127.0.0.1:0")
		if err := <-q.exited; err == nil || !strings.Contains(q.logs(), want) || strings.Contains(q.logs(), "hunter2") || strings.Count(q.logs(), "\n") != 1 {
			t.Errorf("%q: %v, %s, want %q", value, err, q.logs(), want)
		}
	}
	q := launch(t, []string{"JWT_SECRET_KEY=" + secret}, "-addr", "127.0.0.1:0")
	row{status: 404}.check(t, q.deliver(t, webhook.Standard, delivery{id: "a"}))
	if !strings.Contains(q.logs(), "WEBHOOK_SECRET is not set: /webhook is not mounted") {
		t.Errorf("the log: %s", q.logs())
	}
}

// TestWebhookAnswers: JSON, of the exact bytes.
func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	p := start(t)
	a := p.deliver(t, webhook.GitHub, delivery{id: "a", change: func(h http.Header, body *string) {
		*body = "payload=%7B%7D \xff"
		h.Set("X-Hub-Signature-256", guard.Must(webhook.Sign(webhook.GitHub, webhook.Secrets(hookSecret), &webhook.Delivery{ID: "a", Body: []byte(*body)})).Get("X-Hub-Signature-256"))
	}})
	var got struct {
		ID    string
		Bytes int
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 || got.ID != "a" || got.Bytes != len("payload=%7B%7D \xff") {
		t.Errorf("%v %v", a, err)
	}
}
