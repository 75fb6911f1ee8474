package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/webhook"
)

// A vector is an example that a provider, or its library, publishes.
type vector struct {
	name   string
	sender webhook.Sender
	secret string
	at     int64
	header map[string]string
	body   string
	id     string
	kind   string
}

var vectors = []vector{
	{
		// The tests of the Standard Webhooks libraries, and Svix's documentation.
		"Standard Webhooks", webhook.Standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1614265330,
		map[string]string{
			"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
			"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		},
		`{"test": 2432232314}`, "msg_p5jXN8AQM9LWM0D4loKWxJek", "",
	},
	{
		// docs.github.com, "Validating webhook deliveries", which has no delivery.
		"GitHub", webhook.GitHub, "It's a Secret to Everybody", 0,
		map[string]string{
			"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
			"X-GitHub-Delivery":   "72d3162e-cc78-11e3-81ab-4c9367dc0958", "X-GitHub-Event": "push",
		},
		"Hello, World!", "72d3162e-cc78-11e3-81ab-4c9367dc0958", "push",
	},
	{
		// docs.slack.dev, "Verifying requests from Slack": a slash command.
		"Slack", commands(), "8f742231b10e8888abcd99yyyzzz85a5", 1531420618,
		map[string]string{
			"X-Slack-Request-Timestamp": "1531420618",
			"X-Slack-Signature":         "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
		},
		"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
			"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com" +
			"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
		"", "",
	},
	{
		// The tests of stripe-dotnet: docs.stripe.com publishes no secret. Its v0 is ignored.
		"Stripe", webhook.Stripe, "webhook_secret", 1533204620,
		map[string]string{
			"Stripe-Signature": "t=1533204620,v1=f0bdba6d4eacbd8ad8a3bbadd7248e633ec1477f7899c124c51b39405fa36613,v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef",
		},
		`{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "ii_123",
      "object": "invoiceitem",
      "amount": 1000,
      "currency": "usd",
      "customer": "cus_123",
      "date": 1533204620,
      "description": "Test Invoice Item",
      "discountable": false,
      "invoice": "in_123",
      "livemode": false,
      "metadata": {},
      "period": {
        "start": 1533204620,
        "end": 1533204620
      },
      "plan": null,
      "proration": false,
      "quantity": null,
      "subscription": null
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "invoiceitem.created"
}
`, "evt_123", "invoiceitem.created",
	},
}

// commands are Slack's slash commands, which have no event_id.
func commands() webhook.Form {
	f := webhook.Slack.Form()
	f.IDMember = ""
	return f
}

// TestVectors: the published examples verify, and Sign makes them.
func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			now := time.Unix(v.at, 0)
			hooks := guard.Must(webhook.New(v.sender, webhook.Secrets("another secret", v.secret), &webhook.Options{Now: func() time.Time { return now }}))
			r := post(v.body)
			for name, value := range v.header {
				r.Header.Set(name, value)
			}
			d, err := hooks.Authenticate(r)
			if err != nil {
				t.Fatal(err)
			}
			if d.ID != v.id || d.Type != v.kind || string(d.Body) != v.body {
				t.Errorf("id %q, type %q, body %q", d.ID, d.Type, d.Body)
			}
			if v.at != 0 && !d.Time.Equal(now) || v.at == 0 && !d.Time.IsZero() {
				t.Errorf("time %v", d.Time)
			}
			h, err := webhook.Sign(v.sender, webhook.Secrets(v.secret), &webhook.Delivery{ID: d.ID, Type: d.Type, Time: now, Body: []byte(v.body)})
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range v.header {
				if name == "Stripe-Signature" {
					value = value[:len("t=1533204620,v1=")+64] // v0 is of no live event
				}
				if got := h.Get(name); got != value {
					t.Errorf("Sign: %s: %q, want %q", name, got, value)
				}
			}
			if len(h) != len(v.header) {
				t.Errorf("Sign: %v", h)
			}
		})
	}
}

// TestPublishedPayload: the specification's example of a payload, byte for byte as it is
// pretty-printed, is not the minified one.
func TestPublishedPayload(t *testing.T) {
	const minified = `{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}`
	const pretty = "{\n  \"type\": \"contact.created\",\n  \"timestamp\": \"2022-11-03T20:26:10.344522Z\",\n  \"data\": {\n    \"id\": \"1f81eb52-5198-4599-803e-771906343485\"\n  }\n}"
	hooks := guard.Must(webhook.New(webhook.Standard, webhook.Secrets(standardSecret), nil))
	header := sign(t, webhook.Standard, &webhook.Delivery{ID: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", Body: []byte(pretty)})
	if d, err := hooks.Authenticate(with(post(pretty), header)); err != nil || d.Type != "contact.created" {
		t.Errorf("%v %v", d, err)
	}
	if _, err := hooks.Authenticate(with(post(minified), header)); err == nil {
		t.Error("a re-encoded body was accepted")
	}
}

func with(r *http.Request, h http.Header) *http.Request {
	for name, values := range h {
		r.Header[name] = values
	}
	return r
}
