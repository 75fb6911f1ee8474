package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/webhook"
)

// An attempt is a delivery that was signed with standardSecret, and can be changed.
type attempt struct {
	http.Header
	body   string
	method string
	now    int64
}

// The reasons of refusals.
const (
	unsigned = "guard: no credentials"
	repeated = "webhook: a field, or the time in it, was sent twice"
	long     = "webhook: the signature field has more than 4096 bytes"
	tooMany  = "webhook: more than 16 signatures"
	none     = "webhook: no signature of the version and algorithm that this sender uses"
	noTime   = "webhook: no time"
	badTime  = "webhook: the time is not in Unix seconds"
	old      = "webhook: it is older than 5m0s, or the clocks differ"
	future   = "webhook: it is newer than 5m0s from now, or the clocks differ"
	mismatch = "webhook: no signature is that of this content: something was altered, or the secret is another one"
	noID     = "webhook: no id, or several"
	badID    = "webhook: the id is longer than 255 bytes, is not printable ASCII, or has the character behind {id} in Content"
	twoTypes = "webhook: the type was sent twice, or is longer than 255 bytes"
	tooLarge = "http: request body too large"
)

const (
	svix   = "Webhook-Signature"
	msgID  = "Webhook-Id"
	msgAt  = "Webhook-Timestamp"
	hub    = "X-Hub-Signature-256"
	hubID  = "X-Github-Delivery"
	stripe = "Stripe-Signature"
	slack  = "X-Slack-Signature"
	slacAt = "X-Slack-Request-Timestamp"
)

// bodyOf has an id at each place where a sender has one.
const bodyOf = `{"id":"evt_1","event_id":"Ev1","type":"order.paid","data":{"amount":10}}`

func mac(h func() hash.Hash, key, content string) []byte {
	m := hmac.New(h, []byte(key))
	m.Write([]byte(content))
	return m.Sum(nil)
}

func hexMAC(h func() hash.Hash, key, content string) string {
	return hex.EncodeToString(mac(h, key, content))
}

// rawKey is what standardSecret has for Standard Webhooks.
const rawKey = "guard-development-secret-32bytes"

// set replaces a field, add adds a line, edit changes one.
func set(name, value string) func(*attempt) { return func(a *attempt) { a.Set(name, value) } }
func add(name, value string) func(*attempt) { return func(a *attempt) { a.Add(name, value) } }
func del(name string) func(*attempt)        { return func(a *attempt) { a.Del(name) } }
func edit(name string, f func(string) string) func(*attempt) {
	return func(a *attempt) { a.Set(name, f(a.Get(name))) }
}
func replace(name, old, with string) func(*attempt) {
	return edit(name, func(s string) string { return strings.Replace(s, old, with, 1) })
}
func twice(name string) func(*attempt) { return func(a *attempt) { a.Add(name, a.Get(name)) } }
func body(s string) func(*attempt)     { return func(a *attempt) { a.body = s } }
func later(d int64) func(*attempt)     { return func(a *attempt) { a.now += d } }

// resigned signs another body, as the sender would.
func resigned(s webhook.Sender, d webhook.Delivery) func(*attempt) {
	return func(a *attempt) {
		if d.Time.IsZero() {
			d.Time = time.Unix(a.now, 0)
		}
		h, err := webhook.Sign(s, webhook.Secrets(standardSecret), &d)
		if err != nil {
			panic(err)
		}
		for name, values := range h {
			a.Header[name] = values
		}
		a.body = string(d.Body)
	}
}

// signed is for what Sign does not sign: an id, a time and a content of one's own.
func signed(id, at, content string) func(*attempt) {
	return func(a *attempt) {
		a.Set(msgID, id)
		a.Set(msgAt, at)
		a.Set(svix, "v1,"+base64.StdEncoding.EncodeToString(mac(sha256.New, rawKey, content)))
	}
}

type hostile struct {
	name   string
	change func(*attempt)
	status int
	reason string
}

var everySender = []hostile{
	{"an altered body", body(bodyOf[:len(bodyOf)-2] + "1}}"), 401, mismatch},
	{"a body with a space more", body(bodyOf + " "), 401, mismatch},
	{"a body that was encoded again", body(strings.ReplaceAll(bodyOf, ":", ": ")), 401, mismatch},
	{"no body", body(""), 401, mismatch},
	{"over 1 MiB", body(strings.Repeat("a", 1<<20+1)), 413, tooLarge},
}

var hostiles = map[webhook.Provider][]hostile{
	webhook.Standard: {
		{"unsigned", del(svix), 401, unsigned},
		{"an empty signature", set(svix, ""), 401, none},
		{"the signature twice", twice(svix), 401, repeated},
		{"two signature fields, one empty", add(svix, ""), 401, repeated},
		{"a version alone (svix-webhooks#1190)", set(svix, "v1,"), 401, none},
		{"the beginning of a signature", edit(svix, func(s string) string { return s[:len(s)-4] }), 401, none},
		{"no version", edit(svix, func(s string) string { return s[3:] }), 401, none},
		{"version v0", replace(svix, "v1,", "v0,"), 401, none},
		{"version v1a", replace(svix, "v1,", "v1a,"), 401, none},
		{"version V1", replace(svix, "v1,", "V1,"), 401, none},
		{"a version with an equals sign", replace(svix, "v1,", "v1="), 401, none},
		{"hexadecimal", set(svix, "v1,"+strings.Repeat("00", 32)), 401, none},
		{"zeros", set(svix, "v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32))), 401, mismatch},
		{"base64url", set(svix, "v1,"+strings.Repeat("-_", 21)+"-="), 401, none},
		{"base64 without padding", edit(svix, func(s string) string { return strings.TrimSuffix(s, "=") }), 401, none},
		{"base64 with unused bits", set(svix, "v1,"+strings.Repeat("A", 42)+"B="), 401, none},
		{"a comma between signatures", edit(svix, func(s string) string { return s + "," + s }), 401, none},
		{"a tab between signatures", edit(svix, func(s string) string { return s + "\t" + s }), 401, none},
		{"17 signatures", set(svix, strings.Repeat("v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32))+" ", 17)), 401, tooMany},
		{"a long field", edit(svix, func(s string) string { return strings.Repeat("v2,a ", 1000) + s }), 401, long},
		{"another secret", resigned(withSecret{webhook.Standard}, webhook.Delivery{ID: "msg_1", Body: []byte(bodyOf)}), 401, mismatch},
		{"the secret's text as its key", func(a *attempt) {
			a.Set(svix, "v1,"+base64.StdEncoding.EncodeToString(mac(sha256.New, standardSecret, "msg_1."+a.Get(msgAt)+"."+bodyOf)))
		}, 401, mismatch},
		{"the empty key", func(a *attempt) {
			a.Set(svix, "v1,"+base64.StdEncoding.EncodeToString(mac(sha256.New, "", "msg_1."+a.Get(msgAt)+"."+bodyOf)))
		}, 401, mismatch},
		{"SHA-512, its half", func(a *attempt) {
			a.Set(svix, "v1,"+base64.StdEncoding.EncodeToString(mac(sha512.New, rawKey, "msg_1."+a.Get(msgAt)+"."+bodyOf)[:32]))
		}, 401, mismatch},
		{"the body alone is signed", func(a *attempt) {
			a.Set(svix, "v1,"+base64.StdEncoding.EncodeToString(mac(sha256.New, rawKey, bodyOf)))
		}, 401, mismatch},
		{"another id", set(msgID, "msg_2"), 401, mismatch},
		{"no id", del(msgID), 400, noID},
		{"an empty id", set(msgID, ""), 400, noID},
		{"the id twice", twice(msgID), 400, noID},
		{"a full stop in the id", signed("msg.1", now(), "msg.1."+now()+"."+bodyOf), 400, badID},
		{"an id that takes the time", signed("msg_1."+now(), now(), "msg_1."+now()+"."+now()+"."+bodyOf), 400, badID},
		{"a blank in the id", signed("msg 1", now(), "msg 1."+now()+"."+bodyOf), 400, badID},
		{"an id beyond ASCII", signed("msg_é", now(), "msg_é."+now()+"."+bodyOf), 400, badID},
		{"a long id", signed(strings.Repeat("a", 256), now(), strings.Repeat("a", 256)+"."+now()+"."+bodyOf), 400, badID},
		{"no time", del(msgAt), 401, noTime},
		{"an empty time", set(msgAt, ""), 401, noTime},
		{"the time twice", twice(msgAt), 401, repeated},
		{"another time", func(a *attempt) { a.Set(msgAt, strconv.FormatInt(a.now+1, 10)) }, 401, mismatch},
		{"older than five minutes", later(301), 401, old},
		{"newer than five minutes", later(-301), 401, future},
		{"newer by 584 years", signed("msg_1", ages(), "msg_1."+ages()+"."+bodyOf), 401, future},
		{"a time of 1970", signed("msg_1", "1", "msg_1.1."+bodyOf), 401, old},
		{"a negative time", signed("msg_1", "-"+now(), "msg_1.-"+now()+"."+bodyOf), 401, badTime},
		{"a time with a sign", signed("msg_1", "+"+now(), "msg_1.+"+now()+"."+bodyOf), 401, badTime},
		{"a time with a zero", signed("msg_1", "0"+now(), "msg_1.0"+now()+"."+bodyOf), 401, badTime},
		{"a time with a blank", signed("msg_1", now()+" ", "msg_1."+now()+" ."+bodyOf), 401, badTime},
		{"milliseconds", signed("msg_1", now()+"000", "msg_1."+now()+"000."+bodyOf), 401, badTime},
		{"a fraction", signed("msg_1", now()+".0", "msg_1."+now()+".0."+bodyOf), 401, badTime},
		{"a huge time", signed("msg_1", strings.Repeat("9", 19), "msg_1."+strings.Repeat("9", 19)+"."+bodyOf), 401, badTime},
		{"digits of another script", signed("msg_1", "١٧٦٤", "msg_1.١٧٦٤."+bodyOf), 401, badTime},
		{"GitHub's signature", func(a *attempt) {
			a.Del(svix)
			a.Set(hub, "sha256="+hexMAC(sha256.New, standardSecret, bodyOf))
		}, 401, unsigned},
		{"a GET", func(a *attempt) { a.method = "GET" }, 405, "method_not_allowed"},
	},
	webhook.GitHub: {
		{"unsigned", del(hub), 401, unsigned},
		{"SHA-1 alone", func(a *attempt) {
			a.Del(hub)
			a.Set("X-Hub-Signature", "sha1="+hexMAC(sha1.New, standardSecret, bodyOf))
		}, 401, unsigned},
		{"SHA-1 in place of SHA-256", set(hub, "sha1="+hexMAC(sha1.New, standardSecret, bodyOf)), 401, none},
		{"SHA-512", set(hub, "sha512="+hexMAC(sha512.New, standardSecret, bodyOf)), 401, none},
		{"SHA-1 that is called SHA-256", set(hub, "sha256="+hexMAC(sha1.New, standardSecret, bodyOf)), 401, none},
		{"no digest (pipelines-as-code#2870)", set(hub, "sha256="), 401, none},
		{"no algorithm", replace(hub, "sha256=", ""), 401, none},
		{"an algorithm in capitals", replace(hub, "sha256=", "SHA256="), 401, none},
		{"a blank before the digest", replace(hub, "sha256=", "sha256= "), 401, none},
		{"two digests in a line", edit(hub, func(s string) string { return s + ", " + s }), 401, none},
		{"the signature twice", twice(hub), 401, repeated},
		{"another letter than hexadecimal", edit(hub, func(s string) string { return s[:len(s)-1] + "g" }), 401, none},
		{"one digit less", edit(hub, func(s string) string { return s[:len(s)-1] }), 401, none},
		{"a digest of other letters", edit(hub, func(s string) string { return s[:7] + strings.Repeat("é", 32) }), 401, none},
		{"the empty key (go-github#2732)", set(hub, "sha256="+hexMAC(sha256.New, "", bodyOf)), 401, mismatch},
		{"the secret without its prefix", set(hub, "sha256="+hexMAC(sha256.New, rawKey, bodyOf)), 401, mismatch},
		{"no delivery", del(hubID), 400, noID},
		{"the delivery twice", twice(hubID), 400, noID},
		{"a line break in the delivery", set(hubID, "a\nb"), 400, badID},
		{"the event twice", add("X-GitHub-Event", "ping"), 400, twoTypes},
	},
	webhook.Stripe: {
		{"unsigned", del(stripe), 401, unsigned},
		{"the signature twice", twice(stripe), 401, repeated},
		{"version v0 alone", replace(stripe, "v1=", "v0="), 401, none},
		{"version v2 alone", replace(stripe, "v1=", "v2="), 401, none},
		{"no time", edit(stripe, func(s string) string { return s[strings.Index(s, "v1="):] }), 401, noTime},
		{"an empty time", edit(stripe, func(s string) string { return "t=" + s[strings.Index(s, ",v1="):] }), 401, noTime},
		{"the time twice", edit(stripe, func(s string) string { return "t=1," + s }), 401, repeated},
		{"another time", edit(stripe, func(s string) string { return "t=" + now2() + s[strings.Index(s, ",v1="):] }), 401, mismatch},
		{"a time in hexadecimal", edit(stripe, func(s string) string { return "t=0x6" + s[strings.Index(s, ",v1="):] }), 401, badTime},
		{"blanks around the elements", edit(stripe, func(s string) string { return strings.ReplaceAll(s, ",", ", ") }), 401, none},
		{"semicolons between the elements", edit(stripe, func(s string) string { return strings.ReplaceAll(s, ",", ";") }), 401, none},
		{"older than five minutes (stripe-go's IgnoringTolerance)", later(301), 401, old},
		{"newer than five minutes", later(-301), 401, future},
		{"no id", resigned(webhook.Stripe, webhook.Delivery{Body: []byte(`{"type":"a","data":{"id":"evt_1"}}`)}), 400, noID},
		{"an empty id", resigned(webhook.Stripe, webhook.Delivery{Body: []byte(`{"id":""}`)}), 400, noID},
		{"a number as id", resigned(webhook.Stripe, webhook.Delivery{Body: []byte(`{"id":1}`)}), 400, noID},
		{"no JSON", resigned(webhook.Stripe, webhook.Delivery{Body: []byte(`id=evt_1`)}), 400, noID},
		{"a control character in the id", resigned(webhook.Stripe, webhook.Delivery{Body: []byte(`{"id":"evt\u0000"}`)}), 400, badID},
	},
	webhook.Slack: {
		{"unsigned", del(slack), 401, unsigned},
		{"the signature twice", twice(slack), 401, repeated},
		{"version v1", replace(slack, "v0=", "v1="), 401, none},
		{"no version", replace(slack, "v0=", ""), 401, none},
		{"no time", del(slacAt), 401, noTime},
		{"the time twice", twice(slacAt), 401, repeated},
		{"another time", set(slacAt, now2()), 401, mismatch},
		{"older than five minutes (slack-go#439)", later(301), 401, old},
		{"newer than five minutes", later(-301), 401, future},
		{"no event_id", resigned(webhook.Slack, webhook.Delivery{Body: []byte(`{"type":"event_callback","id":"1"}`)}), 400, noID},
		{"a slash command", resigned(webhook.Slack, webhook.Delivery{Body: []byte(`token=1&command=%2Fdeploy`)}), 400, noID},
		{"a challenge that is no text", resigned(webhook.Slack, webhook.Delivery{Body: []byte(`{"type":"url_verification","challenge":{"a":1}}`)}), 400, "webhook: the challenge is missing"},
		{"a forged challenge", body(`{"type":"url_verification","challenge":"c"}`), 401, mismatch},
	},
}

// withSecret signs with another secret.
type withSecret struct{ webhook.Provider }

func (w withSecret) Form() webhook.Form {
	f := w.Provider.Form()
	f.SecretPrefix = "" // the secret is another key then
	return f
}

var noon = harness.NewClock().Unix()

func now() string  { return strconv.FormatInt(noon, 10) }
func now2() string { return strconv.FormatInt(noon-1, 10) }

// ages returns a time that is 2^64 ns ahead, which is now to 64 bits.
func ages() string { return strconv.FormatInt(noon+18446744074, 10) }

// TestHostile: each hostile delivery is refused with its reason, which no client reads, and
// the function is not called.
func TestHostile(t *testing.T) {
	total := 0
	for _, s := range []webhook.Provider{webhook.Standard, webhook.GitHub, webhook.Stripe, webhook.Slack} {
		for _, tt := range append(everySender, hostiles[s]...) {
			total++
			t.Run(fmt.Sprintf("%s/%s", s, tt.name), func(t *testing.T) {
				a := &attempt{Header: http.Header{}, method: "POST", now: noon}
				resigned(s, webhook.Delivery{ID: "msg_1", Type: "push", Body: []byte(bodyOf)})(a)
				tt.change(a)
				refuses(t, s, a, tt)
			})
		}
	}
	if total < 80 {
		t.Errorf("%d hostile deliveries, want at least 80", total)
	}
}

func refuses(t *testing.T, s webhook.Sender, a *attempt, tt hostile) {
	t.Helper()
	called := false
	hooks := guard.Must(webhook.New(s, webhook.Secrets(standardSecret), &webhook.Options{Now: func() time.Time { return time.Unix(a.now, 0) }}))
	var decisions guardtest.Recorder
	h := decisions.Observe(hooks.Handler(func(context.Context, *webhook.Delivery) error {
		called = true
		return nil
	}))
	r := httptest.NewRequest(a.method, "/hooks", strings.NewReader(a.body))
	r.Header = a.Header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != tt.status || called {
		t.Errorf("status %d, called %t, want %d", w.Code, called, tt.status)
	}
	if cc := w.Header().Get("Cache-Control"); cc != "no-store" {
		t.Errorf("Cache-Control %q", cc)
	}
	if tt.status == 401 {
		if got := w.Header()["Www-Authenticate"]; len(got) != 1 || got[0] != "Webhook" {
			t.Errorf("WWW-Authenticate %q", got)
		}
		if w.Body.String() != `{"error":"Unauthorized","message":"Invalid signature"}` {
			t.Errorf("body %s", w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "webhook:") {
		t.Errorf("the client reads the reason: %s", w.Body)
	}
	list := decisions.Decisions()
	if len(list) != 1 || list[0].Package != "webhook" || list[0].Outcome != guard.Refused || list[0].Reason != tt.reason {
		t.Errorf("decisions %v, want one that is refused because of %q", &decisions, tt.reason)
	}
	for _, d := range list {
		if strings.Contains(d.Reason, rawKey) || strings.Contains(d.Reason, a.Get(fieldOf(webhook.Standard))) && a.Get(fieldOf(webhook.Standard)) != "" {
			t.Errorf("the reason has a credential: %s", d.Reason)
		}
	}
}
