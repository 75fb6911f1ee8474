package interop_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

// tampered are callbacks that the provider did not send in this way, and why each
// application refuses them, in words that its reason contains. sent
// is how many requests each made to the token endpoint before it refused.
//
// The difference is the last row. openid-client leaves it to its caller to forget a state
// that was used; otherwise the code goes to the provider again, which then revokes the
// tokens of the first sign-in (RFC 6749, section 4.1.2). signin/oauth spends it.
var tampered = []struct {
	name                 string
	do                   func(v, other url.Values) // other is the callback of another sign-in of the person
	ours, theirs         string
	oursSent, theirsSent int
}{
	{"as it was sent", func(url.Values, url.Values) {}, "", "", 1, 1},
	{"iss of another issuer", set("iss", "https://evil.example"), "iss is another issuer", `unexpected "iss"`, 0, 0},
	{"iss with a slash more", func(v, _ url.Values) { v.Set("iss", v.Get("iss")+"/") }, "iss is another issuer", `unexpected "iss"`, 0, 0},
	{"no iss", drop("iss"), "iss is missing", `"iss" (issuer) missing`, 0, 0},
	{"another state", func(v, _ url.Values) { v.Set("state", strings.Repeat("0", len(v.Get("state")))) }, "no cookie of this sign-in", `unexpected "state"`, 0, 0},
	{"no state", drop("state"), "state is missing", `"state" missing`, 0, 0},
	{"no code", drop("code"), "code is missing", "no authorization code", 0, 0},
	{"two codes", func(v, other url.Values) { v.Add("code", other.Get("code")) }, "a parameter occurs twice", `"code" parameter must be provided only once`, 0, 0},
	{"two states", func(v, other url.Values) { v.Add("state", other.Get("state")) }, "a parameter occurs twice", `"state" parameter must be provided only once`, 0, 0},
	{"a code and an error", set("error", "access_denied"), "both a code and an error", "access_denied", 0, 0},
	{"an error", all(drop("code"), set("error", "access_denied")), "access_denied", "access_denied", 0, 0},
	{"an error, and no iss", all(drop("code"), drop("iss"), set("error", "access_denied")), "iss is missing", `"iss" (issuer) missing`, 0, 0},
	{"code of another sign-in", func(v, other url.Values) { v.Set("code", other.Get("code")) }, "invalid_grant", "invalid_grant", 1, 1}, // PKCE
	{"repeated", nil, "no cookie of this sign-in", "invalid_grant", 0, 1},
}

func set(name, value string) func(v, _ url.Values) {
	return func(v, _ url.Values) { v.Set(name, value) }
}

func drop(name string) func(v, _ url.Values) { return func(v, _ url.Values) { v.Del(name) } }

func all(changes ...func(v, other url.Values)) func(v, other url.Values) {
	return func(v, other url.Values) {
		for _, change := range changes {
			change(v, other)
		}
	}
}

// An outcome is what an application made of a callback.
type outcome struct{ Subject, Email, Refused string }

// TestBesideOpenIDClient signs in with signin/oauth and with openid-client, which is
// certified, at the same provider: both accept the same callbacks, with the same subject,
// and refuse the same ones.
func TestBesideOpenIDClient(t *testing.T) {
	a := startApplication(t)
	p := startOIDCProvider(t, a)
	client := clients[0].ID
	a.signInAt(t, p.issuer, "/"+client+"/login", clients[0])
	var ready struct{ Ready bool }
	node := startNode(t, &ready, "relyingparty.mjs", string(guard.Must(json.Marshal(map[string]string{
		"issuer": p.issuer, "id": client, "secret": clientSecret, "callback": a.URL + "/" + client + "/callback",
	}))))
	v := newVisitor(t, a, p)
	tokenRequests := func() int {
		var counts struct{ Seen map[string]int }
		p.do(t, map[string]any{"do": "seen"}, &counts)
		return counts.Seen["/token"]
	}
	ourBegin := func() *url.URL { return v.visit(v.begin(client, ""), "yes") }
	ours := func(callback *url.URL) outcome {
		if got := v.get(callback.String()); got.status != 303 {
			return outcome{Refused: a.reason()}
		}
		me, _ := v.me()
		return outcome{Subject: me.Subject, Email: me.Email}
	}
	theirBegin := func() *url.URL {
		var to struct{ URL string }
		node.do(t, map[string]any{"do": "begin"}, &to)
		return v.visit(to.URL, "yes")
	}
	theirs := func(callback *url.URL) (o outcome) {
		node.do(t, map[string]any{"do": "complete", "url": callback.String()}, &o)
		return o
	}
	for _, tt := range tampered {
		try := func(of string, begin func() *url.URL, complete func(*url.URL) outcome, refused string, sent int) {
			t.Helper()
			callback := begin()
			if tt.do == nil {
				if got := complete(callback); got.Subject != p.subject {
					t.Errorf("before: %s: %+v", of, got)
				}
			} else {
				q := callback.Query()
				tt.do(q, begin().Query())
				callback.RawQuery = q.Encode()
			}
			tokenRequests()
			got := complete(callback)
			if n := tokenRequests(); n != sent {
				t.Errorf("%s: %s: %d requests, want %d", tt.name, of, n, sent)
			}
			want := outcome{Subject: p.subject, Email: p.email}
			if refused != "" {
				if !strings.Contains(got.Refused, refused) {
					t.Errorf("%s: %s: %+v", tt.name, of, got)
				}
				want = outcome{Refused: got.Refused}
			}
			if got != want {
				t.Errorf("%s: %s: %+v", tt.name, of, got)
			}
		}
		try("signin/oauth", ourBegin, ours, tt.ours, tt.oursSent)
		try("openid-client", theirBegin, theirs, tt.theirs, tt.theirsSent)
		if (tt.ours == "") != (tt.theirs == "") {
			t.Errorf("%s: the two differ", tt.name)
		}
	}
}
