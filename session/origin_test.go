package session_test

import (
	"testing"

	"github.com/go-guard/guard/session"
)

func TestCrossOrigin(t *testing.T) {
	strict := manager(t, &session.Options{TrustedOrigins: []string{"https://app.example.org"}})
	off := manager(t, &session.Options{InsecureNoCrossOriginCheck: true})
	tests := []struct {
		method string
		header []string
		want   int
	}{
		{"POST", nil, 200}, // no browser
		{"POST", []string{"Sec-Fetch-Site: same-origin"}, 200},
		{"POST", []string{"Sec-Fetch-Site: none"}, 200},
		{"POST", []string{"Sec-Fetch-Site: same-site"}, 403},
		{"POST", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"POST", []string{"Sec-Fetch-Site: x"}, 403},
		{"PUT", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"PATCH", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"DELETE", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"PURGE", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"CONNECT", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"post", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"GET", []string{"Sec-Fetch-Site: cross-site"}, 200}, // a link
		{"HEAD", []string{"Sec-Fetch-Site: cross-site"}, 200},
		{"OPTIONS", []string{"Sec-Fetch-Site: cross-site"}, 200},
		{"POST", []string{"Origin: https://example.com"}, 200},
		{"POST", []string{"Origin: https://evil.example"}, 403},
		{"POST", []string{"Origin: null"}, 403},
		{"POST", []string{"Origin: https://app.example.org"}, 200},
		{"POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://app.example.org"}, 200},
		{"POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://example.org"}, 403},
		{"GET", []string{"Upgrade: websocket", "Sec-Fetch-Site: cross-site"}, 403},
		{"GET", []string{"Upgrade: h2c, WebSocket", "Origin: https://evil.example"}, 403},
		{"GET", []string{"Upgrade: h2c", "Upgrade: websocket", "Origin: https://evil.example"}, 403},
		{"GET", []string{"Upgrade: websocket", "Origin: https://example.com"}, 200},
		{"GET", []string{"Upgrade: h2c", "Origin: https://evil.example"}, 200},
	}
	for _, tt := range tests {
		for _, m := range []*profiles{strict, off} {
			_, c := create(t, m, "alice")
			want := tt.want
			if m == off {
				want = 200
			}
			r := request(tt.method, append(tt.header, with(c))...)
			w, reached := serve(t, m.Wrap, r)
			if w.Code != want || reached != (want == 200) {
				t.Errorf("%s %v: %d, reached %t; want %d", tt.method, tt.header, w.Code, reached, want)
			}
			if got := r.Method; got != tt.method {
				t.Errorf("the method has become %s", got)
			}
			if want == 403 && w.Body.String() != `{"error":"Forbidden","message":"Cross-origin request refused"}` {
				t.Errorf("body %s", w.Body)
			}
			alive(t, m, c, "alice")
			// Without a cookie there is no authority to abuse: the request is
			// anonymous, wherever it comes from.
			if w, reached := serve(t, m.Wrap, request(tt.method, tt.header...)); w.Code != 401 || reached {
				t.Errorf("%s %v, anonymous: %d, reached %t", tt.method, tt.header, w.Code, reached)
			}
		}
	}
}

// The origin is checked before the store is called, and before the cookie is
// validated.
func TestCrossOriginComesFirst(t *testing.T) {
	methods := "Load"
	m := manager(t, &session.Options{Store: failing(newMemory(t, nil), &methods)})
	_, c := create(t, m, "alice")
	for _, cookie := range [][]string{{with(c)}, {with(c) + "x"}, {with(c), with(c)}} {
		r := request("POST", append(cookie, "Sec-Fetch-Site: cross-site")...)
		if w, reached := serve(t, m.Wrap, r); w.Code != 403 || reached {
			t.Errorf("%q: %d, reached %t", cookie, w.Code, reached)
		}
	}
}
