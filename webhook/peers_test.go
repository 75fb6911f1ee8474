package webhook_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/webhook"
)

// The tests below are named after mistakes of other libraries. Those that are hostile
// deliveries are rows of TestHostile: svix-webhooks#1190 (a signature is compared as far as
// it goes), slack-go#439 (no clock), stripe-go's IgnoringTolerance, pipelines-as-code#2870.

// TestEmptySecret: go-github#2732, stripe-node#2841, standard-webhooks#286: with an empty
// secret anyone can sign.
func TestEmptySecret(t *testing.T) {
	for _, s := range providers {
		for _, secret := range []string{"", " ", "whsec_"} {
			if _, err := webhook.New(s, webhook.Secrets(secret), nil); err == nil {
				t.Errorf("%s accepts %q", s, secret)
			}
		}
	}
}

// TestEverySignatureCounts: sh1pt#530 read the first v1 only, which fails while a secret is
// replaced.
func TestEverySignatureCounts(t *testing.T) {
	rc := newReceiver(t, webhook.Stripe, nil)
	d := delivery("a")
	h := sign(t, webhook.Stripe, &d)
	zeros := ",v1=" + strings.Repeat("0", 64)
	h.Set("Stripe-Signature", strings.Replace(h.Get("Stripe-Signature"), ",", zeros+zeros+",v0=1,", 1))
	rc.send(with(post(string(d.Body)), h), 200, true)
}

// TestMalformedSignatureIsNoFailure: commitpulse#6544, grantex#892: a signature of another
// length, or beyond ASCII, was 500.
func TestMalformedSignatureIsNoFailure(t *testing.T) {
	for _, s := range providers {
		rc := newReceiver(t, s, nil)
		for _, text := range []string{"é", "\x00", "=", ",", " ", ";", "sha256=", "sha256=é", "t=,v1=", "v0=", strings.Repeat("v1=", 100)} {
			d := delivery("a")
			h := sign(t, s, &d)
			h.Set(fieldOf(s), text)
			rc.send(with(post(string(d.Body)), h), 401, false)
		}
	}
}

// TestHexadecimalInCapitals is what a comparison of texts refuses.
func TestHexadecimalInCapitals(t *testing.T) {
	rc := newReceiver(t, webhook.GitHub, nil)
	d := delivery("a")
	h := sign(t, webhook.GitHub, &d)
	h.Set("X-Hub-Signature-256", "sha256="+strings.ToUpper(strings.TrimPrefix(h.Get("X-Hub-Signature-256"), "sha256=")))
	rc.send(with(post(string(d.Body)), h), 200, true)
}

// TestBytesBeyondUTF8: github/docs#3567: a body that is decoded as text, and encoded again,
// has another signature.
func TestBytesBeyondUTF8(t *testing.T) {
	rc := newReceiver(t, webhook.GitHub, nil)
	for i, text := range []string{`{"tier":"💚"}`, "\xff\xfe", "{\"a\":\"\xed\xa0\x80\"}", "a=1&a=2\r\n", "\ufeff{}"} {
		rc.deliver(webhook.GitHub, webhook.Delivery{ID: string(rune('a' + i)), Body: []byte(text)}, 200, true)
	}
}

// TestRefusalHasNoSignature: slack-go#862: the error of a forged request had the right
// signature.
func TestRefusalHasNoSignature(t *testing.T) {
	rc := newReceiver(t, webhook.Slack, nil)
	d := delivery("a")
	h := sign(t, webhook.Slack, &d)
	right := strings.TrimPrefix(h.Get("X-Slack-Signature"), "v0=")
	h.Set("X-Slack-Signature", "v0="+strings.Repeat("0", 64))
	w := rc.send(with(post(string(d.Body)), h), 401, false)
	for _, decision := range rc.decisions.Decisions() {
		if strings.Contains(decision.Err.Error()+decision.Reason+w.Body.String(), right) {
			t.Errorf("the right signature is in %v", decision)
		}
	}
}

// TestFailureIsNoDelivery: hermes-agent#47293: a delivery was recorded before it was handled,
// and lost where that failed. TestOnce has the rest.
func TestFailureIsNoDelivery(t *testing.T) {
	rc := newReceiver(t, webhook.Standard, nil)
	rc.err = context.DeadlineExceeded
	rc.deliver(webhook.Standard, delivery("a"), 503, true)
	rc.err = nil
	rc.deliver(webhook.Standard, delivery("a"), 200, true)
}

// TestRetryWithAnotherTime: documenso#3204: an attempt that is signed anew, at another time,
// is the same delivery.
func TestRetryWithAnotherTime(t *testing.T) {
	now := time.Unix(noon, 0)
	rc := newReceiver(t, webhook.Standard, &webhook.Options{Now: func() time.Time { return now }})
	d := delivery("a")
	d.Time = now
	rc.deliver(webhook.Standard, d, 200, true)
	now = now.Add(2 * time.Hour)
	d.Time = now
	rc.deliver(webhook.Standard, d, 200, false)
}

// TestClock: connectors#8989: a time that is ahead can be replayed for twice the tolerance. It
// is no delivery then, but a repetition.
func TestClock(t *testing.T) {
	now := time.Unix(noon, 0)
	rc := newReceiver(t, webhook.Slack, &webhook.Options{Now: func() time.Time { return now }})
	d := delivery("a")
	d.Time = now.Add(5 * time.Minute)
	h := sign(t, webhook.Slack, &d)
	rc.send(with(post(string(d.Body)), h), 200, true)
	now = now.Add(10 * time.Minute)
	rc.send(with(post(string(d.Body)), h), 200, false)
	now = now.Add(time.Second)
	rc.send(with(post(string(d.Body)), h), 401, false)
	now = now.Add(-20 * time.Minute) // the clock goes back
	rc.send(with(post(string(d.Body)), h), 401, false)
}

// TestWindow: five minutes both ways, to the second.
func TestWindow(t *testing.T) {
	for age, want := range map[int64]int{300: 200, 301: 401, -300: 200, -301: 401} {
		hooks := guard.Must(webhook.New(webhook.Standard, webhook.Secrets(standardSecret), &webhook.Options{
			Now: func() time.Time { return time.Unix(noon+age, 999_000_000) },
		}))
		d := delivery("a")
		d.Time = time.Unix(noon, 0)
		w := httptest.NewRecorder()
		hooks.Handler(func(context.Context, *webhook.Delivery) error { return nil }).ServeHTTP(w, with(post(string(d.Body)), sign(t, webhook.Standard, &d)))
		if w.Code != want {
			t.Errorf("%d seconds: %d, want %d", age, w.Code, want)
		}
	}
}

// TestSignatureIsOverTheHeader: what Sign makes is what a receiver by hand computes.
func TestSignatureIsOverTheHeader(t *testing.T) {
	d := delivery("a")
	d.Time = time.Unix(noon, 0)
	got := signWith(t, webhook.Slack, &d, oldSecret).Get("X-Slack-Signature")
	if want := "v0=" + hex.EncodeToString(mac(sha256.New, oldSecret, "v0:"+now()+":"+string(d.Body))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
