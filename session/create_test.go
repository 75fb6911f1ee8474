package session_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

func TestCreate(t *testing.T) {
	m := manager(t, nil)
	_, old := create(t, m, "mallory")
	s, c := create(t, m, "alice", with(old))
	if s.Sub() != "alice" || s.Data() != (profile{"alice@example.com", "user"}) || c.Value == old.Value {
		t.Errorf("%v: %+v", s, s.Data())
	}
	alive(t, m, old, invalid) // session fixation: the presented session is destroyed, not adopted
	alive(t, m, c, "alice")
	for _, presented := range []string{"", "x", strings.Repeat("A", 43)} {
		_, c := create(t, m, "alice", "Cookie: "+old.Name+"="+presented)
		if c.Value == presented {
			t.Errorf("%q was adopted", presented)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	m := manager(t, &session.Options{MaxData: 100})
	_, c := create(t, m, "alice")
	for _, tt := range []struct {
		name    string
		header  []string
		subject string
		data    profile
		status  int
	}{
		{"more cookies than a browser has", slices.Repeat([]string{with(c)}, 181), "bob", profile{}, 431},
		{"another origin", []string{with(c), "Sec-Fetch-Site: cross-site"}, "bob", profile{}, 403},
		{"another origin, anonymous", []string{"Sec-Fetch-Site: cross-site"}, "bob", profile{}, 403},
		{"no subject", []string{with(c)}, "", profile{}, 500},
		{"a long subject", []string{with(c)}, strings.Repeat("x", 256), profile{}, 500},
		{"much data", []string{with(c)}, "bob", profile{Email: strings.Repeat("x", 100)}, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := recorder()
			s, err := m.Create(w, request("POST", tt.header...), tt.subject, tt.data)
			refused(t, err, tt.status, "")
			if s != nil || len(w.Header()) != 0 {
				t.Errorf("%v, %v", s, w.Header())
			}
			alive(t, m, c, "alice") // nothing has changed
		})
	}
}

// Of two concurrent logins with one old session both succeed.
func TestTwoLoginsAtOnce(t *testing.T) {
	m := manager(t, nil)
	_, old := create(t, m, "alice")
	got := make([]*http.Cookie, 2)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { _, got[i] = create(t, m, "alice", with(old)) })
	}
	wg.Wait()
	alive(t, m, old, invalid)
	alive(t, m, got[0], "alice")
	alive(t, m, got[1], "alice")
}

func BenchmarkCreate(b *testing.B) {
	m := manager(b, nil)
	r := request("POST")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Create(harness.NewDiscard(), r, "alice", profile{"alice@example.com", "user"}); err != nil {
			b.Fatal(err)
		}
	}
}
