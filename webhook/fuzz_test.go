package webhook_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/webhook"
)

// fuzzParser fuzzes the signature field of a sender. A delivery is accepted if, and only
// if, a plain twin finds the right signature in it.
func fuzzParser(f *testing.F, s webhook.Sender, twin func(line, right string) bool, seeds ...string) {
	form := s.Form()
	d := webhook.Delivery{ID: "msg_1", Time: time.Unix(noon, 0), Body: []byte(bodyOf)}
	header := sign(f, s, &d)
	right := header.Get(form.SignatureField)
	hooks := guard.Must(webhook.New(s, webhook.Secrets(standardSecret), &webhook.Options{Now: func() time.Time { return d.Time }}))
	for _, seed := range append(seeds, "", right, right+" "+right, right+","+right, "X"+right, strings.ToUpper(right)) {
		f.Add(strings.ReplaceAll(seed, "RIGHT", right))
	}
	f.Fuzz(func(t *testing.T, line string) {
		h := header.Clone()
		h.Set(form.SignatureField, line)
		got, err := hooks.Authenticate(with(post(bodyOf), h))
		if want := len(line) <= 4096 && twin(line, right); want != (err == nil) {
			t.Errorf("%q: %v, want accepted %t", line, err, want)
		}
		if err == nil && string(got.Body) != bodyOf {
			t.Errorf("body %q", got.Body)
		}
	})
}

func FuzzStandardSignature(f *testing.F) {
	isMAC := regexp.MustCompile(`^v1,[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$`)
	fuzzParser(f, webhook.Standard, func(line, right string) bool {
		list := slices.DeleteFunc(strings.Split(line, " "), func(s string) bool { return !isMAC.MatchString(s) })
		return len(list) <= 16 && slices.Contains(list, right)
	}, "v1,", "v1a,AA== RIGHT", "v1, RIGHT", "RIGHT v1,", strings.Repeat("RIGHT ", 16), strings.Repeat("RIGHT ", 17), "v1,"+strings.Repeat("A", 41)+"\n\n=")
}

func FuzzGitHubSignature(f *testing.F) {
	fuzzParser(f, webhook.GitHub, func(line, right string) bool {
		digest, ok := strings.CutPrefix(line, "sha256=")
		return ok && strings.EqualFold(digest, strings.TrimPrefix(right, "sha256="))
	}, "sha256=", "sha1=aa", "sha256=\u212a")
}

func FuzzSlackSignature(f *testing.F) {
	fuzzParser(f, webhook.Slack, func(line, right string) bool {
		digest, ok := strings.CutPrefix(line, "v0=")
		return ok && strings.EqualFold(digest, strings.TrimPrefix(right, "v0="))
	}, "v0=", "v1=aa")
}

func FuzzStripeSignature(f *testing.F) {
	isMAC := regexp.MustCompile(`^v1=[0-9A-Fa-f]{64}$`)
	fuzzParser(f, webhook.Stripe, func(line, right string) bool {
		times, list := []string{}, []string{}
		for _, element := range strings.Split(line, ",") {
			if strings.HasPrefix(element, "t=") {
				times = append(times, element)
			} else if isMAC.MatchString(element) {
				list = append(list, strings.ToLower(element))
			}
		}
		return len(times) == 1 && times[0] == "t="+now() && len(list) <= 16 && slices.Contains(list, right[strings.Index(right, "v1="):])
	}, "t=1", "t=,t=1", "t=,RIGHT", "RIGHT,t=", "t=1,RIGHT", "v1=,RIGHT", "v1=00,RIGHT,v0=1")
}

// FuzzForm: whatever a Form says, New accepts none that has two readings: what Sign makes of
// one delivery verifies, and of another one does not.
func FuzzForm(f *testing.F) {
	f.Add("{id}.{time}.{body}", "v1,{base64}", " ", "", "a", "b")
	f.Add("{time}{body}", "{hex}", ",", "t=", "a", "b")
	f.Add("{id}0{body}", "{hex}", "", "", "a0", "a")
	f.Add("v0:{id}{time}:{body}", "v0={hex}", ";", "ts=", "1", "2")
	f.Add("{body}", "{hex}", ",", "", "1", "1")
	f.Fuzz(func(t *testing.T, content, signature, separator, element, id, otherID string) {
		form := webhook.Form{
			Name: "fuzz", Content: content, SignatureField: "Signature", Signature: signature,
			Separator: separator, TimeElement: element, IDField: "Id",
		}
		if element == "" && strings.Contains(content, "{time}") {
			form.TimeField = "Time"
		}
		hooks, err := webhook.New(form, webhook.Secrets(oldSecret), &webhook.Options{Now: func() time.Time { return time.Unix(noon, 0) }})
		if err != nil {
			return
		}
		d := webhook.Delivery{ID: id, Time: time.Unix(noon, 0), Body: []byte(bodyOf)}
		h, err := webhook.Sign(form, webhook.Secrets("another", oldSecret, "third")[1:], &d)
		if err != nil {
			return
		}
		if got, err := hooks.Authenticate(with(post(bodyOf), h)); err != nil || got.ID != id {
			t.Fatalf("%+v: %v", form, err)
		}
		if _, err := hooks.Authenticate(with(post(bodyOf+" "), h)); err == nil {
			t.Errorf("%+v: another body", form)
		}
		h.Set("Id", otherID)
		if _, err := hooks.Authenticate(with(post(bodyOf), h)); err == nil && otherID != id && strings.Contains(content, "{id}") {
			t.Errorf("%+v: another id", form)
		}
	})
}

// FuzzBody: what was signed verifies, and its one byte of change does not.
func FuzzBody(f *testing.F) {
	f.Add([]byte(bodyOf), 3)
	f.Add([]byte(nil), 0)
	f.Add([]byte(`{"id":"\u0069","id":"2"}`), 7)
	hooks := guard.Must(webhook.New(webhook.GitHub, webhook.Secrets(standardSecret), nil))
	f.Fuzz(func(t *testing.T, body []byte, at int) {
		h := sign(t, webhook.GitHub, &webhook.Delivery{ID: "1", Body: body})
		if d, err := hooks.Authenticate(with(post(string(body)), h)); err != nil || string(d.Body) != string(body) {
			t.Fatalf("%q: %v", body, err)
		}
		if at >= 0 && at < len(body) {
			changed := slices.Clone(body)
			changed[at] ^= 1
			if _, err := hooks.Authenticate(with(post(string(changed)), h)); err == nil {
				t.Errorf("%q is accepted as %q", changed, body)
			}
		}
	})
}
