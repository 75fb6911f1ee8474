package webhook_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/webhook"
)

// shopify signs the body alone, in base64.
var shopify = webhook.Form{
	Name: "shopify", Content: "{body}", SignatureField: "X-Shopify-Hmac-Sha256", Signature: "{base64}",
	IDField: "X-Shopify-Webhook-Id", TypeField: "X-Shopify-Topic",
}

// paddle has the time in the signature field, behind semicolons.
var paddle = webhook.Form{
	Name: "paddle", Content: "{time}:{body}", SignatureField: "Paddle-Signature", Signature: "h1={hex}", Separator: ";", TimeElement: "ts=",
	IDMember: "event_id", TypeMember: "event_type",
}

// TestOtherSenders: senders that a Form describes, with fields as they write them.
func TestOtherSenders(t *testing.T) {
	oldSvix := webhook.Standard.Form()
	oldSvix.Name, oldSvix.SignatureField, oldSvix.IDField, oldSvix.TimeField = "svix", "svix-signature", "svix-id", "svix-timestamp"
	at := time.Now()
	for _, tt := range []struct {
		form  webhook.Form
		field string
		want  string
	}{
		{shopify, "X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac(sha256.New, oldSecret, bodyOf))},
		{paddle, "Paddle-Signature", "ts=" + unix(at) + ";h1=" + hexMAC(sha256.New, oldSecret, unix(at)+":"+bodyOf)},
		{oldSvix, "Svix-Signature", "v1," + base64.StdEncoding.EncodeToString(mac(sha256.New, oldSecret, "msg_1."+unix(at)+"."+bodyOf))},
	} {
		h := signWith(t, tt.form, &webhook.Delivery{ID: "msg_1", Type: "orders/create", Time: at, Body: []byte(bodyOf)}, oldSecret)
		if got := h.Get(tt.field); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.form.Name, got, tt.want)
		}
		rc := newReceiver(t, tt.form, nil)
		rc.send(with(post(bodyOf), h), 200, true)
		rc.send(with(post(bodyOf), h), 200, false)
		rc.send(with(post(bodyOf+" "), h), 401, false)
	}
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// TestMistakes: New reports every mistake at once, and no secret.
func TestMistakes(t *testing.T) {
	changed := func(f func(*webhook.Form)) webhook.Form {
		form := webhook.Standard.Form()
		f(&form)
		return form
	}
	good := webhook.Secrets(standardSecret)
	var nilStore *once.Memory
	var nilForm *webhook.Form
	for name, tt := range map[string]struct {
		sender  webhook.Sender
		secrets []guard.Secret
		opts    *webhook.Options
		want    []string
	}{
		"no sender":                 {nil, good, nil, []string{"the sender is nil"}},
		"a nil form":                {nilForm, good, nil, []string{"the sender is nil"}},
		"an unknown provider":       {webhook.Provider("gitlab"), good, nil, []string{`"gitlab" is not a provider`}},
		"an empty form":             {webhook.Form{}, good, nil, []string{`Name ""`, "SignatureField is empty", `Content ""`, `Signature ""`}},
		"no secret":                 {webhook.GitHub, nil, nil, []string{"no secret"}},
		"an empty secret":           {webhook.GitHub, webhook.Secrets("a", ""), nil, []string{"secret 2 of 2 is empty"}},
		"a blank secret":            {webhook.GitHub, webhook.Secrets(" \n"), nil, []string{"secret 1 of 1 is empty"}},
		"a line break":              {webhook.GitHub, webhook.Secrets("hunter2hunter2\n"), nil, []string{"blanks or line breaks"}},
		"zeros":                     {webhook.GitHub, []guard.Secret{make([]byte, 32)}, nil, []string{"zeros only"}},
		"zeros in base64":           {webhook.Standard, webhook.Secrets("whsec_" + strings.Repeat("A", 43) + "="), nil, []string{"secret 1 of 1 has zeros only"}},
		"a prefix alone":            {webhook.Standard, webhook.Secrets("whsec_"), nil, []string{"secret 1 of 1 is empty"}},
		"a short secret":            {webhook.Standard, webhook.Secrets("whsec_c2hvcnQ="), nil, []string{"5 bytes behind whsec_"}},
		"no base64":                 {webhook.Standard, webhook.Secrets("whsec_hunter2!"), nil, []string{"is not base64 behind whsec_"}},
		"options":                   {webhook.GitHub, good, &webhook.Options{MaxBytes: -1, Timeout: -1, Remember: time.Minute}, []string{"MaxBytes", "Timeout", "Remember"}},
		"long options":              {webhook.GitHub, good, &webhook.Options{MaxBytes: math.MaxInt, Timeout: 2 * time.Hour, Remember: 1e6 * time.Hour}, []string{"MaxBytes", "Timeout", "Remember"}},
		"a nil store":               {webhook.GitHub, good, &webhook.Options{Once: nilStore}, []string{"Once is a nil *once.Memory"}},
		"no delimiter behind an id": {changed(func(f *webhook.Form) { f.Content = "{id}{time}.{body}" }), good, nil, []string{"nothing between two variables"}},
		"none before the body":      {changed(func(f *webhook.Form) { f.Content = "{id}.{time}{body}" }), good, nil, []string{"nothing between a variable and {body}"}},
		"a digit as delimiter":      {changed(func(f *webhook.Form) { f.Content = "{id}.{time}0{body}" }), good, nil, []string{"a digit behind a variable"}},
		"an id twice":               {changed(func(f *webhook.Form) { f.Content = "{id}.{time}.{id}.{body}" }), good, nil, []string{"{id} twice"}},
		"no body":                   {changed(func(f *webhook.Form) { f.Content = "{id}.{time}" }), good, nil, []string{"does not end with its one {body}"}},
		"the body twice":            {changed(func(f *webhook.Form) { f.Content = "{body}{id}.{time}.{body}" }), good, nil, []string{"one {body}"}},
		"an unknown variable":       {changed(func(f *webhook.Form) { f.Content = "{url}{id}.{time}.{body}" }), good, nil, []string{"an unknown part"}},
		"a time that is not signed": {changed(func(f *webhook.Form) { f.Content = "{id}.{body}" }), good, nil, []string{"Content has no {time}: a time that is not signed protects nothing"}},
		"a time from nowhere":       {changed(func(f *webhook.Form) { f.TimeField = "" }), good, nil, []string{"Content has {time}, and TimeField and TimeElement are empty"}},
		"two times":                 {changed(func(f *webhook.Form) { f.TimeElement = "t=" }), good, nil, []string{"TimeField and TimeElement"}},
		"an id from nowhere":        {changed(func(f *webhook.Form) { f.IDField = "" }), good, nil, []string{"IDField is empty"}},
		"two ids":                   {changed(func(f *webhook.Form) { f.IDMember = "id" }), good, nil, []string{"IDField and IDMember"}},
		"two types":                 {changed(func(f *webhook.Form) { f.TypeField = "X" }), good, nil, []string{"TypeField and TypeMember"}},
		"one field for two":         {changed(func(f *webhook.Form) { f.IDField = "webhook-signature" }), good, nil, []string{"two parts are in the field"}},
		"a bad field":               {changed(func(f *webhook.Form) { f.IDField = "webhook id" }), good, nil, []string{"not the name of a header field"}},
		"an unknown encoding":       {changed(func(f *webhook.Form) { f.Signature = "v1,{base32}" }), good, nil, []string{"{hex} or {base64}"}},
		"a long separator":          {changed(func(f *webhook.Form) { f.Separator = ", " }), good, nil, []string{"Separator"}},
		"a separator in the form":   {changed(func(f *webhook.Form) { f.Signature = "v1 {base64}" }), good, nil, []string{"contains the Separator"}},
		"a time like a signature":   {changed(func(f *webhook.Form) { f.TimeField, f.TimeElement = "", "v1" }), good, nil, []string{"begin alike"}},
		"half a challenge":          {changed(func(f *webhook.Form) { f.ChallengeType = "ping" }), good, nil, []string{"one of ChallengeType and ChallengeMember"}},
		"a challenge by the header": {changed(func(f *webhook.Form) { f.ChallengeType, f.ChallengeMember, f.TypeMember = "a", "b", "" }), good, nil, []string{"ChallengeType needs TypeMember"}},
	} {
		_, err := webhook.New(tt.sender, tt.secrets, tt.opts)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", name, err, want)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error has the secret: %v", name, err)
		}
		if tt.opts == nil {
			if _, err := webhook.Sign(tt.sender, tt.secrets, &webhook.Delivery{ID: "1"}); err == nil {
				t.Errorf("%s: Sign has no error", name)
			}
		}
	}
	for _, d := range []webhook.Delivery{{}, {ID: "a.b"}, {ID: "a b"}, {ID: strings.Repeat("a", 256)}, {ID: "a", Time: time.Unix(-1, 0)}} {
		if _, err := webhook.Sign(webhook.Standard, good, &d); err == nil {
			t.Errorf("Sign accepts %+v", d)
		}
	}
}

// TestSecretsOfStandard: base64 behind whsec_ with or without padding; otherwise its bytes.
func TestSecretsOfStandard(t *testing.T) {
	d := webhook.Delivery{ID: "a", Time: time.Unix(1764500000, 0), Body: []byte("{}")}
	want := signWith(t, webhook.Standard, &d, standardSecret).Get("Webhook-Signature")
	for _, secret := range []string{rawKey, strings.TrimRight(standardSecret, "=")} {
		if got := signWith(t, webhook.Standard, &d, secret).Get("Webhook-Signature"); got != want {
			t.Errorf("%s: %s, want %s", secret, got, want)
		}
	}
	if got := signWith(t, webhook.Standard, &d, strings.TrimPrefix(standardSecret, "whsec_")).Get("Webhook-Signature"); got == want {
		t.Error("base64 without whsec_ was decoded")
	}
}

// TestChallenge: Slack's url_verification is answered once it is verified, and not handled.
func TestChallenge(t *testing.T) {
	rc := newReceiver(t, webhook.Slack, nil)
	const text = `{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}`
	for range 2 { // an administrator may save the URL again
		w := rc.deliver(webhook.Slack, webhook.Delivery{Body: []byte(text)}, 200, false)
		if w.Body.String() != "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" {
			t.Errorf("body %q", w.Body)
		}
		if h := w.Header(); h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", h)
		}
	}
}

// TestBodies: a body is as long as it may be, and no longer, however it is sent.
func TestBodies(t *testing.T) {
	for name, tt := range map[string]struct {
		size, length int64
		outer        int64
		want         int
	}{
		"the limit":             {1 << 20, 1 << 20, 0, 200},
		"in chunks":             {1 << 20, -1, 0, 200},
		"too long":              {1<<20 + 1, 1<<20 + 1, 0, 413},
		"too long, in chunks":   {1<<20 + 1, -1, 0, 413},
		"too long for an outer": {2000, 2000, 1000, 413},
		"a length that is less": {2000, 10, 0, 200}, // net/http ends the body there; what was signed decides
		"a length that is more": {2000, 1 << 20, 0, 200},
	} {
		body := strings.Repeat("a", int(tt.size))
		r := with(httptest.NewRequest("POST", "/", struct{ io.Reader }{strings.NewReader(body)}), sign(t, webhook.GitHub, &webhook.Delivery{ID: "1", Body: []byte(body)}))
		r.ContentLength = tt.length
		w := httptest.NewRecorder()
		if tt.outer > 0 {
			r.Body = http.MaxBytesReader(w, r.Body, tt.outer)
		}
		hooks := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets(standardSecret), nil))
		hooks.Handler(func(_ context.Context, d *webhook.Delivery) error {
			if int64(len(d.Body)) != tt.size {
				t.Errorf("%s: %d bytes", name, len(d.Body))
			}
			return nil
		}).ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", name, w.Code, tt.want)
		}
	}
}

type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }

// TestUnreadable: a client that leaves in the middle is no failure of ours.
func TestUnreadable(t *testing.T) {
	var decisions guardtest.Recorder
	rc := newReceiver(t, webhook.GitHub, nil)
	r := with(httptest.NewRequest("POST", "/", brokenBody{io.ErrUnexpectedEOF}), sign(t, webhook.GitHub, &webhook.Delivery{ID: "1"}))
	rc.send(r, 400, false)
	rc.Handler = decisions.Observe(rc.Handler)
	r.Body = io.NopCloser(brokenBody{errors.New("http: request timed out")})
	rc.send(r, 400, false)
	if list := decisions.Decisions(); len(list) != 1 || list[0].Outcome != guard.Refused {
		t.Errorf("%v", &decisions)
	}
}

// TestForgedBodyIsNotRead: what is old or malformed is refused before its body is read.
func TestForgedBodyIsNotRead(t *testing.T) {
	rc := newReceiver(t, webhook.Standard, nil)
	for _, change := range []func(http.Header){
		func(h http.Header) { h.Set("Webhook-Signature", "v1,") },
		func(h http.Header) { h.Set("Webhook-Timestamp", "1") },
		func(h http.Header) { h.Del("Webhook-Timestamp") },
	} {
		r := with(httptest.NewRequest("POST", "/", brokenBody{errors.New("it was read")}), sign(t, webhook.Standard, &webhook.Delivery{ID: "1"}))
		change(r.Header)
		rc.send(r, 401, false)
	}
}

// TestScheme: the fields that are read select the answer.
func TestScheme(t *testing.T) {
	s := guard.Must(webhook.New(webhook.Standard, webhook.Secrets(standardSecret), nil)).Scheme()
	if s.Challenge != "Webhook" || s.Missing != "Invalid signature" || strings.Join(s.Vary, ", ") != "Webhook-Signature, Webhook-Timestamp, Webhook-Id" {
		t.Errorf("%+v", s)
	}
}

// TestSeveralSenders: one route can receive from two.
func TestSeveralSenders(t *testing.T) {
	standard := guard.Must(webhook.New(webhook.Standard, webhook.Secrets(standardSecret), nil))
	github := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets(standardSecret), nil))
	h := guard.Require(standard, github)(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, d *webhook.Delivery) { _, _ = io.WriteString(w, d.ID) }))
	for _, s := range []webhook.Provider{webhook.Standard, webhook.GitHub} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, with(post("{}"), sign(t, s, &webhook.Delivery{ID: "of-" + string(s), Body: []byte("{}")})))
		if w.Body.String() != "of-"+string(s) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	r := with(post("{}"), sign(t, webhook.GitHub, &webhook.Delivery{ID: "1", Body: []byte("{}")}))
	r.Header.Set("Webhook-Signature", "v1,forged") // a bad one never falls through
	if h.ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("%d", w.Code)
	}
}
